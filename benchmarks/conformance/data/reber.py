"""The embedded Reber grammar and endless streams of it.

Reber, Implicit Learning of Artificial Grammars, 1967, doi:10.1016/S0022-5371(67)80149-X; embedded as in Hochreiter,
Schmidhuber, Long Short-Term Memory, 1997, experiment 1: B, then T or P, a string of the grammar, the same T or P, E.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

SYMBOLS = "BTPSXVE"
# For each state of the grammar, symbol and next state; either of both with the same probability.
_GRAMMAR = ("B1B1", "T2P3", "S2X4", "T3V5", "X3S6", "P4V6", "E7E7")
_END = 7


class Strings(NamedTuple):
    """symbols (T, B), numbers in SYMBOLS, padded with E; lengths (B,); legal (T, B, 7): what may come after each."""

    symbols: Tensor
    lengths: Tensor
    legal: Tensor


def _branches(state: int) -> str:
    """The symbols that may come in a state."""
    return "".join(dict.fromkeys(_GRAMMAR[state][::2]))


def coins(generator: torch.Generator) -> Iterator[int]:
    """Zeros and ones without end, drawn thousands at a time: one by one they would take longer than all else."""
    while True:
        yield from torch.randint(2, (4096,), generator=generator).tolist()


def _inner(tosses: Iterator[int]) -> tuple[str, list[str]]:
    """A string of the grammar, and what was legal at each of its places."""
    state, string, legal = 0, "", list[str]()
    while state != _END:
        place = 2 * next(tosses)
        legal.append(_branches(state))
        string += _GRAMMAR[state][place]
        state = int(_GRAMMAR[state][place + 1])
    return string, legal


def embedded(tosses: Iterator[int]) -> tuple[str, list[str]]:
    """A string of the embedded grammar, and the symbols that were legal at each of its places."""
    kind = "TP"[next(tosses)]
    string, legal = _inner(tosses)
    return f"B{kind}{string}{kind}E", ["B", "TP", *legal, kind, "E"]


def strings(count: int, generator: torch.Generator) -> Strings:
    """So many strings; after the last symbol nothing is legal."""
    tosses = coins(generator)
    drawn = [embedded(tosses) for _ in range(count)]
    symbols = [numbers(string) for string, _ in drawn]
    legal = [many_hot([*allowed[1:], ""]) for _, allowed in drawn]
    lengths = torch.tensor([len(string) for string, _ in drawn])
    return Strings(pad_sequence(symbols, padding_value=SYMBOLS.index("E")), lengths, pad_sequence(legal))


class Stream(NamedTuple):
    """symbols (T,) of strings one after the other. critical (T,): whether the next symbol is the T or P that only
    the string's second symbol decides."""

    symbols: Tensor
    critical: Tensor


def stream(length: int, generator: torch.Generator) -> Stream:
    """Strings without a gap or a mark between them."""
    tosses, symbols, critical = coins(generator), list[int](), list[bool]()
    while len(symbols) < length:
        string, _ = embedded(tosses)
        symbols += map(SYMBOLS.index, string)
        critical += [place == len(string) - 3 for place in range(len(string))]
    return Stream(torch.tensor(symbols[:length]), torch.tensor(critical[:length]))


def numbers(string: str) -> Tensor:
    """Symbols as numbers."""
    return torch.tensor([SYMBOLS.index(symbol) for symbol in string])


def many_hot(sets: list[str]) -> Tensor:
    """Sets of symbols (T, 7) as zeros and ones."""
    return torch.tensor([[float(symbol in allowed) for symbol in SYMBOLS] for allowed in sets])
