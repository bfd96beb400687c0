"""Numbers that stand for missing values, such as -999: read so where they are said to, and asked about where they look
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, argument
from ..words import count, listed
from .options import ReadOptions
from .panel import Floats
from .table import Table

_NINES = tuple(10.0**digits - step for step, most in ((1, 7), (0.1, 5), (0.01, 4)) for digits in range(2, most + 1))
_LIMITS = (32768, 32767, 65535, 2147483648, 2147483647, 1e20, 9.969209968386869e36, 3.4028234663852886e38)
_SIZES = (*_NINES, *_LIMITS)
"""What files have where nothing was measured, with either sign: nines, and limits of the types of numbers."""
_SINGLE = 6e-8
"""How far a number is off, relative to itself, that was stored as a float32; round numbers are further from nines."""
_FEWEST = 8
"""Other values of the column by which one is known to lie far from all."""
_FAR = 5
"""How many times as large as all others a number above them has to be."""


def without_said(values: Floats, said: Sequence[float]) -> Floats:
    """The values with NaN in place of those that are said to be missing."""
    return np.where(_are(values, said), np.nan, values) if said else values


def refuse_sentinels(table: Table, numbers: Mapping[int, Floats], options: ReadOptions) -> None:
    """InputError where numbers of a column of ``rows`` may stand for missing values, and no option says whether.

    numbers: by the column. Such a number lies far from all others of its column.
    """
    if options.missing is not None:
        return
    for column, values in numbers.items():
        found, (low, high) = _sentinels(values)
        if not found:
            continue
        row = min(int(np.argmax(values == one)) for one in found)
        names = [f"{one:.15g}" for one in found]
        number = int(np.isin(values, found).sum())
        stands = "stands" if len(found) == 1 else "stand"
        raise InputError(
            f"{listed(names)} {stands} in {count(number, 'cell')} of a column of numbers from {low:.6g} to {high:.6g}, "
            "and may mean that nothing is known",
            where=table.where(row, column),
            hint=f"use {argument('missing', ','.join(names))} if so, else {argument('missing', 'none')}",
        )


def _sentinels(values: Floats) -> tuple[list[float], tuple[float, float]]:
    """The numbers that may stand for missing values, and the range of all others."""
    known = values[~np.isnan(values)]
    nothing = ([], (0.0, 0.0))
    # Who is far from all others is first or last among them: most columns are done with a look at these.
    if not len(known) or not _are(np.array([abs(known.min()), abs(known.max())]), _SIZES).any():
        return nothing
    apart = _are(np.abs(known), _SIZES)
    others = known[~apart]
    if len(others) < max(_FEWEST, int(apart.sum())):
        return nothing
    low, high = float(others.min()), float(others.max())
    candidates, counts = np.unique(known[apart], return_counts=True)
    found = [
        one
        for one, times in zip(candidates.tolist(), counts.tolist(), strict=True)
        if _is_far(one, low, high, repeated=times > 1)
    ]
    return found, (low, high)


def _are(values: Floats, numbers: Sequence[float]) -> NDArray[np.bool_]:
    """Which of the values is one of the numbers, also where it was stored as a float32."""
    places = np.zeros(len(values), np.bool_)
    for number in numbers:
        places |= np.abs(values - number) <= _SINGLE * abs(number)
    return places


def _is_far(one: float, low: float, high: float, *, repeated: bool) -> bool:
    """Whether a number lies far from all that are between low and high.

    One that repeats may be nearer, and one below zero where no other is.
    """
    largest = max(abs(low), abs(high))
    if one > 0:
        return one > _FAR * largest and (repeated or one > _FAR**2 * largest)
    far = low - one > (high - low) / 2 and -one > 1.5 * largest
    return far or (one < 0 <= low and repeated)
