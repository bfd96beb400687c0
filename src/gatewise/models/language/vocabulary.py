"""Text to numbers and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, argument

Tokens = NDArray[np.int64]
Text = str | Sequence[str]
"""Characters, or a list of tokens."""


class Vocabulary(Protocol):
    """Text to token numbers below ``size``, and back."""

    size: int

    def encode(self, text: Any) -> Tokens:
        """Numbers (N,). Raises InputError for text with what was not learned."""
        ...

    def decode(self, tokens: Sequence[int]) -> Any:
        """The text of the numbers."""
        ...

    def state(self) -> dict[str, Any]:
        """What a file keeps."""
        ...


class Listed:
    """Every distinct character of a text, or token of a list of tokens, has a number.

    entries: in the order of their numbers. joined: whether text is a string, else a list.
    """

    def __init__(self, entries: Sequence[str], *, joined: bool) -> None:
        self.entries, self.joined, self.size = list(entries), joined, len(entries)
        self._numbers = {entry: number for number, entry in enumerate(self.entries)}

    @classmethod
    def of(cls, text: Text, more: Text = "") -> Listed:
        """All that occurs in the text, and what is to be known beside it.

        Raises InputError for a list of tokens of which none occurs twice, such as one of whole texts.
        """
        check_text(text)
        check_text(more)
        if not isinstance(text, str) and 1 < len(text) == len(set(text)):
            what = f"none of the {len(text)} tokens occurs twice, so there is nothing to learn"
            raise InputError(what, hint="give a list of tokens, not of texts: join those into one string")
        return cls(sorted({*text, *more}), joined=isinstance(text, str))

    def encode(self, text: Text) -> Tokens:
        """Numbers (N,). Raises InputError that names the first character or token that was not learned."""
        check_text(text)
        if isinstance(text, str) is not self.joined:
            raise InputError(f"the text is a {type(text).__name__}", hint="give text in the form that was learned from")
        try:
            return np.fromiter(map(self._numbers.__getitem__, text), np.int64, len(text))
        except KeyError as error:
            place = list(text).index(error.args[0])
            kind = "character" if self.joined else "token"
            raise InputError(
                f"the {kind} {error.args[0]!r} does not occur in the text learned from",
                where=f"{kind} {place}",
                hint="leave it out, or learn from text that has it",
            ) from None

    def decode(self, tokens: Sequence[int]) -> str | list[str]:
        """The text of the numbers, a string or a list."""
        entries = [self.entries[token] for token in tokens]
        return "".join(entries) if self.joined else entries

    def state(self) -> dict[str, Any]:
        """All entries."""
        return {"entries": self.entries, "joined": self.joined}


class Tokenized:
    """What a tokenizer makes of a text.

    tokenizer: has ``encode(text)``, which gives numbers or an object that holds them under ``ids``, and
    ``decode(numbers)``. size: numbers are below it.
    """

    def __init__(self, tokenizer: Any, size: int) -> None:
        if not all(callable(getattr(tokenizer, name, None)) for name in ("encode", "decode")):
            what = f"{argument('tokenizer')} is a {type(tokenizer).__name__}"
            raise InputError(what, hint="give an object with encode(text) and decode(numbers)")
        self.tokenizer, self.size = tokenizer, size

    @classmethod
    def of(cls, tokenizer: Any, text: str) -> Tokenized:
        """With as many numbers as the text needs."""
        tokenized = cls(tokenizer, np.iinfo(np.int64).max)
        tokens = tokenized.encode(text)
        tokenized.size = int(tokens.max()) + 1 if len(tokens) else 0
        return tokenized

    def encode(self, text: str) -> Tokens:
        """Numbers (N,). Raises InputError for a number that is larger than any learned from."""
        made = self.tokenizer.encode(text)
        tokens = np.asarray(getattr(made, "ids", made))
        if tokens.ndim != 1 or (len(tokens) and tokens.dtype.kind not in "iu"):
            raise InputError(f"the tokenizer gives {tokens.dtype} of shape {tokens.shape}, expected whole numbers (N,)")
        bad = np.flatnonzero((tokens < 0) | (tokens >= self.size))
        if len(bad):
            what = f"the token {tokens[bad[0]]} does not occur in the text learned from"
            raise InputError(what, where=f"token {bad[0]}", hint="leave it out, or learn from text that has it")
        return tokens.astype(np.int64)

    def decode(self, tokens: Sequence[int]) -> Any:
        """What the tokenizer makes of the numbers."""
        return self.tokenizer.decode(list(tokens))

    def state(self) -> dict[str, Any]:
        """The size alone: the tokenizer is the user's."""
        return {"size": self.size}


def vocabulary_of(state: dict[str, Any], tokenizer: Any) -> Vocabulary:
    """From what `Vocabulary.state` gave. Raises InputError where a tokenizer is missing, or superfluous."""
    if ("size" in state) != (tokenizer is not None):
        raise InputError("it was learned with a tokenizer" if tokenizer is None else "it was learned without tokenizer")
    if tokenizer is not None:
        return Tokenized(tokenizer, state["size"])
    vocabulary = Listed(state["entries"], joined=state["joined"])
    if not vocabulary.size or vocabulary.size != len(set(state["entries"])):
        raise InputError("the vocabulary is empty, or an entry appears twice")
    return vocabulary


def check_text(text: object) -> None:
    """Raises InputError for what is neither a string nor a list of strings."""
    if isinstance(text, str):
        return
    hint = "give a string, or a list of tokens, each a string"
    if not isinstance(text, list | tuple):
        raise InputError(f"the text is a {type(text).__name__}", hint=hint)
    for place, token in enumerate(cast("Sequence[object]", text)):
        if not isinstance(token, str):
            raise InputError(f"the text holds a {type(token).__name__}", where=f"token {place}", hint=hint)
