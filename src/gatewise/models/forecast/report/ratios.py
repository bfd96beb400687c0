"""The chart of how models stand to the naive forecast, series by series or window by window."""

from __future__ import annotations

import numpy as np

from ....pages.axes import Scale
from ....pages.figure import Dot, Figure, Floats, Path, Rule, Tick
from ....pages.marks import line, series
from ..evaluation.differences import Errors
from ..results import Backtest, Score

_MOST_DOTS = 60  # of a row
_AIR = 0.05
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10, 20, 50, 100)
_HEIGHT = 40


def ratio_chart(backtest: Backtest) -> Figure | None:
    """Each model's errors over the naive forecast's, on a logarithmic scale; None where there is nothing to see."""
    errors, reference = Errors.of(backtest.windows, backtest.step), backtest.judgement.reference
    spreads = [np.log(errors.spread(score.model, reference)) for score in backtest.scores]
    spreads = [spread[np.isfinite(spread)] for spread in spreads]
    drawn = np.concatenate(spreads)
    if not drawn.any():
        return None
    across = _scale(drawn)
    rows = [_Row(place, score, len(spreads), across) for place, score in enumerate(backtest.scores)]
    each = "series" if errors.observed.any(axis=0).sum() > 1 else "window"
    return Figure(
        title=f"Errors over those of {reference}, {each} by {each}",
        description=f"Left of 1 a model is better than {reference}. Each dot is a {each}; a diamond is the ratio of "
        "the table, its line one standard error to either side.",
        x_ticks=_ticks(across),
        y_ticks=tuple(Tick(row.height, row.score.model) for row in rows),
        paths=tuple(path for row in rows for path in row.line()),
        dots=tuple(dot for row, spread in zip(rows, spreads, strict=True) for dot in row.dots(spread)),
        rules=(Rule(float(across(0.0))),),
        height=max(3 * _HEIGHT, _HEIGHT * len(rows)),
    )


class _Row:
    """One model's row of the chart."""

    def __init__(self, place: int, score: Score, count: int, across: Scale) -> None:
        self.score, self.across, self.style = score, across, series(place)
        self.height = 100 * (place + 0.5) / count

    def dots(self, spread: Floats) -> list[Dot]:
        """Some of the ratios, and over them the one of the table."""
        ordered = np.clip(np.sort(spread), self.across.low + _AIR, self.across.high - _AIR)
        chosen = np.linspace(0, len(ordered) - 1, min(len(ordered), _MOST_DOTS)).round().astype(int)
        faint = [self._dot(at, f"{self.style} faint", "circle") for at in ordered[chosen].tolist()]
        return [*faint, self._dot(np.log(self.score.relative), self.style, "diamond")] if self._shown else faint

    def line(self) -> list[Path]:
        """One standard error to either side, where there is one."""
        reach = self.score.relative_error / self.score.relative
        if not self._shown or not np.isfinite(reach) or reach == 0:
            return []
        ends = np.clip(np.log(self.score.relative) + np.array([-reach, reach]), self.across.low, self.across.high)
        return [line(self.across(ends), np.array([self.height, self.height]), f"{self.style} error")]

    @property
    def _shown(self) -> bool:
        """Whether the ratio of the table lies on the scale."""
        return bool(self.across.low <= np.log(self.score.relative) <= self.across.high)

    def _dot(self, at: float, style: str, shape: str) -> Dot:
        return Dot(float(self.across(at)), self.height, style, shape, f"{np.exp(at):.2f}")


def _scale(logs: Floats) -> Scale:
    """A scale of logarithms that holds nearly all of them, and 0."""
    low, high = (float(edge) for edge in np.quantile(logs, [0.01, 0.99]))
    return Scale(min(low, -0.1) - 2 * _AIR, max(high, 0.1) + 2 * _AIR)


def _ticks(across: Scale) -> tuple[Tick, ...]:
    places = [(float(across(np.log(ratio))), f"{ratio:g}") for ratio in _RATIOS]
    return tuple(Tick(at, text, minor=text not in ("0.5", "1", "2")) for at, text in places if 2 < at < 98)
