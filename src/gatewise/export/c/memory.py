"""The states of a file in memory: the struct that holds them, and what resets it and copies floats out and in."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, groupby
from typing import NamedTuple

import numpy as np

from .arrays import Array, Form, Narrow
from .builder import Draft, Slot
from .stages import constant


class Span(NamedTuple):
    """States of one form that follow each other. at: where they begin among all."""

    at: int
    field: str
    begin: int
    form: Form
    starts: list[float]


def begun(draft: Draft) -> list[tuple[int, Slot]]:
    """Every state, and where it begins among all."""
    begins = accumulate((slot.array.size for slot in draft.slots), initial=0)
    return list(zip(begins, draft.slots, strict=False))


def spans(draft: Draft) -> list[Span]:
    """All states, in their order."""
    found: list[Span] = []
    for form, slots in groupby(begun(draft), key=lambda begun: begun[1].array.form):
        each = list(slots)
        starts = [start for _, slot in each for start in slot.starts]
        found.append(Span(each[0][0], each[0][1].field, each[0][1].begin, form, starts))
    return found


def place_of(begin: int, name: str, array: Array) -> str:
    """What the header says of a state."""
    about = array.form.about()
    return f"   values {begin} to {begin + array.size - 1}: {name}{', ' if about else ''}{about}\n"


def fields_of(draft: Draft) -> str:
    """The struct's, the widest first."""
    sizes: dict[tuple[int, str, str], int] = {}
    for slot in draft.slots:
        key = -slot.array.form.width, slot.array.form.c, slot.field
        sizes[key] = sizes.get(key, 0) + slot.array.size
    lines = [f"    {c} {field}[{size}];\n" for (_, c, field), size in sorted(sizes.items())]
    return "".join(lines) or "    float values[1];\n"


def reset_of(span: Span, prefix: str) -> list[str]:
    """Statements that set every number, runs of the same one in a loop."""
    if span.form.c == "float":
        starts = [constant(value, prefix) for value in span.starts]
    else:
        starts = [str(value) for value in span.form.encoded(np.asarray(span.starts, np.float32)).tolist()]
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
    """Statements that copy them out, as floats."""
    held = span.form.read(f"state->{span.field}[{_index(span.begin)}]")
    return [f"for (size_t k = 0; k < {len(span.starts)}; ++k) values[{_index(span.at)}] = {held};"]


def set_of(span: Span, prefix: str) -> list[str]:
    """Statements that take floats for them; what a form does not hold stays at its end."""
    form = replace(span.form, proven=False) if isinstance(span.form, Narrow) else span.form
    held = form.write(f"values[{_index(span.at)}]", prefix)
    return [f"for (size_t k = 0; k < {len(span.starts)}; ++k) state->{span.field}[{_index(span.begin)}] = {held};"]
