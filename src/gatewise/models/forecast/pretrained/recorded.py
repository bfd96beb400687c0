"""A whole forecast as a recorded program: experts, patches, network, quantiles, upright and upside down."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from ....export.recording import Recorded, Recording
from ..evaluation.calibration import widening_of
from ..model import Setup
from .forward import Forward
from .model import answered, asked, between, both_ways, furthest, readings
from .network import MIDDLE, embed, quantiles
from .step import STATES
from .sums import Flags, Singles
from .tokens import Late, Reading

INPUT, OUTPUT = "history", "quantiles"
TOLERANCE = 4e-6
"""Of what C gives, relative to the largest quantile or to 1: sums of float32 in another order."""


class _Forecast:
    """What both programs share. rows: of the history. gaps: whether any of them may be missing."""

    def __init__(self, network: Forward, weights: Mapping[str, Singles], rows: int, *, gaps: bool) -> None:
        self.recording, self.network = Recording(gaps=gaps), network
        self.history = self.recording.input(example(rows))
        self.maps: Any = SimpleNamespace(**{name: _map(weights, name) for name in network.sizes.maps})

    def answers(self, recent: Any, seasons: tuple[int, int], horizon: int, read: type[Reading]) -> Any:
        """The quantiles at `network.LEVELS` of the steps after some observations, (horizon, LEVELS)."""
        both: Any = np.stack([recent, -recent])
        question = asked(both, np.full(2, recent.shape[0]), *seasons, horizon, read)
        begun = question.reading.begun if isinstance(question.reading, Late) else None
        found = quantiles(np, self.maps, *self._read(question.reading.tokens, begun), question.steps)
        return both_ways(answered(found, question), self.network.reach)[0]

    def _read(self, tokens: Any, begun: Flags | None) -> tuple[Any, Any]:
        """What the LSTM read last and what it gave, (2, hidden) each, of tokens that have all begun, or of some."""
        embedded: Any = embed(self.maps, tokens)
        layers, hidden = len(self.network.layers), embedded.shape[-1]
        start = [np.zeros((hidden, 2), np.float32)] * (STATES * layers + 1)

        def advance(*given: Any) -> tuple[Any, ...]:
            *old, row = given
            before = [list(old[at : at + STATES]) for at in range(0, STATES * layers, STATES)]
            running, after = self.network.advance(row[None, :hidden], [[one[None] for one in each] for each in before])
            new = *(one[0] for each in after for one in each), running[0]
            if begun is None:
                return new
            return tuple(np.where(row[hidden:] > 0, one, before) for one, before in zip(new, old, strict=True))

        patches: Any = np.transpose(embedded, (1, 2, 0))
        if begun is not None:
            patches = np.concatenate([patches, np.transpose(begun)[:, None].astype(np.float32)], axis=1)
        found: Any = self.recording.scan(advance, start, patches)
        return embedded[:, -1], np.transpose(found[-1][-1])


class Program(_Forecast):
    """A forecast of the steps after ``rows`` observations, none of them missing.

    recording: the program. history: its input, (rows,) float64. quantiles: its output, (horizon, levels) float64; NaN
    where an observation is missing or infinite.
    """

    def __init__(self, network: Forward, weights: Mapping[str, Singles], setup: Setup, rows: int) -> None:
        super().__init__(network, weights, rows, gaps=False)
        self.quantiles = self._forecast(setup, rows)

    def _forecast(self, setup: Setup, rows: int) -> Recorded:
        found = [
            self.answers(self.history[-furthest(*seasons) :], seasons, setup.horizon, Reading)
            for seasons in readings(self.network, setup, rows)
        ]
        mean = found[0] if len(found) == 1 else sum(found[1:], start=found[0]) / len(found)
        values: Any = mean @ between(setup.levels).T
        values = widening_of(values, setup.levels, setup.widening)
        floor: Any = np.where(self.history.min(axis=0) >= 0, 0.0, -np.inf)  # that of `bounds.floor_of`
        low = floor if setup.bounds.minimum is None else setup.bounds.low
        values = np.minimum(np.maximum(values, low), setup.bounds.high)
        return values + (self.history * 0.0).sum(axis=0)


class ProgramWithGaps(_Forecast):
    """The medians of the steps after so many rows, any of which may be missing, those at the beginning too.

    recording: the program. history: its input, (rows,) float64, NaN where missing. medians: its output, (steps,)
    float64: of what `model.forecast` gives after the rows from the first that is there; NaN where none is.
    """

    def __init__(self, network: Forward, weights: Mapping[str, Singles], season: int, rows: int, steps: int) -> None:
        super().__init__(network, weights, rows, gaps=True)
        if (most := furthest(season, 1)) < rows:
            raise ValueError(f"a forecast looks back on {most} rows")
        medians: Any = self.answers(self.history, (season, 1), steps, Late)[:, MIDDLE]
        seen: Any = (~np.isnan(self.history)).sum(axis=0)
        self.medians = np.where(seen > 0, medians, np.nan)


def example(rows: int) -> np.ndarray:
    """A series with which nothing is special."""
    return 9.0 + np.random.default_rng(rows).normal(size=rows).cumsum()


def _map(weights: Mapping[str, Singles], name: str) -> Any:
    matrix, bias = np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"]
    return lambda rows: rows @ matrix + bias
