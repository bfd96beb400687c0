"""What a record out of a file may hold: each field declared once, with the check of its value.

Nothing in a file is believed. A record has the declared fields and no others, each of its type and range, before
anything is made of it; sizes that a file's tensors have to prove are bounded by those tensors (`nn.stored`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from .errors import InputError

Check = Callable[[str, Any], Any]
"""The name of a field and what a file says of it, to the value; raises InputError, naming the field."""

LARGEST = 2**31 - 1
_SHOWN = 40


def refused(name: str, value: object, expected: str) -> InputError:
    """The error for a field that holds something else. expected: as in "a whole number from 1 to 3"."""
    text = repr(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
    return InputError(f"{name} is {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}, not {expected}")


def whole(least: int = 0, most: int = LARGEST) -> Check:
    """A whole number from ``least`` to ``most``."""

    def check(name: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise refused(name, value, f"a whole number from {least:,} to {most:,}")
        return value

    return check


def number(low: float = -sys.float_info.max, high: float = sys.float_info.max) -> Check:
    """A finite number from ``low`` to ``high``, as a float."""

    def check(name: str, value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:
            raise refused(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def anything(name: str, value: Any) -> Any:
    """Whatever it is, to be checked by somebody else."""
    return value


def flag(name: str, value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise refused(name, value, "true or false")
    return value


def text(name: str, value: Any) -> str:
    """Text of any length."""
    if type(value) is not str:
        raise refused(name, value, "text")
    return value


def scalar(name: str, value: Any) -> str | int | float | None:
    """Text, a number, true, false or nothing."""
    if isinstance(value, list | dict):
        raise refused(name, value, "text or a number")
    return value


def one_of(words: Collection[str]) -> Check:
    """One of these words."""

    def check(name: str, value: Any) -> str:
        if type(value) is not str or value not in words:
            raise refused(name, value, f"one of {', '.join(words)}")
        return value

    return check


def either(*checks: Check) -> Check:
    """What one of the checks takes; the error is the last one's."""

    def check(name: str, value: Any) -> Any:
        for one in checks[:-1]:
            try:
                return one(name, value)
            except InputError:
                pass
        return checks[-1](name, value)

    return check


def nothing(name: str, value: Any) -> None:
    """No value."""
    if value is not None:
        raise refused(name, value, "null")


def optional(check: Check) -> Check:
    """No value, or what the check takes."""
    return either(nothing, check)


def listed(check: Check, most: int = LARGEST) -> Check:
    """A list of at most so many values, each of which the check takes."""

    def check_all(name: str, value: Any) -> list[Any]:
        if type(value) is not list or len(cast("list[Any]", value)) > most:
            raise refused(name, value, f"a list of at most {most:,}")
        return [check(f"{name}[{at}]", entry) for at, entry in enumerate(cast("list[Any]", value))]

    return check_all


def table(check: Check) -> Check:
    """Values by any names, each of which the check takes."""

    def check_all(name: str, value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise refused(name, value, "a table")
        return {key: check(f"{name}[{key[:_SHOWN]!r}]", entry) for key, entry in cast("dict[str, Any]", value).items()}

    return check_all


@dataclass(frozen=True)
class Fields:
    """The fields of a record; a check itself, so that records may hold records.

    checks: of each field by its name. lacking: fields that may be missing, as in files of earlier versions; they are
    then missing in what is read too. ignored: fields that are read over.
    """

    checks: Mapping[str, Check]
    lacking: Collection[str] = ()
    ignored: Collection[str] = ()

    def __call__(self, name: str, value: Any) -> dict[str, Any]:
        """The fields of a record within another, by its name there. Raises InputError."""
        if type(value) is not dict:
            raise refused(name, value, "a table")
        record = cast("dict[str, Any]", value)
        dot = f"{name}." if name else ""
        for key in record:
            if key not in self.checks and key not in self.ignored:
                raise InputError(f"there is no field {(dot + key)[:_SHOWN]!r}")
        for key in self.checks:
            if key not in record and key not in self.lacking:
                raise InputError(f"{dot}{key} is missing")
        return {key: check(dot + key, record[key]) for key, check in self.checks.items() if key in record}

    def read(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a whole record. Raises InputError."""
        return self("", dict(record))

    def beside(self, **checks: Check) -> Fields:
        """These fields and further ones."""
        return replace(self, checks={**self.checks, **checks})
