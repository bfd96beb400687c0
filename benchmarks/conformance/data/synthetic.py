"""Tasks whose sequences are drawn: adding, temporal order, parity, counting. x is (T, B, I)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

ORDER_SYMBOLS = 8  # E X Y a b c d B
ORDER_CLASSES = 4  # Q R S U: XX, XY, YX, YY
COUNTING_SYMBOLS = "Sabc"
COUNTING_NEXT = "abcT"


class Labelled(NamedTuple):
    """x (T, B, I); y, what is asked of each sequence (B,); last (B,): the step after which it is asked."""

    x: Tensor
    y: Tensor
    last: Tensor


class Tagged(NamedTuple):
    """x (T, B, I); y, what is asked after each step (T, B, K); asked (T, B): whether it is asked there at all."""

    x: Tensor
    y: Tensor
    asked: Tensor


def adding(length: int, rows: int, generator: torch.Generator) -> Labelled:
    """Numbers between 0 and 1, two of them marked: what is their sum?

    Hochreiter & Schmidhuber 1997, experiment 4, as Bai, Kolter, Koltun, arXiv:1803.01271, draw it: the two marked
    steps lie anywhere. Always answering 1 has a mean squared error of 1/6.
    """
    values = torch.rand(length, rows, generator=generator)
    marked = torch.rand(length, rows, generator=generator).topk(2, dim=0).indices
    marks = torch.zeros(length, rows).scatter_(0, marked, 1.0)
    return Labelled(torch.stack((values, marks), dim=2), (values * marks).sum(0), _at_the_end(length, rows))


def temporal_order(rows: int, generator: torch.Generator) -> Labelled:
    """E, 98 to 108 distractors with an X or a Y at steps 10 to 20 and 50 to 60, B: which two were they, in order?

    Hochreiter & Schmidhuber 1997, experiment 6a. Four classes, equally likely.
    """
    lengths = torch.randint(100, 111, (rows,), generator=generator)
    symbols = torch.randint(3, 7, (110, rows), generator=generator)
    symbols[0] = 0
    y = torch.zeros(rows, dtype=torch.long)
    for first in (10, 50):
        which = torch.randint(2, (rows,), generator=generator)
        place = torch.randint(first, first + 11, (1, rows), generator=generator)
        symbols.scatter_(0, place, 1 + which[None])
        y = 2 * y + which
    symbols.scatter_(0, lengths[None] - 1, 7)
    return Labelled(one_hot(symbols, ORDER_SYMBOLS).float(), y, lengths - 1)


def parity(length: int, rows: int, generator: torch.Generator) -> Tagged:
    """Bits: after each, is the number of ones so far odd? A guess is right half of the time."""
    bits = torch.randint(2, (length, rows, 1), generator=generator)
    return Tagged(bits.float(), (bits.cumsum(0) % 2).float(), torch.ones(length, rows, dtype=torch.bool))


def counting(largest: int, smallest: int = 1) -> Tagged:
    """S a^n b^n c^n for each n: which of a, b, c, T (the end) may come next?

    Gers & Schmidhuber, LSTM Recurrent Networks Learn Simple Context-Free and Context-Sensitive Languages, 2001,
    doi:10.1109/72.963769: among the a's another or a b, and from the first b on there is no choice.
    """
    counts = range(smallest, largest + 1)
    x = torch.zeros(1 + 3 * largest, len(counts), len(COUNTING_SYMBOLS))
    y = torch.zeros(1 + 3 * largest, len(counts), len(COUNTING_NEXT))
    asked = torch.zeros(1 + 3 * largest, len(counts), dtype=torch.bool)
    for row, count in enumerate(counts):
        string = "S" + "a" * count + "b" * count + "c" * count
        allowed = ["a", *["ab"] * count, *["b"] * (count - 1), *["c"] * count, "T"]
        for step, (symbol, may_follow) in enumerate(zip(string, allowed, strict=True)):
            x[step, row, COUNTING_SYMBOLS.index(symbol)] = 1
            y[step, row, [COUNTING_NEXT.index(one) for one in may_follow]] = 1
            asked[step, row] = True
    return Tagged(x, y, asked)


def _at_the_end(length: int, rows: int) -> Tensor:
    return torch.full((rows,), length - 1)
