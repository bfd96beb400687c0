"""Measures of the M4 competition."""

from __future__ import annotations

from benchmarks.m4 import owa


def test_owa_by_hand():
    # sNaive on M4 hourly beside Naive2
    assert round(owa(13.912, 1.193, 18.383, 2.395), 3) == 0.627
