"""A whole forecast as a recorded program: experts, patches, network, quantiles, upright and upside down."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import numpy as np

from ....export.recording import Recording
from ..evaluation.calibration import widening_of
from ..model import Setup
from .forward import Forward
from .model import answered, asked, between, both_ways, furthest, readings
from .network import MIDDLE, embed, quantiles
from .step import STATES
from .sums import Singles
from .tokens import Late

INPUT, OUTPUT = "history", "quantiles"
TOLERANCE = 4e-6
"""Of what C gives, relative to the largest quantile or to 1: sums of float32 in another order."""


class _Forecast:
    """What both programs share: the history may have gaps, and begin late.

    recording: the program. history: its input, (rows,) float64, NaN where missing.
    """

    def __init__(self, network: Forward, weights: Mapping[str, Singles], rows: int) -> None:
        self.recording, self.network, self.rows = Recording(), network, rows
        self.history: Any = self.recording.input(example(rows))
        self.maps: Any = SimpleNamespace(**{name: _map(weights, name) for name in network.sizes.maps})

    @property
    def length(self) -> Any:
        """Rows from the first observation on; 0 where there is none."""
        seen: Any = (~np.isnan(self.history)).astype(np.int64)
        return (seen.cumsum(axis=0) > 0).sum(axis=0)

    def answers(self, rows: int, seasons: tuple[int, int], horizon: int) -> Any:
        """The quantiles at `network.LEVELS` of the steps after the history, read with these seasons, (horizon, LEVELS).

        rows: as many of its latest are looked at, and no more than `furthest` says.
        """
        recent = self.history[-min(rows, furthest(*seasons)) :]
        both: Any = np.stack([recent, -recent])
        question = asked(both, np.full(2, recent.shape[0]), *seasons, horizon, Late)
        found = quantiles(np, self.maps, *self._read(question.reading), question.steps)
        return both_ways(answered(found, question), self.network.reach)[0]

    def _read(self, reading: Any) -> tuple[Any, Any]:
        """What the LSTM read last and what it gave, (2, hidden) each; tokens that have not begun change nothing."""
        embedded: Any = embed(self.maps, reading.tokens)
        layers, hidden = len(self.network.layers), embedded.shape[-1]
        start = [np.zeros((hidden, 2), np.float32)] * (STATES * layers + 1)

        def advance(*given: Any) -> tuple[Any, ...]:
            *old, row = given
            before = [list(old[at : at + STATES]) for at in range(0, STATES * layers, STATES)]
            running, after = self.network.advance(row[None, :hidden], [[one[None] for one in each] for each in before])
            new = *(one[0] for each in after for one in each), running[0]
            return tuple(np.where(row[hidden:] > 0, one, before) for one, before in zip(new, old, strict=True))

        begun = np.transpose(reading.begun)[:, None].astype(np.float32)
        patches: Any = np.concatenate([np.transpose(embedded, (1, 2, 0)), begun], axis=1)
        found: Any = self.recording.scan(advance, start, patches)
        return embedded[:, -1], np.transpose(found[-1][-1])


class Program(_Forecast):
    """A forecast of the steps after so many rows, any of which may be missing, those at the beginning too.

    recording: the program. history: its input, (rows,) float64, NaN where missing. quantiles: its output, (horizon,
    levels) float64, as those of a panel with this history from its first observation on; NaN where that is shorter than
    ``needs``, or where a row is infinite.
    """

    def __init__(self, network: Forward, weights: Mapping[str, Singles], setup: Setup, rows: int, needs: int) -> None:
        super().__init__(network, weights, rows)
        self.quantiles: Any = np.where(self.length >= needs, self._forecast(setup), np.nan)

    def _forecast(self, setup: Setup) -> Any:
        values: Any = self._answered(setup) @ between(setup.levels).T
        values = widening_of(values, setup.levels, setup.widening)
        known: Any = np.nan_to_num(self.history)
        floor: Any = np.where(known.min(axis=0) >= 0, 0.0, -np.inf)  # that of `bounds.floor_of`
        low = floor if setup.bounds.minimum is None else setup.bounds.low
        values = np.minimum(np.maximum(values, low), setup.bounds.high)
        return values + (known * 0.0).sum(axis=0)

    def _answered(self, setup: Setup) -> Any:
        """The mean of the answers of all `readings` of a series of this length."""
        found: Any = None
        lengths = range(1, self.rows + 1)
        for told, alike in groupby(lengths, key=lambda length: readings(self.network, setup, length)):
            least, *_, most = alike
            answers = [self.answers(most, seasons, setup.horizon) for seasons in told]
            mean = sum(answers[1:], start=answers[0]) / len(answers)
            found = mean if found is None else np.where(self.length >= least, mean, found)
        return found


class Medians(_Forecast):
    """The medians of the steps after so many rows, read with one season.

    recording, history: see `Program`. medians: its output, (steps,) float64: of what `model.forecast` gives after the
    rows from the first observation on; NaN where there is none.
    """

    def __init__(self, network: Forward, weights: Mapping[str, Singles], season: int, rows: int, steps: int) -> None:
        super().__init__(network, weights, rows)
        self.medians: Any = np.where(self.length > 0, self.answers(rows, (season, 1), steps)[:, MIDDLE], np.nan)


def example(rows: int) -> np.ndarray:
    """A series with which nothing is special."""
    return 9.0 + np.random.default_rng(rows).normal(size=rows).cumsum()


def _map(weights: Mapping[str, Singles], name: str) -> Any:
    matrix, bias = np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"]
    return lambda rows: rows @ matrix + bias
