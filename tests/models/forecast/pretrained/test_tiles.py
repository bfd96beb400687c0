"""Products whose rows have the same bits wherever they stand."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tolerance import PARITY

from gatewise.models.forecast.pretrained.tiles import WIDTHS, in_rows, in_tiles, times, width


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(1024, 512), (192, 66), (41, 192)])
def test_a_row_has_the_same_bits_wherever_it_stands_and_however_many_there_are(shape: tuple[int, int]):
    rows, matrix = drawn(70, shape[1]), drawn(*shape)
    wide = width([matrix])
    found = times(rows, matrix, wide)
    for first, last in ((0, 1), (3, 9), (11, 70), (69, 70)):
        assert np.array_equal(times(rows[first:last], matrix, wide), found[first:last])
    exact = rows.astype(np.float64) @ matrix.T.astype(np.float64)
    np.testing.assert_allclose(found, exact, atol=PARITY["float32"] * np.abs(exact).max())


def test_a_tile_is_as_wide_as_all_matrices_allow():
    class Odd:
        """A library that multiplies more than four columns in two ways."""

        shape = (3, 5)

        def __matmul__(self, columns: np.ndarray) -> np.ndarray:
            found = np.ones((3, columns.shape[1]))
            found[:, 4:] += 1e-9
            return found

    assert width([Odd()]) == 4
    assert width([drawn(41, 192), Odd()]) == 4
    assert width([]) == max(WIDTHS)


def test_rows_come_back_from_tiles():
    rows = drawn(13, 7)
    tiles = in_tiles(rows, 8)
    assert tiles.shape == (2, 7, 8)
    assert np.array_equal(in_rows(tiles, 13), rows)
    assert not tiles[1, :, 5:].any()
