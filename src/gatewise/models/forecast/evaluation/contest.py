"""The terms of a backtest: who takes part, on which series, and where the windows begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....tables.panel import Panel
from ....words import count, few, listed
from ..model import Model, Setup
from .contestants import Contestant, common_history
from .design import Design
from .ends import Ends
from .intermittent import intermittent
from .methods import RECENT_OBSERVATIONS
from .strata import stratified

# Of more series than these a stratified sample is compared, because models that search take seconds a series: fewer
# where the series are long, so that it takes about a minute.
SAMPLE, LEAST_SAMPLE = 100, 20
SAMPLED_OBSERVATIONS = 12_000


class TooShortError(InputError):
    """The series have no room for a single window."""


@dataclass
class Contest:
    """The terms of a comparison.

    models: those that take part, by the word a user chooses them with. origins: how many steps before the end each
    window begins, falling. ends: which series are compared, and up to when networks learn. absent: why a network does
    not take part, one clause each.
    """

    models: dict[str, Model]
    origins: range
    ends: Ends
    absent: list[str]
    notes: list[str]

    def members(self, contestant: Contestant, setup: Setup) -> list[str]:
        """The words of those taking part of which it is the pool."""
        return [word for word in (contestant.pools(setup) if contestant.pools else ()) if word in self.models]


def contest(
    panel: Panel, setup: Setup, design: Design, contestants: Mapping[str, Contestant], chosen: str | None = None
) -> Contest:
    """The largest fair comparison the series have room for.

    All models get the same windows and series. As much is held back, up to what the design asks for, as the median
    series has beyond the common history; a model that needs more stays out, so that no other loses a window to it,
    unless it is the one that the user chose. Raises TooShortError where there is no room for a window.
    """
    field = _Field(panel, setup, contestants, chosen, design)
    origins = design.origins(field.room)
    models, absent, notes = field.split(origins)
    least = origins.start + max([common_history(setup), *(model.needs for model in models.values())])
    ends = Ends.of(panel, np.flatnonzero(panel.lengths >= least), origins.start)
    notes += [*field.fewer(design, origins), *_left_out(panel, least), *ends.notes]
    taking_part = [contestants[word] for word in models]
    sample = _sample(panel.lengths[ends.rows])
    if len(ends.rows) > sample and any(contestant.costly for contestant in taking_part):
        notes.append(_sampled(sample, len(ends.rows), taking_part, setup.seed))
        past = panel.select(ends.rows).without_last(origins.start)
        ends = replace(ends, rows=ends.rows[stratified(past, sample, setup.seed)])
    notes += _searched([contestant.name for contestant in taking_part if contestant.costly], origins)
    notes += _unscored(panel.select(ends.rows), origins.start)
    terms = Contest(models, origins, ends, absent, notes)
    for word in [word for word in models if contestants[word].pools]:
        if len(terms.members(contestants[word], setup)) < 2:
            del models[word]
    return terms


class _Field:
    """Those that could take part, and the room that they leave."""

    def __init__(
        self, panel: Panel, setup: Setup, contestants: Mapping[str, Contestant], chosen: str | None, design: Design
    ) -> None:
        self.setup, self.contestants = setup, contestants
        self.median = int(np.median(panel.lengths))
        sparse = _mostly_intermittent(panel.without_last(design.held_back))
        entering = {word: one for word, one in contestants.items() if one.enters(setup, sparse) or word == chosen}
        self.models = {word: (one.entrant or one.make)(setup) for word, one in entering.items()}
        self.history = {word: contestants[word].history(model, setup) for word, model in self.models.items()}
        self.chosen = chosen if self._room(self.history.get(chosen or "", 0)) >= setup.horizon else None
        self.room = self._room(self.history.get(self.chosen or "", 0))
        if self.room < setup.horizon:
            raise TooShortError(
                f"the series are too short to compare models on: the median has {self.median:,} observations, "
                f"a window of {setup.horizon:,} and {common_history(setup):,} before it are needed",
                hint="shorten the horizon, or choose a model yourself",
            )

    def _room(self, history: int) -> int:
        """Observations that may be held back by a model that needs this history, and by those without needs."""
        return self.median - max(history, common_history(self.setup))

    def split(self, origins: range) -> tuple[dict[str, Model], list[str], list[str]]:
        """The models that have room before the first window, why networks have none, and notes why others have."""
        short = [word for word, history in self.history.items() if self.median - history < origins.start]
        reasons = {word: self._too_short(word, origins.start) for word in short}
        absent = [reason for word, reason in reasons.items() if self.contestants[word].learns]
        notes = [f"{reason}." for word, reason in reasons.items() if not self.contestants[word].learns]
        return {word: model for word, model in self.models.items() if word not in short}, absent, notes

    def _too_short(self, word: str, held_back: int) -> str:
        return (
            f"The series are too short for {self.contestants[word].called} (the median has {self.median:,} "
            f"observations, the windows take {held_back:,} and {self.history[word]:,} before them are needed)"
        )

    def fewer(self, design: Design, origins: range) -> Iterable[str]:
        """A note where less is held back than was asked for."""
        if origins.start < design.origins(design.held_back).start:
            for_whom = f" that {self.contestants[self.chosen].called} leaves" if self.chosen and self._takes else ""
            yield (
                f"The windows take the last {count(origins.start, 'observation')} of each series instead of "
                f"{design.held_back:,}: the series have no more room{for_whom}."
            )

    @property
    def _takes(self) -> bool:
        """Whether the chosen model leaves the others less room than they had without it."""
        return self.room < self._room(0)


def _mostly_intermittent(past: Panel) -> bool:
    return len(past) > 0 and float(np.mean(intermittent(past))) >= 0.5


def _left_out(panel: Panel, least: int) -> Iterable[str]:
    if left := np.flatnonzero(panel.lengths < least).tolist():
        yield (
            f"{len(left):,} of {count(len(panel), 'series', 'series')} have fewer than {least:,} observations and were "
            f"not compared ({few([panel.ids[row] for row in left])})."
        )


def _unscored(compared: Panel, held_back: int) -> Iterable[str]:
    if made := sum(int(made[-held_back:].sum()) for made in compared.made):
        verb = "was filled in and is" if made == 1 else "were filled in and are"
        yield f"{count(made, 'value')} of the windows {verb} not scored."


def _searched(names: list[str], origins: range) -> Iterable[str]:
    if names and len(origins) > 1:
        yield (
            f"{listed(names)} searched their forms once for each series, in what lies before the first window, and "
            "were fitted again before each."
        )


def _sample(lengths: NDArray[np.int64]) -> int:
    """How many series costly models can run on."""
    looked_at = float(np.minimum(lengths, RECENT_OBSERVATIONS).mean())
    return min(max(int(SAMPLED_OBSERVATIONS / looked_at), LEAST_SAMPLE), SAMPLE)


def _sampled(sample: int, many: int, contestants: list[Contestant], seed: int) -> str:
    costly = listed([contestant.name for contestant in contestants if contestant.costly])
    networks = "".join(
        f"; {contestant.called} learned from all series" for contestant in contestants if contestant.learns
    )
    return (
        f"{costly} ran on {sample} of {many:,} series, drawn at random (seed {seed}), of every length, scale and kind: "
        f"all models are compared on these{networks}."
    )
