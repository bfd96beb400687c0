"""The sentences about what a backtest shows, whose forecast the reader gets, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ....words import capital, count, listed, percent
from ..model import Setup
from ..results import Backtest, Judgement, Score, Window, Worth, central_levels
from .calibration import Coverage, widening
from .differences import Errors
from .judging import judge
from .scoring import coverages, leaderboard
from .worth import NOT_INFORMED, Informed, in_words, worth


@dataclass(frozen=True)
class Participants:
    """Who took part in a backtest.

    seconds: wall time of each model. called: what a model is called in a sentence, by its name, where that is not its
    name. absent: why one does not take part.
    asked: the model whose forecast was asked for; None to follow the judgement. informed: who takes covariates.
    """

    seconds: Mapping[str, float]
    called: Mapping[str, str] = field(default_factory=dict[str, str])
    absent: str = ""
    asked: str | None = None
    informed: Informed = NOT_INFORMED


def judged(setup: Setup, windows: tuple[Window, ...], step: int, participants: Participants) -> Backtest:
    """The backtest that these windows are, which begin ``step`` steps apart, without notes."""
    errors = Errors.of(windows, step)
    scores = leaderboard(windows, errors, step, participants.seconds)
    values = sum(int((~np.isnan(window.actual)).sum()) for window in windows)
    judgement = judge(errors, scores, values)
    size = Size(len(windows), setup.horizon, int(errors.observed.any(axis=0).sum()), values)
    forecaster = participants.asked or judgement.chosen
    held = coverages(windows, forecaster, step) if forecaster in errors.models else ()
    held = tuple(one for one in held if one.level in central_levels(setup.levels))
    factors = widening(windows, forecaster, held)
    found = worth(errors, windows, participants.informed)
    sentences = str(Verdict(judgement, scores, size, participants, held, factors, found))
    backtest = Backtest(setup.horizon, setup.season, scores, windows, judgement, sentences, step=step)
    return replace(backtest, widening=factors, worth=found)


@dataclass(frozen=True)
class Size:
    """How many windows, steps in each, series, and observations in all that were forecast."""

    windows: int
    horizon: int
    series: int
    values: int

    def __str__(self) -> str:
        series = f", {count(self.series, 'series', 'series')}" if self.series > 1 else ""
        return f"{count(self.windows, 'window')} of {count(self.horizon, 'step')}{series}"


@dataclass(frozen=True)
class Verdict:
    """Everything the sentences depend on.

    scores: best first. held: what the intervals of the model that forecasts held. widening, worth: see `Backtest`.
    """

    judgement: Judgement
    scores: Sequence[Score]
    size: Size
    participants: Participants
    held: Sequence[Coverage] = ()
    widening: Mapping[int, float] = field(default_factory=dict[int, float])
    worth: Worth | None = None

    def __str__(self) -> str:
        covariates = in_words(self.worth) if self.worth else ""
        sentences = f"{capital(self._shown())}; {self._forecaster()}.", covariates, self._expected(), self._held()
        return " ".join(filter(None, sentences))

    def _shown(self) -> str:
        """What the windows show."""
        if len(self.scores) == 1:
            return f"{self._called(self.judgement.best)} alone was tested ({self.size})"
        return {"wins": self._wins, "close": self._close, "naive": self._naive, "few": self._few}[
            self.judgement.claim
        ]()

    def _wins(self) -> str:
        best, next_best = self._score(self.judgement.best), self._score(self.judgement.runner_up)
        return (
            f"{best.model} wins: {_two(best.relative)} of {self._naive_error()}, {_two(next_best.relative)} for "
            f"{self._called(next_best.model)}, the next best ({self.size})"
        )

    def _close(self) -> str:
        return f"too close to call: {self._figures()} of {self._naive_error()} ({self.size})"

    def _naive(self) -> str:
        best, naive = self.judgement.best, self.judgement.naive
        by_chance = "" if best == naive else " by more than chance"
        of = "its error" if naive == self.judgement.reference else self._naive_error()
        return (
            f"no model did better than the {_plain(naive)} forecast{by_chance}: {self._figures()} of {of} ({self.size})"
        )

    def _few(self) -> str:
        return f"not enough to choose by: {self.size} hold {count(self.size.values, 'value')}"

    def _figures(self) -> str:
        """The best model's figure and the next best's, and that of the one that forecasts."""
        names = [self.judgement.best, self.judgement.runner_up, self._forecasts()]
        shown = [score for score in self.scores if score.model in names]
        return listed([f"{self._called(score.model)} {_two(score.relative)}" for score in shown])

    def _forecaster(self) -> str:
        forecasts, asked = self._forecasts(), self.participants.asked
        words = f"the forecast is {self._called(forecasts)}'s"
        if asked in (None, self.judgement.chosen):
            return words
        if any(score.model == asked for score in self.scores):
            return f"{words}, as asked"
        return f"{words}, as asked, which was not compared"

    def _expected(self) -> str:
        """What the choice is worth on a window that had no say in it."""
        expected = self.judgement.expected
        if self.participants.asked is not None or len(self.scores) == 1 or self.judgement.claim == "few":
            return ""
        if np.isnan(expected):
            return "It was chosen on the window that it is scored on: expect a larger error."
        return f"Chosen without the window it is scored on, the model had {_two(expected)} of that error."

    def _held(self) -> str:
        """What to think of the intervals."""
        short = [one for one in self.held if one.short]
        if not short:
            return ""
        held = listed([f"{percent(one.percent)} lay in its {one.level} % interval" for one in short])
        words = f"Of {short[0].values:,} values {held}, fewer than chance explains:"
        if not self.widening:
            return f"{words} read it as too narrow."
        return f"{words} it is widened {listed([f'{factor:.2f}-fold' for factor in self.widening.values()])}."

    def _forecasts(self) -> str:
        return self.participants.asked or self.judgement.chosen

    def _naive_error(self) -> str:
        return f"the {_plain(self.judgement.reference)} forecast's error"

    def _called(self, model: str) -> str:
        return self.participants.called.get(model, model)

    def _score(self, model: str) -> Score:
        return next(score for score in self.scores if score.model == model)


def _two(figure: float) -> str:
    return f"{figure:.2f}"


def _plain(name: str) -> str:
    """A naive model's name in plain words; any other as it is."""
    return {"SeasonalNaive": "seasonal naive", "Naive": "naive"}.get(name, name)
