"""The LSTM in a backtest, where it also shows what each of its covariates is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import repeat

import numpy as np

from ....tables.covariates import longer
from ....tables.panel import Floats, Panel
from ..results import Quantiles
from ..shuffling import DRAWS, OtherTimes
from .lstm_model import LSTMModel


class RollingLSTM(LSTMModel):
    """The LSTM that also forecasts with the values of each covariate replaced by others, see `Quantiles.shuffled`.

    What changes from step to step is replaced by what it was at other times, and what describes a series by what
    describes another.
    """

    def predict(self, panel: Panel) -> Quantiles:
        """As `LSTMModel.predict`, with `Quantiles.shuffled`."""
        shuffled = {name: self._medians(panels) for name, panels in self._shuffled(panel) if panels}
        return replace(super().predict(panel), shuffled=shuffled)

    def _medians(self, panels: list[Panel]) -> Floats:
        return np.stack([super(RollingLSTM, self).predict(one).median for one in panels])

    def _shuffled(self, panel: Panel) -> Iterator[tuple[str, list[Panel]]]:
        """Each covariate, and the panels in which it has other values."""
        for block in self.encoding.blocks if self.encoding else ():
            assert panel.covariates is not None
            at = panel.covariates.names.index(block.name)
            static = panel.covariates.columns[at].role == "static"
            yield block.name, self._exchanged(panel, at) if static else self._moved(panel, at, block.lag)

    def _moved(self, panel: Panel, at: int, lag: int) -> list[Panel]:
        """With what it was at other times; a series without earlier ones stays as it is."""
        others = OtherTimes(self.horizon, panel.longer[0] if panel.longer else self.season, self.seed)
        series = zip(self._known(panel), panel.lengths.tolist(), strict=True)
        made = [list(others.of(own, at, length - lag)) or [own] * DRAWS for own, length in series]
        return [_with(panel, values) for values in zip(*made, strict=True)]

    def _exchanged(self, panel: Panel, at: int) -> list[Panel]:
        """With what describes the series so many places further on."""
        known, count = self._known(panel), len(panel)
        values = np.array([own[0, at] for own in known])
        turns = np.random.default_rng(self.seed).integers(1, count, DRAWS) if count > 1 else ()
        exchanged = [map(_filled, known, np.roll(values, turn), repeat(at)) for turn in turns]
        return [_with(panel, tuple(each)) for each in exchanged]

    def _known(self, panel: Panel) -> list[Floats]:
        """The covariates of each series up to the horizon after its end, (T + horizon, C)."""
        assert panel.covariates is not None
        ends = (panel.lengths + self.horizon).tolist()
        return [longer(own, end)[:end] for own, end in zip(panel.covariates.values, ends, strict=True)]


def _filled(known: Floats, value: float, at: int) -> Floats:
    filled = known.copy()
    filled[:, at] = value
    return filled


def _with(panel: Panel, values: Sequence[Floats]) -> Panel:
    """The panel with other values of its covariates."""
    assert panel.covariates is not None
    return replace(panel, covariates=replace(panel.covariates, values=tuple(values)))
