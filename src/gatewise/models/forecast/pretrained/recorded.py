"""The whole forecaster as a recorded program: experts, patches, network, quantiles, upright and upside down."""

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
from .network import embed, quantiles
from .step import STATES
from .sums import Singles

INPUT, OUTPUT = "history", "quantiles"


class Program:
    """A forecast of the steps after ``rows`` observations, none of them missing.

    recording: the program. history: its input, (rows,) float64. quantiles: its output, (horizon, levels) float64; NaN
    where an observation is missing or infinite.
    """

    def __init__(self, network: Forward, weights: Mapping[str, Singles], setup: Setup, rows: int) -> None:
        self.recording, self.network = Recording(), network
        self.history = self.recording.input(example(rows))
        self.maps: Any = SimpleNamespace(**{name: _map(weights, name) for name in network.sizes.maps})
        self.quantiles = self._forecast(setup, rows)

    def _forecast(self, setup: Setup, rows: int) -> Recorded:
        found = [self._by(*seasons, setup.horizon) for seasons in readings(self.network, setup, rows)]
        mean = found[0] if len(found) == 1 else sum(found[1:], start=found[0]) / len(found)
        values: Any = mean @ between(setup.levels).T
        values = widening_of(values, setup.levels, setup.widening)
        floor: Any = np.where(self.history.min(axis=0) >= 0, 0.0, -np.inf)  # that of `bounds.floor_of`
        low = floor if setup.bounds.minimum is None else setup.bounds.low
        values = np.minimum(np.maximum(values, low), setup.bounds.high)
        return values + (self.history * 0.0).sum(axis=0)

    def _by(self, season: int, second: int, horizon: int) -> Any:
        """The quantiles at `LEVELS` of one reading, (horizon, LEVELS)."""
        recent: Any = self.history[-furthest(season, second) :]
        both: Any = np.stack([recent, -recent])
        question = asked(both, np.full(2, recent.shape[0]), season, second, horizon)
        found = quantiles(np, self.maps, *self._read(question.reading.tokens), question.steps)
        return both_ways(answered(found, question), self.network.reach)[0]

    def _read(self, tokens: Any) -> tuple[Any, Any]:
        """What the LSTM read last and what it gave, (2, hidden) each."""
        embedded: Any = embed(self.maps, tokens)
        layers, hidden = len(self.network.layers), embedded.shape[-1]
        start = [np.zeros((hidden, 2), np.float32)] * (STATES * layers + 1)

        def advance(*given: Any) -> tuple[Any, ...]:
            before = [list(given[at : at + STATES]) for at in range(0, STATES * layers, STATES)]
            running, after = self.network.advance(given[-1][None], [[one[None] for one in each] for each in before])
            return *(one[0] for each in after for one in each), running[0]

        patches: Any = np.transpose(embedded, (1, 2, 0))
        found: Any = self.recording.scan(advance, start, patches)
        return embedded[:, -1], np.transpose(found[-1][-1])


def example(rows: int) -> np.ndarray:
    """A series with which nothing is special."""
    return 9.0 + np.random.default_rng(rows).normal(size=rows).cumsum()


def _map(weights: Mapping[str, Singles], name: str) -> Any:
    matrix, bias = np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"]
    return lambda rows: rows @ matrix + bias
