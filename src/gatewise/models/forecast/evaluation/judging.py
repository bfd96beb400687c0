"""What a backtest shows, and which model forecasts because of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..results import Claim, Judgement, Score
from .baselines import FALLBACKS
from .differences import Errors, log_ratios
from .pool import NAME as POOL
from .scoring import reference

"""The model that forecasts where none is ahead of it: the mean of all is seldom far from the best."""

CHANCE = 0.05
"""What is claimed would be claimed of equally good models no more often than this, over all comparisons made for it."""

FEWEST_CELLS, FEWEST_VALUES = 3, 20
"""With fewer windows of a series, or fewer observations in them, there is nothing to claim."""


def judge(errors: Errors, scores: Sequence[Score], values: int) -> Judgement:
    """What these errors show. scores: best first. values: how many observations were forecast in all."""
    best, runner_up = scores[0].model, scores[min(1, len(scores) - 1)].model
    naive = next((score.model for score in scores if score.model in FALLBACKS), reference(errors))
    intervals = min(scores, key=lambda score: (np.isnan(score.msis), score.msis))
    return Judgement(
        claim=_claim(errors, best, runner_up, naive, values),
        best=best,
        runner_up=runner_up,
        naive=naive,
        reference=reference(errors),
        chosen=chosen(errors),
        expected=expected(errors),
        intervals="" if np.isnan(intervals.msis) else intervals.model,
    )


def chosen(errors: Errors) -> str:
    """The model that forecasts: the best where it is ahead of the pool, else the pool.

    Where there is no pool, the simplest model of which the best is not ahead: the rule of one standard error (Breiman
    et al. 1984). To take the best always is worse: what a few windows show of small differences is mostly noise.
    `python -m benchmarks verdict` measures it.
    """
    best = _best(errors)
    safe = [POOL] if POOL in errors.models else list(errors.models)
    return next((model for model in safe if not errors.difference(best, model).ahead), best)


def expected(errors: Errors) -> float:
    """The relative error of the model chosen without the window that it is scored on, over all windows.

    A window that shares steps with all others is left out; NaN where all are.
    """
    total, naive = np.zeros(errors.observed.shape[1]), np.zeros(errors.observed.shape[1])
    tested = [window for window in range(len(errors.observed)) if errors.without(window).observed.any()]
    if not tested:
        return float("nan")
    for window in tested:
        others = errors.without(window)
        for sums, model in ((total, chosen(others)), (naive, reference(errors))):
            sums += np.where(errors.observed[window], errors.models[model][window], 0.0)
    scored = errors.observed.any(axis=0)
    return float(np.exp(log_ratios(total[scored], naive[scored]).mean()))


def _claim(errors: Errors, best: str, runner_up: str, naive: str, values: int) -> Claim:
    rivals = len(errors.models) - 1
    if errors.observed.sum() < FEWEST_CELLS or values < FEWEST_VALUES:
        return "few"
    if best == naive or not _better(errors, best, naive, rivals):
        return "naive"
    return "wins" if _better(errors, best, runner_up, rivals) else "close"


def _better(errors: Errors, model: str, rival: str, comparisons: int) -> bool:
    """Whether the lead is more than chance: Bonferroni's bound, because the model is the best of several."""
    difference = errors.difference(model, rival)
    return difference.ahead and difference.chance * comparisons <= CHANCE


def _best(errors: Errors) -> str:
    """The simplest of the models with the smallest error; one whose error is no number is never it."""
    ratios = {model: errors.relative(model, reference(errors)) for model in errors.models}
    return min(ratios, key=lambda model: (np.isnan(ratios[model]), ratios[model]))
