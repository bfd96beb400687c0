"""What a user may say about a table that would otherwise be found out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import InputError
from .panel import Frequency

Fill = Literal["none", "linear", "previous", "zero"]
Duplicates = Literal["refuse", "mean", "last"]


@dataclass(frozen=True)
class ReadOptions:
    """How to read a table; None means: find out and say so in the notes.

    time_col, target, id_col: column names. freq: a pandas offset alias, or a whole number for a counter.
    season: steps in one season. fill: what to put into gaps and missing values. duplicates: what to do with
    two rows of one series at one time. encoding: a codec such as ``"latin-1"``. delimiter: one character or
    ``"tab"``. decimal: ``"."`` or ``","``. pace: the frequency that is known already, where the rows go on from others;
    unlike for ``freq``, no time is moved to fit. Raises InputError for a value outside these.
    """

    time_col: str | None = None
    target: str | None = None
    id_col: str | None = None
    freq: str | None = None
    season: int | None = None
    fill: Fill = "none"
    duplicates: Duplicates = "refuse"
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    pace: Frequency | None = None

    def __post_init__(self) -> None:
        _one_of("--fill", self.fill, get_args(Fill))
        _one_of("--duplicates", self.duplicates, get_args(Duplicates))
        _one_of("--decimal", self.decimal, (None, ".", ","))
        if self.season is not None and self.season < 1:
            raise InputError(f"a season of {self.season} steps", where="--season", hint="1 means no season")
        if self.separator is not None and not re.fullmatch(r"[\t !#-~]", self.separator):
            what = f"{self.delimiter!r} cannot separate cells"
            raise InputError(what, where="--delimiter", hint="one plain character such as ';', or the word tab")

    @property
    def separator(self) -> str | None:
        """The delimiter as the character itself."""
        return "\t" if self.delimiter in ("tab", "\\t") else self.delimiter


def _one_of(option: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(choice for choice in allowed if choice)
        raise InputError(f"{value!r} is not a choice", where=option, hint=f"choose among {choices}")


DEFAULTS = ReadOptions()
