"""Intervals that hold what they promise: quantiles stretched by what held-out observations ask for."""

from __future__ import annotations

import torch
from torch import Tensor


def fold_of(steps: Tensor, block: int, folds: int) -> Tensor:
    """Which ensemble member does not learn from the observations at these positions of a series.

    Blocks of ``block`` observations go round the ``folds`` members, so that each is held out by exactly one.
    """
    return (steps // block) % folds


def stretch_factors(forecast: Tensor, actual: Tensor, levels: tuple[float, ...]) -> Tensor:
    """For each level the factor on its distance from the median that gives the level its frequency, (Q,).

    forecast: (N, Q) quantiles for held-out ``actual`` (N,). The factor is an empirical quantile of the ratios of
    the actual distance to the forecast one, as in split conformal prediction (Romano et al., arXiv:1905.03222).
    """
    factors = torch.ones(len(levels), dtype=forecast.dtype)
    middle = levels.index(0.5)
    departure = actual - forecast[:, middle]
    for position, level in enumerate(levels):
        reach = forecast[:, position] - forecast[:, middle]
        ratios = (departure / reach)[reach != 0]
        if position != middle and len(ratios):
            factors[position] = ratios.quantile(max(level, 1 - level)).clamp(min=0.0)
    return factors


def stretch(quantiles: Tensor, factors: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Quantiles (..., Q) with each distance from the median multiplied, still non-decreasing along Q."""
    middle = levels.index(0.5)
    median = quantiles[..., middle : middle + 1]
    stretched = median + factors * (quantiles - median)
    above = stretched[..., middle:].cummax(-1).values
    below = stretched[..., : middle + 1].flip(-1).cummin(-1).values.flip(-1)
    return torch.cat((below[..., :-1], above), dim=-1)
