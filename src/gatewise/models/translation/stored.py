"""Vocabularies in a model file: plain lists of pieces, checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ...errors import InputError
from ...fields import Check, Fields, listed, one_of, text
from .pairs import Vocabularies
from .subwords import Subwords
from .units import Symbols, Vocabulary

_MAKERS: Mapping[str, Callable[[Sequence[str]], Vocabulary]] = {
    Subwords.kind: Subwords,
    "characters": partial(Symbols, "characters"),
    "words": partial(Symbols, "words"),
}
VOCABULARIES: Check = listed(Fields({"kind": one_of(_MAKERS), "entries": listed(text, 1 << 21)}), 2)
"""One vocabulary for both sides, or one for each."""


def restored(states: Sequence[Mapping[str, Any]]) -> Vocabularies:
    """From what `Vocabulary.state` gave. Raises InputError where there is none."""
    made = [_MAKERS[state["kind"]](state["entries"]) for state in states]
    if not made:
        raise InputError("there is no vocabulary")
    return Vocabularies(made[0], made[-1])
