"""The struct that holds the states of a file, and the C statements that reset it and copy floats out and in."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, groupby
from typing import NamedTuple

import numpy as np

from .arrays import CArray, Int16Storage, Storage
from .builder import FileBuilder, Slot
from .text import float_text


class Span(NamedTuple):
    """Adjacent states that are stored in the same way. at: the index at which they begin among all states."""

    at: int
    field: str
    begin: int
    storage: Storage
    starts: list[float]


def states_of(builder: FileBuilder) -> list[tuple[int, Slot]]:
    """Every state, and the index at which it begins among all."""
    begins = accumulate((slot.array.size for slot in builder.slots), initial=0)
    return list(zip(begins, builder.slots, strict=False))


def spans(builder: FileBuilder) -> list[Span]:
    """All states in their order, as few spans as possible."""
    result: list[Span] = []
    for storage, slots in groupby(states_of(builder), key=lambda state: state[1].array.storage):
        (at, first), *others = slots
        starts = [start for slot in (first, *(slot for _, slot in others)) for start in slot.starts]
        result.append(Span(at, first.field, first.begin, storage, starts))
    return result


def place_of(begin: int, name: str, array: CArray) -> str:
    """The line of the header about a state."""
    about = array.storage.about()
    return f"   values {begin} to {begin + array.size - 1}: {name}{', ' if about else ''}{about}\n"


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
    return [f"for (size_t k = 0; k < {len(span.starts)}; ++k) values[{_index(span.at)}] = {value};"]


def set_of(span: Span, prefix: str) -> list[str]:
    """Statements that take floats for a span; what is too large to be stored is clipped."""
    storage = replace(span.storage, proven=False) if isinstance(span.storage, Int16Storage) else span.storage
    stored = storage.write(f"values[{_index(span.at)}]", prefix)
    return [f"for (size_t k = 0; k < {len(span.starts)}; ++k) state->{span.field}[{_index(span.begin)}] = {stored};"]
