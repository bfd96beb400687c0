"""The struct that holds the states of a file, and the C statements that reset it and copy floats out and in."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, groupby
from typing import NamedTuple

import numpy as np

from .arrays import Int16Storage, Storage
from .builder import FileBuilder, Slot
from .text import float_text


class Span(NamedTuple):
    """Adjacent states that are stored in the same way. at: the index at which they begin among all states.

    own: how many numbers they have; a state that is narrower than it is stored stands by itself.
    """

    at: int
    field: str
    begin: int
    storage: Storage
    starts: list[float]
    own: int


def states_of(builder: FileBuilder) -> list[tuple[int, Slot]]:
    """Every state, and the index at which it begins among all."""
    begins = accumulate((slot.own for slot in builder.slots), initial=0)
    return list(zip(begins, builder.slots, strict=False))


def spans(builder: FileBuilder) -> list[Span]:
    """All states in their order, as few spans as possible."""
    result: list[Span] = []
    for (storage, _), slots in groupby(states_of(builder), key=_together):
        (at, first), *others = slots
        joined = [first, *(slot for _, slot in others)]
        starts = [start for slot in joined for start in slot.starts]
        result.append(Span(at, first.field, first.begin, storage, starts, sum(slot.own for slot in joined)))
    return result


def _together(state: tuple[int, Slot]) -> tuple[Storage, int | None]:
    """What states of one span have in common."""
    at, slot = state
    return slot.array.storage, None if slot.own == slot.array.size else at


def place_of(begin: int, slot: Slot) -> str:
    """The line of the header about a state."""
    about = slot.array.storage.about()
    return f"   values {begin} to {begin + slot.own - 1}: {slot.name}{', ' if about else ''}{about}\n"


def fields_of(builder: FileBuilder) -> str:
    """The fields of the struct, the widest first."""
    sizes: dict[tuple[int, str, str], int] = {}
    for slot in builder.slots:
        key = -slot.array.storage.width, slot.array.storage.c, slot.field
        sizes[key] = sizes.get(key, 0) + slot.array.size
    lines = [f"    {c} {field}[{size}];\n" for (_, c, field), size in sorted(sizes.items())]
    return "".join(lines) or "    float values[1];\n"


def reset_of(span: Span, prefix: str) -> list[str]:
    """Statements that set every number, equal neighbours in one loop."""
    if span.storage.c == "float":
        starts = [float_text(value, prefix) for value in span.starts]
    else:
        starts = [str(value) for value in span.storage.encoded(np.asarray(span.starts, np.float32)).tolist()]
    lines, begin = list[str](), 0
    for at in range(1, len(starts) + 1):
        if at == len(starts) or starts[at] != starts[begin]:
            places = f"size_t k = {span.begin + begin}; k < {span.begin + at}; ++k"
            lines.append(f"for ({places}) state->{span.field}[k] = {starts[begin]};")
            begin = at
    return lines


def _index(begin: int) -> str:
    return f"k + {begin}" if begin else "k"


def get_of(span: Span) -> list[str]:
    """Statements that copy a span out, as floats."""
    value = span.storage.read(f"state->{span.field}[{_index(span.begin)}]")
    return [f"for (size_t k = 0; k < {span.own}; ++k) values[{_index(span.at)}] = {value};"]


def set_of(span: Span, prefix: str) -> list[str]:
    """Statements that take floats for a span; what is too large to be stored is clipped."""
    storage = replace(span.storage, proven=False) if isinstance(span.storage, Int16Storage) else span.storage
    given = f"k % {span.own}" if span.own < len(span.starts) else "k"
    stored = storage.write(f"values[{given} + {span.at}]" if span.at else f"values[{given}]", prefix)
    return [f"for (size_t k = 0; k < {len(span.starts)}; ++k) state->{span.field}[{_index(span.begin)}] = {stored};"]
