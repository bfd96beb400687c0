"""Working space and window normalisation go there and back, whatever the size and sign of the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.models.forecast.network.scaling import Space, WindowScale, seasonal_step


def scale_of(values: list[float], *, seen: list[bool] | None = None, step: float = 0.0, recent: int = 1) -> WindowScale:
    past = torch.tensor([values], dtype=torch.float64)
    mask = torch.tensor([seen or [True] * len(values)])
    return WindowScale.of(past, mask, torch.tensor([[step]], dtype=torch.float64), recent)


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1.0, 2.0, 3.0], True),
        ([1e-8, 2e-8], True),
        ([0.0, 1.0], False),
        ([-1.0, 1.0], False),
        ([1e-9, 1.0, 2.0], False),
    ],
)
def test_only_series_well_above_zero_are_read_as_logarithms(values: list[float], log: bool) -> None:
    assert Space.of(np.array(values)).log is log


@given(st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=20))
def test_spaces_return_what_they_took(values: list[float]) -> None:
    series = np.array(values)
    space = Space.of(series)
    np.testing.assert_allclose(space.leave(space.enter(series)), series, rtol=1e-12)


def test_leaving_stays_finite() -> None:
    assert np.isfinite(Space(log=True).leave(np.array([1e6]))).all()
    assert Space(log=False).leave(np.array([-1.0])).item() == -1.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_scale_goes_there_and_back(values: list[float]) -> None:
    scale = scale_of(values, step=1.0, recent=2)
    past = torch.tensor([values], dtype=torch.float64)
    torch.testing.assert_close(scale.undo(scale.apply(past)), past, rtol=1e-9, atol=1e-6)


def test_level_and_spread_are_of_what_was_seen() -> None:
    scale = scale_of([99.0, 1.0, 3.0, 5.0], seen=[False, True, True, True], recent=2)
    assert scale.level.item() == 4.0
    assert scale.spread.item() == pytest.approx(np.sqrt((9 + 1 + 1) / 3))


@pytest.mark.parametrize("value", [0.0, 1e12, -1e-8, 0.1])
def test_constant_window_has_no_spread(value: float) -> None:
    scale = scale_of([value] * 7, recent=7)
    assert scale.spread.item() == 0.0
    assert torch.isfinite(scale.apply(torch.ones(1, 3, dtype=torch.float64))).all()


def test_pause_in_a_moving_series_is_not_constancy() -> None:
    assert scale_of([2.0] * 5, step=1.0).spread.item() == pytest.approx(0.1)


def test_seasonal_step_is_the_scale_of_mase() -> None:
    values = np.array([1.0, 5.0, 2.0, 7.0])
    assert seasonal_step(values, 2) == pytest.approx((1 + 2) / 2)
    assert seasonal_step(values, 9) == pytest.approx((4 + 3 + 5) / 3)
    assert seasonal_step(values[:1], 1) == 0.0
