"""Distances to the past, held against every pair of stretches compared directly."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from tests.tolerance import ROUNDING

from gatewise.models.detect import shapes
from gatewise.models.detect.shapes import LENGTHS, Shapes
from gatewise.tables.panel import Floats


def nearest(values: Floats, length: int) -> float:
    """The least mean squared distance of the last stretch to those that end before it begins."""
    last = values[-length:]
    before = [values[end - length : end] for end in range(length, len(values) - length + 1)]
    distances = [((last - one) ** 2).mean() for one in before]
    return min((one for one in distances if not np.isnan(one)), default=np.nan)


def walk(length: int) -> Floats:
    return np.random.default_rng(0).normal(size=length).cumsum() + 1e6


def read(values: Floats, past: Floats | None = None) -> Floats:
    known = Shapes(np.empty(0) if past is None else past)
    return np.array([known.nearest(value) for value in values])


@pytest.mark.parametrize("missing", [(), (40, 41, 170)])
def test_they_are_those_of_all_pairs(missing: tuple[int, ...]) -> None:
    values = walk(260)
    values[list(missing)] = np.nan
    found = read(values)
    for row in (5, 15, 16, 63, 64, 140, 178, 191, 192, 259):
        for place, length in enumerate(LENGTHS):
            own = values[: row + 1]
            wanted = nearest(own, length) if len(own) >= length and not np.isnan(own[-length:]).any() else np.nan
            assert found[row, place] == pytest.approx(wanted, rel=ROUNDING, nan_ok=True)


def test_a_large_value_leaves_nothing_behind() -> None:
    values = walk(260) - 1e6
    values[10] = 1e15
    assert read(values)[259] == pytest.approx([nearest(values, length) for length in LENGTHS], rel=ROUNDING)


def test_the_past_is_the_whole_state() -> None:
    values = walk(700)
    with mock.patch.object(shapes, "MEMORY", 250):
        whole = Shapes(np.empty(0))
        found = []
        for value in values:
            found.append(whole.nearest(value))
            if whole.past.size % 7 == 0:
                whole.rest()
        again = read(values)
        assert np.array_equal(found, again, equal_nan=True)
        for at in (130, 499, 500, 501, 690):
            begun = Shapes(np.empty(0))
            for value in values[:at]:
                begun.nearest(value)
            assert np.array_equal(read(values[at:], begun.past.copy()), again[at:], equal_nan=True)


def test_only_so_much_is_remembered() -> None:
    values = np.concatenate([np.full(200, 7.0), walk(400)])
    with mock.patch.object(shapes, "MEMORY", 250):
        known = Shapes(np.empty(0))
        for value in values:
            known.nearest(value)
        assert len(known.past) == 350
        assert known.nearest(7.0)[0] > 1
