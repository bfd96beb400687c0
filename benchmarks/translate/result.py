"""What a run is asked for, and what it gives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewise.estimators import Translator


@dataclass(frozen=True)
class Plan:
    """The same for every seed. budget: of training. settings: further arguments of a `Translator`."""

    budget: str
    threads: int
    beam: int
    cell: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    def translator(self, seed: int, **settings: Any) -> Translator:
        """One that is to learn until the time is over. settings: what the task has other defaults for."""
        own: dict[str, Any] = {"beam": self.beam, "budget": self.budget, "max_epochs": 1_000, "n_jobs": self.threads}
        return Translator(self.cell, random_state=seed, verbose=True, **{**own, **settings, **self.settings})


@dataclass(frozen=True)
class Result:
    """figures: by name, what the run is judged by. details: all else that was measured."""

    seed: int
    figures: dict[str, float]
    details: dict[str, Any]


@dataclass(frozen=True)
class Course:
    """A fitted translator and what it cost. busy: seconds of processors, which on an idle machine are those of the
    clock times the threads."""

    model: Translator
    seconds: float
    busy: float

    @property
    def details(self) -> dict[str, Any]:
        """Of a `Result`."""
        return {
            "seconds": round(self.seconds, 1),
            "seconds of processors": round(self.busy, 1),
            "epochs": self.model.n_iter_,
            "pairs": self.model.pairs_,
            "parameters": sum(weight.numel() for weight in self.model.network_.parameters()),
            "notes": self.model.notes_,
        }


def learned(model: Translator, source: Sequence[str], target: Sequence[str], save: Path | None) -> Course:
    """Fit, and say how long it took."""
    begun, busy = time.monotonic(), time.process_time()
    model.fit(source, target)
    seconds, busy = time.monotonic() - begun, time.process_time() - busy
    if save:
        model.save(save)
    return Course(model, seconds, busy)
