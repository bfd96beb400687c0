"""Where values are stored: one array for each type, whose places are used again when nobody reads them any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from ...recording import Value
from .statements import Keep, Scan, Statement


class Arena(NamedTuple):
    """offsets: of each value in the array of its type. lengths: of those arrays, in entries."""

    offsets: Mapping[Value, int]
    lengths: Mapping[np.dtype[Any], int]

    @property
    def bytes(self) -> int:
        """Of all arrays."""
        return sum(dtype.itemsize * length for dtype, length in self.lengths.items())


class _Life(NamedTuple):
    """From the statement that writes a value to the last that reads it."""

    begin: int
    end: int


def arena_of(
    statements: Sequence[Statement],
    sizes: Mapping[Value, int],
    dtypes: Mapping[Value, np.dtype[Any]],
    given: Set[Value],
) -> Arena:
    """Places for all values that statements write but the given; no two overlap while both are needed."""
    lives = sorted(
        ((value, life) for value, life in _lives(statements).items() if value not in given),
        key=lambda one: (one[1].begin, -sizes[one[0]]),
    )
    offsets: dict[Value, int] = {}
    lengths: dict[np.dtype[Any], int] = {}
    held: dict[np.dtype[Any], list[tuple[int, int, int]]] = {}  # where each begins and ends, and until when
    for value, life in lives:
        dtype, size = dtypes[value], sizes[value]
        still = [one for one in held.get(dtype, []) if one[2] >= life.begin]
        offset = _gap(still, size)
        offsets[value] = offset
        held[dtype] = sorted([*still, (offset, offset + size, life.end)])
        lengths[dtype] = max(lengths.get(dtype, 0), offset + size)
    return Arena(offsets, lengths)


def _gap(held: Sequence[tuple[int, int, int]], size: int) -> int:
    """The smallest gap between what is held, in order, that is large enough, or what comes behind."""
    best, behind = None, 0
    for begin, end, _ in held:
        room = begin - behind
        if room >= size and (best is None or room < best[0]):
            best = room, behind
        behind = max(behind, end)
    return behind if best is None else best[1]


def _lives(statements: Sequence[Statement]) -> Mapping[Value, _Life]:
    lives: dict[Value, _Life] = {}
    _live(statements, iter(range(1 << 40)), lives)
    return lives


def _live(statements: Sequence[Statement], clock: Iterator[int], lives: dict[Value, _Life]) -> None:
    """Note when values are written and read, in the order of the statements."""
    for one in statements:
        now = next(clock)
        if isinstance(one, Scan):
            _live_in(one, now, clock, lives)
            continue
        value = one.writes.value
        lives[value] = _Life(lives[value].begin if value in lives else now, now)
        for load in one.reads:
            if load.value in lives:
                lives[load.value] = _Life(lives[load.value].begin, now)


def _live_in(scan: Scan, begin: int, clock: Iterator[int], lives: dict[Value, _Life]) -> None:
    """What is written before a scan and used in it, or kept by it, lives through all of its steps."""
    inside = dict(lives) | {one.value: _Life(begin, begin) for one in scan.body if isinstance(one, Keep)}
    through = set(inside)
    _live(scan.body, clock, inside)
    end = next(clock)
    for value, life in inside.items():
        lives[value] = _Life(life.begin, end) if value in through and life.end > begin else life
