"""What programs of a persistent kernel do together: wait for each other, and multiply what all of them sent with their
own rows of U. Reviewed here, used by every cell.

What a program sends lies in memory twice, in turns, so that the slowest may still read what the fastest already follows
up. It is read past the processor's own cache (``.cg``), which may hold what lay there two steps ago.
"""

# pyright: basic, reportGeneralTypeIssues=false
from __future__ import annotations

import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]

LOST = tl.constexpr(1 << 30)
"""What a counter says when a program has given up: more than any target, so that nobody waits any more."""


@triton.jit
def arrive(counter, BARRIER: tl.constexpr):
    """Say that all this program sent is there: its threads first, then one for all of them."""
    if BARRIER:
        tl.debug_barrier()
        tl.atomic_add(counter, 1, sem="release", scope="gpu")


@triton.jit
def wait(counter, target, PATIENCE: tl.constexpr, BARRIER: tl.constexpr):
    """Wait until so many have arrived. Gives 0, or NaN where that took more than so many looks, which every result then
    shows: programs that do not run at the same time would wait for ever."""
    fault = 0.0
    if BARRIER:
        seen = tl.atomic_add(counter, 0, sem="acquire", scope="gpu")
        left = PATIENCE
        while (seen < target) & (left > 0):
            seen = tl.atomic_add(counter, 0, sem="acquire", scope="gpu")
            left -= 1
        if seen < target:
            tl.atomic_max(counter, LOST, sem="relaxed", scope="gpu")
            seen = target + LOST
        fault = tl.where(seen >= LOST, float("nan"), 0.0)
    return fault


@triton.jit
def weights(
    p_U,
    slot,
    unit,
    here,
    H: tl.constexpr,
    DEEP: tl.constexpr,
    TILES: tl.constexpr,
    SPLIT: tl.constexpr,
    TRANSPOSED: tl.constexpr,
):
    """Some rows of U (columns, if transposed) in tiles of (rows, DEEP), or (SPLIT, rows, DEEP): read once, before the
    first step. slot, unit, here: of each row which block it is of, which unit it gives, and whether it is one."""
    tiles = ()
    for number in tl.static_range(TILES):
        if SPLIT == 1:
            block, own, inside = slot[:, None], unit[:, None], (here & (unit < H))[:, None]
            other = (number * DEEP + tl.arange(0, DEEP))[None, :]
        else:
            block, own, inside = slot[None, :, None], unit[None, :, None], (here & (unit < H))[None, :, None]
            other = (number * SPLIT + tl.arange(0, SPLIT))[:, None, None] * DEEP + tl.arange(0, DEEP)[None, None, :]
        address = (block * H + other) * H + own if TRANSPOSED else (block * H + own) * H + other
        tiles = tiles + (tl.load(p_U + address, mask=inside & (other < H), other=0.0),)  # noqa: RUF005 - Triton has no other
    return tiles


@triton.jit
def product(
    tiles,
    p_sent,
    row,
    there,
    fault,
    M: tl.constexpr,
    ROWS: tl.constexpr,
    OPERANDS: tl.constexpr,
    H: tl.constexpr,
    DEEP: tl.constexpr,
    TILES: tl.constexpr,
    SPLIT: tl.constexpr,
    ACC: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Those tiles times the operands that all programs sent, (ROWS, M). row, there: which rows of what was sent, and
    whether they are any. With SPLIT each group of lanes has its share of what is summed."""
    if SPLIT == 1:
        sums = tl.zeros((M, ROWS), dtype=ACC) + fault
        other, at, known = tl.arange(0, DEEP)[:, None], row[None, :], there[None, :]
    else:
        sums = tl.zeros((SPLIT, M, ROWS), dtype=ACC) + fault
        other = tl.arange(0, SPLIT)[:, None, None] * DEEP + tl.arange(0, DEEP)[None, :, None]
        at, known = row[None, None, :], there[None, None, :]
    begin = p_sent + (at * (OPERANDS * H) + other)
    for operand in tl.static_range(OPERANDS):
        for number in tl.static_range(TILES):
            mask = known
            if H % (SPLIT * DEEP) != 0:
                mask = known & (number * SPLIT * DEEP + other < H)
            place = begin + (operand * H + number * SPLIT * DEEP)
            sent = tl.load(place, mask=mask, other=0.0, cache_modifier=".cg")
            sums = tl.dot(tiles[operand * TILES + number], sent, sums, input_precision=PRECISION)
    return tl.trans(sums) if SPLIT == 1 else _added(sums, M, ROWS)


@triton.jit
def _added(sums, M: tl.constexpr, ROWS: tl.constexpr):
    """The sum of eight, in a fixed order, (ROWS, M). Split in pairs, since that spreads the result over all lanes; a
    reduction would leave it with every group of them."""
    pairs = tl.reshape(tl.permute(sums, (2, 1, 0)), (ROWS, M, 2, 2, 2))
    a, b = tl.split(pairs)
    c, d = tl.split(a + b)
    e, f = tl.split(c + d)
    return e + f


@triton.jit
def gathered(p_sent, row, there, program, PROGRAMS: tl.constexpr, otherwise):
    """What each program took over its own units, (rows, PROGRAMS), in the order of the programs. program: how many
    there are; otherwise: in place of those that are not."""
    each = tl.arange(0, PROGRAMS)
    inside = there[:, None] & (each < program)[None, :]
    address = row[:, None] * program + each[None, :]
    return tl.load(p_sent + address, mask=inside, other=otherwise, cache_modifier=".cg")


@triton.jit
def parts_1(sums, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """The only part."""
    return (sums,)


@triton.jit
def parts_2(sums, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """Two parts side by side in (ROWS, 2 UNITS)."""
    return tl.split(tl.permute(tl.reshape(sums, (ROWS, 2, UNITS)), (0, 2, 1)))


@triton.jit
def parts_4(sums, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """Four."""
    even, odd = tl.split(tl.permute(tl.reshape(sums, (ROWS, 2, 2, UNITS)), (0, 3, 1, 2)))
    a, c = tl.split(even)
    b, d = tl.split(odd)
    return a, b, c, d


@triton.jit
def parts_8(sums, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """Eight."""
    halves = tl.permute(tl.reshape(sums, (ROWS, 2, 4 * UNITS)), (0, 2, 1))
    low, high = tl.split(halves)
    a, b, c, d = parts_4(low, ROWS, UNITS)
    e, f, g, h = parts_4(high, ROWS, UNITS)
    return a, b, c, d, e, f, g, h
