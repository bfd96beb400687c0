"""Who is compared with whom, on which series, over how many windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..arguments import whole
from ..model import Model, Setup
from ..panel import Panel
from ..words import count, few
from .registry import Kind

# Of more series than these a random sample is compared, because AutoETS and AutoTheta take seconds a series.
SAMPLE = 100


class TooShortError(InputError):
    """The series have no room for a single window."""


@dataclass
class Contest:
    """The terms of a comparison.

    models: those that take part, by the word a user chooses them with. windows: how many. rows: positions in
    the panel of the series compared. absent: why a network does not take part, one clause each.
    """

    models: dict[str, Model]
    windows: int
    rows: NDArray[np.int64]
    absent: list[str]
    notes: list[str]


def contest(panel: Panel, setup: Setup, wanted: int, kinds: Mapping[str, Kind]) -> Contest:
    """The largest fair comparison the series have room for.

    All models get the same windows and series. There are as many of the ``wanted`` windows as the median
    series has room for; a network for which it has room for none stays out. Raises TooShortError where nobody
    has room.
    """
    wanted = whole("windows", wanted)
    models = {word: kind.make(setup) for word, kind in kinds.items()}
    history = {word: kinds[word].history(model, setup) for word, model in models.items()}
    room = {word: _room(panel, setup.horizon, needed) for word, needed in history.items()}
    absent = [
        f"The series are too short for {kinds[word].called} (the median has {_median(panel):,} observations, "
        f"a window of {setup.horizon:,} and {history[word]:,} before it are wanted)"
        for word in models
        if kinds[word].learns and not room[word]
    ]
    models = {word: model for word, model in models.items() if room[word] or not kinds[word].learns}
    windows = min([wanted, *(room[word] for word in models)]) if models else 0
    if windows < 1:
        raise _too_short(panel, setup, min(history.values()))
    rows = _long_enough(panel, windows * setup.horizon + max(history[word] for word in models))
    notes = _notes(panel, rows, wanted, windows, setup.horizon)
    if len(rows) > SAMPLE and any(kinds[word].costly for word in models):
        notes.append(_sampled(len(rows), [kinds[word] for word in models], setup.seed))
        rows = np.sort(np.random.default_rng(setup.seed).choice(rows, SAMPLE, replace=False))
    return Contest(models, windows, rows, absent, notes)


def _median(panel: Panel) -> int:
    return int(np.median(panel.lengths))


def _room(panel: Panel, horizon: int, history: int) -> int:
    """Windows that the median series has room for."""
    return max((_median(panel) - history) // horizon, 0)


def _long_enough(panel: Panel, length: int) -> NDArray[np.int64]:
    return np.flatnonzero(panel.lengths >= length)


def _too_short(panel: Panel, setup: Setup, history: int) -> TooShortError:
    return TooShortError(
        f"the series are too short to compare models on: the median has {_median(panel):,} observations, "
        f"a window of {setup.horizon:,} and {history:,} before it are wanted",
        hint="shorten the horizon, or choose a model yourself",
    )


def _notes(panel: Panel, rows: NDArray[np.int64], wanted: int, windows: int, horizon: int) -> list[str]:
    notes: list[str] = []
    if windows < wanted:
        notes.append(f"{count(windows, 'window')} instead of {wanted}: the series have no room for more.")
    if left := sorted(set(range(len(panel))) - set(rows.tolist())):
        notes.append(
            f"{len(left):,} of {count(len(panel), 'series', 'series')} are too short for "
            f"{count(windows, 'window')} of {count(horizon, 'step')} and were not compared "
            f"({few([panel.ids[row] for row in left])})."
        )
    return notes


def _sampled(many: int, kinds: list[Kind], seed: int) -> str:
    costly = " and ".join(kind.name for kind in kinds if kind.costly)
    networks = "".join(f"; {kind.called} learned from all series" for kind in kinds if kind.learns)
    return (
        f"{costly} ran on {SAMPLE} of {many:,} series, drawn at random (seed {seed}): "
        f"all models are compared on these{networks}."
    )
