"""Products with matrices in which every row of many gets the bits that it gets alone.

What a BLAS computes for a row depends on where it stands in the matrix, on the processor that it finds, and on how many
rows there are. So rows are multiplied in tiles, as the columns of a matrix, so few at a time that it treats all alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .sums import Singles

WIDTHS = (32, 16, 8, 4, 2, 1)
"""How many columns a tile may have; the widest is quickest."""

T = TypeVar("T", bound=np.generic)


def width(matrices: Iterable[Singles]) -> int:
    """The widest tile all of whose columns get the same bits from each of these matrices (O, I), found by trying.

    The order in which a product is summed up does not depend on the numbers, so that one column of them shows it.
    """
    tried = [(matrix, _column(matrix.shape[1])) for matrix in matrices]
    return next(width for width in WIDTHS if all(_alike(matrix, column, width) for matrix, column in tried))


def in_tiles(rows: NDArray[T], width: int) -> NDArray[T]:
    """Rows (n, I) as the columns of tiles (tiles, I, width), the last filled up with zeros."""
    count, size = rows.shape
    padded = np.zeros((-(-count // width) * width, size), rows.dtype)
    padded[:count] = rows
    return np.ascontiguousarray(padded.reshape(-1, width, size).transpose(0, 2, 1))


def in_rows(tiles: NDArray[T], count: int) -> NDArray[T]:
    """The first so many columns of tiles (tiles, I, width) as rows (count, I): the way back."""
    return np.ascontiguousarray(tiles.transpose(0, 2, 1)).reshape(-1, tiles.shape[1])[:count]


def times(rows: Singles, matrix: Singles, width: int) -> Singles:
    """Rows (..., I) times the transpose of a matrix (O, I): (..., O)."""
    flat = rows.reshape(-1, rows.shape[-1])
    return in_rows(matrix @ in_tiles(flat, width), len(flat)).reshape(*rows.shape[:-1], -1)


def _column(size: int) -> Singles:
    return np.random.default_rng(0).normal(size=size).astype(np.float32)


def _alike(matrix: Singles, column: Singles, width: int) -> bool:
    found = matrix @ np.repeat(column[:, None], width, axis=1)
    return bool((found == found[:, :1]).all())
