"""The rule of settings: what it promises for sizes from one short series to a large panel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.models.forecast.network.settings import Settings


@given(
    horizon=st.integers(1, 400),
    season=st.integers(1, 400),
    lengths=st.lists(st.integers(2, 50_000), min_size=1, max_size=50),
)
def test_windows_hold_whole_patches_and_a_season(horizon: int, season: int, lengths: list[int]) -> None:
    settings = Settings.of(horizon, season, np.array(lengths))
    assert settings.look_back % settings.patch == 0
    assert settings.look_back >= season
    assert 1 <= settings.recent <= settings.look_back


@given(horizon=st.integers(1, 400), lengths=st.lists(st.integers(6, 5_000), min_size=1, max_size=50))
def test_every_member_leaves_out_a_part_of_the_median_series(horizon: int, lengths: list[int]) -> None:
    settings = Settings.of(horizon, 1, np.array(lengths))
    assert settings.block * settings.members <= np.median(lengths)
    assert settings.members % 2 == 1


@pytest.mark.parametrize("lengths", [[108], [144]])
def test_a_monthly_series_is_read_by_two_seasons_at_least(lengths: list[int]) -> None:
    assert Settings.of(12, 12, np.array(lengths)).look_back >= 24


def test_more_data_never_means_a_smaller_network() -> None:
    sizes = [Settings.of(12, 12, np.full(count, 200)) for count in (1, 10, 100, 1000)]
    for smaller, larger in pairwise(sizes):
        assert smaller.hidden <= larger.hidden
        assert smaller.steps <= larger.steps
