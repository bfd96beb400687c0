"""How tables are read: what a user may specify, and what is otherwise inferred."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, get_args

from ..errors import InputError, argument

Fill = Literal["none", "linear", "previous", "zero"]
Duplicates = Literal["refuse", "mean", "last"]
FutureFill = Literal["none", "previous", "zero"]
Seasons = int | str | Sequence[int]
"""Steps in one season, or in several, in a list or in one text with commas."""
MOST_SEASONS = 9
Names = str | Sequence[str] | Mapping[str, str | None]
"""Names of columns, in one text with commas, in a list, or each with its role."""


@dataclass(frozen=True)
class ReadOptions:
    """How a table of series is read.

    What is None is inferred from the table, and the notes of what was read say how. Errors about a table name these
    arguments.

    Example:
        ``Forecaster(12).fit(frame, read=ReadOptions(time="month", target="sales", fill="linear"))``

    Args:
        time: Name of the column of times, or names of those that make one, such as ``"Date,Time"``.
        target: Name of the column of values.
        id: Name of the column that says which series, or which sequence, a row belongs to; of series also several, such
            as ``"store,item"``.
        frequency: Step between two times: a pandas offset alias such as ``"h"``, ``"D"``, ``"W"``, ``"MS"`` or
            ``"15min"``, or a whole number as text where the times are a plain counter. An alias of months, quarters
            or years moves each time to the start or end of its month.
        season: Steps in one season, 1 for none; or in several, such as ``(24, 168)`` or ``"24,168"``.
        fill: What is put into gaps in time and in place of missing values: ``"none"`` refuses them, ``"linear"``
            interpolates, ``"previous"`` repeats the last value, ``"zero"`` puts 0.
        duplicates: What becomes of several rows of one series at one time: ``"refuse"``, their ``"mean"``, or the
            ``"last"``.
        encoding: Codec of a text file, such as ``"latin-1"``. Files only.
        delimiter: Character between two cells of a text file, or ``"tab"``. Files only.
        decimal: Decimal mark of numbers that are text: ``"."`` or ``","``.
        skip: Lines of a text file above the names of its columns, where they are not found. Files only.
        dates: What times mean that can be read in several ways, in the words of the error that says so, such as
            ``"day/month/year"``, ``"excel"`` or ``"number"``.
        missing: What stands for a missing value beside the usual words, such as ``"-999"`` or ``"-9999,<1"``, several
            with commas between; ``"none"`` for nothing else. By default numbers that may, such as -999 far below all
            others, are refused.
        ignore: Periods that nothing is learned from, such as ``"2020-03:2021-05"``: from one time to another, both
            included, several with commas between. The value of one season before stands in, and is not scored.

    Raises:
        InputError: For a value outside these. Whether such columns exist is checked when a table is read.
    """

    time: str | None = None
    target: str | None = None
    id: str | None = None
    frequency: str | None = None
    season: Seasons | None = None
    fill: Fill = "none"
    duplicates: Duplicates = "refuse"
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    skip: int | None = None
    dates: str | None = None
    missing: str | None = None
    ignore: str | None = None

    def __post_init__(self) -> None:
        for name in ("time", "target", "id", "frequency", "encoding", "delimiter", "dates", "missing", "ignore"):
            _check_text(name, getattr(self, name))
        _check_choice("fill", self.fill, get_args(Fill))
        _check_choice("duplicates", self.duplicates, get_args(Duplicates))
        _check_choice("decimal", self.decimal, (None, ".", ","))
        _check_seasons(self.season)
        _check_whole("skip", self.skip, 0)
        if self.separator is not None and not re.fullmatch(r"[\t !#-~]", self.separator):
            what = f"{self.delimiter!r} cannot separate cells"
            raise InputError(what, where=argument("delimiter"), hint="one plain character such as ';', or the word tab")

    @property
    def seasons(self) -> tuple[int, ...] | None:
        """The steps in each season, the shortest first; None where they are found out."""
        return None if self.season is None else seasons_of(self.season)

    @property
    def missing_words(self) -> frozenset[str]:
        """What is said to stand for missing values, in lower case."""
        words = (word.strip().lower() for word in (self.missing or "").split(","))
        return frozenset(word for word in words if word not in ("", "none"))

    @property
    def separator(self) -> str | None:
        """The delimiter as one character, also where it is given as ``"tab"``."""
        return "\t" if self.delimiter in ("tab", "\\t") else self.delimiter


def _check_text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise InputError(f"{value!r} is not text", where=argument(name), hint="write it as text, in quotes")


def _check_choice(name: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(choice for choice in allowed if choice)
        raise InputError(f"{value!r} is not a choice", where=argument(name), hint=f"choose among {choices}")


def seasons_of(asked: Seasons) -> tuple[int, ...]:
    """The seasons that are asked for, the shortest first. Raises InputError for what cannot be seasons."""
    parts: list[Any] = list(asked) if isinstance(asked, Sequence) and not isinstance(asked, str) else [asked]
    if isinstance(asked, str):
        parts = [int(part) if part.strip().isdecimal() else part for part in asked.split(",")]
    whole = all(_is_whole(part) for part in parts)
    least = 1 if len(parts) == 1 else 2
    if not whole or not 0 < len({*parts}) == len(parts) <= MOST_SEASONS or min(parts) < least:
        hint = "give a whole number, 1 or more, or several such as 24,168"
        raise InputError(f"{argument('season')} is {asked!r}", hint=hint)
    return tuple(sorted(int(part) for part in parts))


def _is_whole(number: object) -> bool:
    return isinstance(number, Integral) and number is not True and number is not False


def _check_seasons(asked: Any) -> None:
    if asked is not None:
        seasons_of(asked)


def _check_whole(name: str, number: object, least: int) -> None:
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < least):
        raise InputError(f"{name} is {number!r}", where=argument(name), hint=f"give a whole number, {least} or more")


@dataclass(frozen=True, eq=False)
class CovariateOptions:
    """Which covariates are read beside the target, and where from.

    Args:
        covariates: Names of columns, in a list or as text with commas between them, or a dictionary that gives each its
            role: ``"known"`` ahead, ``"past"`` for known only in the past, or None for inferred. In text the role
            follows a colon, as in ``"price:past"``. By default the columns that the future and the data share.
        static: A table with one row for each series, as a frame or the path of a file: a column of their names, and
            others that describe them.
        holidays: A country, with a subdivision after a hyphen, such as ``"DE"``, ``"Germany"`` or ``"DE-BY"``, or a
            table with columns ``ds`` and ``name``, as a frame or the path of a file.
        future_fill: What stands in for values of the future that are missing: ``"none"`` refuses them, ``"previous"``
            repeats the last value, ``"zero"`` puts 0.

    Raises:
        InputError: For a value outside these.
    """

    covariates: Names | None = None
    static: Any = None
    holidays: Any = None
    future_fill: FutureFill = "none"

    def __post_init__(self) -> None:
        _check_choice("future_fill", self.future_fill, get_args(FutureFill))
        for name, role in self.roles.items():
            _check_text("covariates", name)
            if role not in (None, "known", "past"):
                what = f"{role!r} is not a role of a covariate"
                raise InputError(what, where=argument("covariates"), hint="give known, past, or None to infer it")

    @property
    def roles(self) -> dict[str, str | None]:
        """The columns that are named, each with the role that it is given, if any."""
        names = self.covariates
        if isinstance(names, Mapping):
            return dict(names)
        if isinstance(names, str):
            parts = [part.strip() for part in names.split(",") if part.strip() not in ("", "none")]
            return dict(_role(part) for part in parts)
        return dict.fromkeys(names or ())

    @property
    def named(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.roles) or self.static is not None or self.holidays is not None

    @property
    def off(self) -> bool:
        """Whether the columns that the future and the data share are to be left alone."""
        return self.covariates is not None and not self.roles


def _role(text: str) -> tuple[str, str | None]:
    name, colon, role = text.rpartition(":")
    return (name, role) if colon and role in ("known", "past") else (text, None)


DEFAULTS = ReadOptions()
NO_COVARIATES = CovariateOptions()
