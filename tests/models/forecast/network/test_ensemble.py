"""Stretched quantiles cover what they say, and never cross."""

from __future__ import annotations

import pytest
import torch

from gatewise.models.forecast.network.ensemble import fold_of, stretch, stretch_factors

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def quantiles(count: int, width: float) -> torch.Tensor:
    """The quantiles of a standard normal, made ``width`` times too wide."""
    normal = torch.distributions.Normal(0.0, 1.0)
    return (width * normal.icdf(torch.tensor(LEVELS))).double().expand(count, -1)


@pytest.mark.parametrize("width", [0.3, 1.0, 4.0])
def test_stretching_restores_coverage(width: float) -> None:
    actual = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).double()
    forecast = quantiles(len(actual), width)
    mended = stretch(forecast, stretch_factors(forecast, actual, LEVELS), LEVELS)
    below = (actual[:, None] <= mended).double().mean(0)
    torch.testing.assert_close(below, torch.tensor(LEVELS).double(), rtol=0, atol=0.01)


def test_median_stays() -> None:
    forecast = quantiles(50, 1.0)
    factors = stretch_factors(forecast, torch.linspace(-3, 3, 50).double(), LEVELS)
    assert factors[2] == 1.0


def test_stretched_quantiles_do_not_cross() -> None:
    factors = torch.tensor([0.1, 5.0, 1.0, 5.0, 0.1]).double()
    assert (stretch(quantiles(3, 1.0), factors, LEVELS).diff(dim=-1) >= 0).all()


def test_nothing_held_out_leaves_quantiles_alone() -> None:
    none = torch.zeros(0, len(LEVELS)).double()
    assert stretch_factors(none, torch.zeros(0).double(), LEVELS).tolist() == [1.0] * len(LEVELS)


def test_zero_width_is_survived() -> None:
    flat = torch.zeros(10, len(LEVELS)).double()
    assert torch.isfinite(stretch_factors(flat, torch.zeros(10).double(), LEVELS)).all()


def test_each_observation_is_held_out_by_one_member_in_blocks() -> None:
    folds = fold_of(torch.arange(24), block=4, folds=3)
    assert folds.tolist() == ([0] * 4 + [1] * 4 + [2] * 4) * 2
