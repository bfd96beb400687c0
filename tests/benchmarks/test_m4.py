"""Measures of the M4 competition."""

from __future__ import annotations

import numpy as np
from benchmarks.m4 import owa, panel_of, with_seasons_of


def test_owa_by_hand():
    # sNaive on M4 hourly beside Naive2
    assert round(owa(13.912, 1.193, 18.383, 2.395), 3) == 0.627


def test_seasons_are_those_of_the_calendar_that_the_series_show():
    noise, hours = np.random.default_rng(0).normal(size=200), np.arange(24.0 * 30)
    weekly = with_seasons_of(panel_of([noise], 1), "W")
    assert (weekly.season, weekly.unshown) == (1, 52)
    hourly = with_seasons_of(panel_of([50 + np.sin(hours * np.pi / 12) + noise[hours.astype(int) % 199] / 9], 24), "h")
    assert hourly.season == 24
    assert hourly.frequency.counts
