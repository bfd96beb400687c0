"""How wide a network is that has a given number of parameters."""

from __future__ import annotations

from collections.abc import Callable

_WIDEST = 1 << 20


def nearest(count: Callable[[int], int], wanted: int) -> int:
    """The width, at least 1, whose count is nearest to ``wanted``.

    count: of a width, which rises with it. Of two that are as near, the narrower.
    """
    low, high = 1, 2
    while count(high) < wanted and high < _WIDEST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < wanted else (low, middle)
    return low if wanted - count(low) <= count(high) - wanted else high
