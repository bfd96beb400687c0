"""The figures of a leaderboard, and one sentence about who won and whose forecast the reader gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ....tables.panel import Floats, Panel
from ....words import apart, few
from ..metrics import coverage, mase, mean, msis, over_steps, smape, wql
from ..results import MSIS_LEVEL, SCORED_LEVELS, Quantiles, Score, Window, central_levels


def score(model: str, windows: Sequence[Window], seconds: float) -> Score:
    """One model's figures; every series counts alike in every window, but in wql by its size.

    What was not observed counts nowhere. MASE, MSIS and the error by step are means over the series whose scale is
    defined. A forecast that is not a number makes all figures NaN: it is not passed over.
    """
    actual = np.concatenate([window.actual for window in windows])
    scale = np.concatenate([window.insample_scale for window in windows])
    forecast = joined([window.forecasts[model] for window in windows])
    observed = ~np.isnan(actual).all(axis=1)
    defined = observed & ~np.isnan(scale)
    known = actual[defined], forecast.median[defined], scale[defined]
    low, high = (bound[defined] for bound in forecast.interval(MSIS_LEVEL))
    scored = forecast.values[..., [forecast.levels.index(level) for level in SCORED_LEVELS]]
    return Score(
        model,
        mase=mean(mase(*known)),
        smape=mean(smape(actual[observed], forecast.median[observed])),
        wql=wql(actual, scored, SCORED_LEVELS),
        msis=mean(msis(known[0], low, high, MSIS_LEVEL, known[2])),
        coverage={level: coverage(actual, *forecast.interval(level)) for level in central_levels(forecast.levels)},
        seconds=seconds,
        error_by_step=error_by_step(*known),
    )


def joined(parts: Sequence[Quantiles]) -> Quantiles:
    """The forecasts of one model for several sets of series, as one."""
    return Quantiles(parts[0].model, parts[0].levels, np.concatenate([part.values for part in parts]))


def error_by_step(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    """Mean absolute scaled error at each step ahead, shape (H,)."""
    scaled = np.abs(actual - forecast) / scale[:, None]
    return over_steps(scaled.T, actual.T)


def undefined_scales(panel: Panel, windows: Sequence[Window]) -> tuple[str, ...]:
    """A note on the series that have no MASE, if any."""
    rows = sorted({int(row) for window in windows for row in window.series[np.isnan(window.insample_scale)]})
    if not rows:
        return ()
    names = few([panel.ids[row] for row in rows])
    compared = len({int(row) for window in windows for row in window.series})
    return (
        f"MASE is not defined for {len(rows):,} of {compared:,} series, which repeat themselves every season "
        f"({names}): they are left out of its mean.",
    )


def headline(score: Score) -> tuple[str, float]:
    """The measure models are ranked by, and its value: MASE, or sMAPE where MASE is not defined."""
    return ("sMAPE", score.smape) if math.isnan(score.mase) else ("MASE", score.mase)


def ranked(scores: Sequence[Score]) -> tuple[Score, ...]:
    """Best first; equal ones stay in order, a model without a figure comes last."""

    def key(score: Score) -> tuple[bool, float]:
        value = headline(score)[1]
        return math.isnan(value), value

    return tuple(sorted(scores, key=key))


@dataclass(frozen=True)
class Verdict:
    """Everything the sentence depends on.

    scores: as `ranked`. trial: such as ``"3 windows of 12 steps"``. networks: the word that chooses each
    network that took part, by its name. absent: why a network did not. chosen: the model whose forecast was
    asked for; None to follow the winner.
    """

    scores: Sequence[Score]
    trial: str
    networks: Mapping[str, str] = field(default_factory=dict[str, str])
    absent: str = ""
    chosen: str | None = None

    def __str__(self) -> str:
        best = self.scores[0].model
        if self.chosen in (None, best):
            return self._followed()
        rival = next((score for score in self.scores if score.model == self.chosen), None)
        if rival is None:
            return f"{self.absent or f'{self.chosen} was not compared'}; of the others {self._won()}"
        name = self._called(rival)
        return f"{best} {self._beats(rival)}; the forecast is {name}'s, as asked."

    def _followed(self) -> str:
        """The sentence where the forecast is the winner's."""
        best = self.scores[0].model
        network = next((score for score in self.scores if score.model in self.networks), None)
        if network is None and self.absent:
            return f"{self.absent}, so the forecast is {best}'s: {self._margin()}."
        if network is None or network.model == best or self.chosen:
            return self._won()
        word = self.networks[network.model]
        return f"{best} {self._beats(network)}, so the forecast is {best}'s; choose the model {word} to override."

    def _won(self) -> str:
        return f"{self.scores[0].model} wins: {self._margin()}."

    def _margin(self) -> str:
        """The winner's figure beside the next best's."""
        if len(self.scores) == 1:
            measure, value = headline(self.scores[0])
            return f"{measure} {value:.2f} ({self.trial})"
        measure, first, other = self._figures(self.scores[1])
        return f"{measure} {first} against {other} for {self.scores[1].model} ({self.trial})"

    def _beats(self, rival: Score) -> str:
        measure, first, other = self._figures(rival)
        verb = "equals" if first == other else "beats"
        return f"{verb} {self._called(rival)} ({measure} {first} against {other}, {self.trial})"

    def _called(self, score: Score) -> str:
        return f"the {score.model}" if score.model in self.networks else score.model

    def _figures(self, rival: Score) -> tuple[str, str, str]:
        """The measure, the winner's figure and the rival's."""
        measure, value = headline(self.scores[0])
        return measure, *apart(value, headline(rival)[1])
