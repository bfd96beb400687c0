"""How much space text takes, in whatever font the reader has, and how names are written."""

from __future__ import annotations

from ..compiler.program import is_temporary
from ..equation import Cell, previous
from .graph import INPUT
from .shape import Text

SIZE, NOTE_SIZE, NUMBER_SIZE, INDEX_SIZE = 14.0, 10.0, 11.0, 10.0
NUMBER = "-0.123"
_WIDE, _NARROW = "mwMW@%", "iljtfrI.,:;|' "


def width(text: str, size: float = SIZE) -> float:
    """What the text takes at most in common fonts without and with serifs, in pixels."""
    return size * sum(0.95 if c in _WIDE else 0.4 if c in _NARROW else 0.75 if c.isupper() else 0.62 for c in text)


def text_width(text: Text) -> float:
    """What a name with its index takes."""
    return width(text.base) + width(text.below, INDEX_SIZE)


def written(cell: Cell, value: str) -> Text:
    """A value as it is written beside its line: with the step of time as its index."""
    if value == INPUT:
        return Text("x", "t")
    states = {previous(state): state for state in cell.state}
    if value in states:
        return Text(states[value], "t−1")
    base, _, index = value.partition("_")
    return Text(base, index.replace("_", " ") or "t")


def is_named(value: str) -> bool:
    """Whether a value has a name that its reader knows, rather than one of the compiler's."""
    return value.isidentifier() and not is_temporary(value)
