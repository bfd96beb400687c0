"""Times: the forms in which they are written, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError, argument
from .table import Table, holds_numbers, holds_times, how_many, quoted


@dataclass(frozen=True)
class Form:
    """One way to write a time.

    words: what reading it assumes, empty where nothing. sql: nanoseconds since 1970 of the text ``CELL``, NULL
    where it is not written so or lies outside the years that fit.
    """

    words: str
    sql: str

    def of(self, cell: str) -> str:
        """The expression for one column."""
        return self.sql.replace("CELL", f"trim({cell})")


def nanoseconds(timestamp: str) -> str:
    """SQL: nanoseconds since 1970 of a time in microseconds, NULL outside the years that fit."""
    return f"try_cast(CAST(epoch_us({timestamp}) AS HUGEINT) * 1000 AS BIGINT)"


def is_whole(cell: str) -> str:
    """SQL: whether the text cell is a whole number."""
    return f"regexp_full_match(trim({cell}), '[+-]?[0-9]{{1,19}}')"


def is_time(cell: str) -> str:
    """SQL: whether the text cell is a date or a time in any known form."""
    return "(" + " OR ".join(f"({form.of(cell)}) IS NOT NULL" for form in FORMS) + ")"


def _shaped(words: str, shape: str, time: str) -> Form:
    return Form(words, f"CASE WHEN regexp_full_match(CELL, '{shape}') THEN {time} END")


def _spelled(words: str, *dates: str, clocks: tuple[str, ...] = ("",)) -> Form:
    formats = ", ".join(f"'{date}{clock}'" for clock, date in product(clocks, dates))
    # Without the look for a digit, strptime would take the words 'infinity' and 'epoch'.
    timestamp = f"CASE WHEN regexp_matches(CELL, '[0-9]') THEN try_strptime(CELL, [{formats}]) END"
    return Form(words, nanoseconds(timestamp))


_ISO = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = r"[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,%d})?)?"  # with so many digits of a second at most
_OFFSET = r" ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)"
_HOURS_MINUTES = "regexp_extract(CELL, '[+-]([0-9]{2}):?([0-9]{2})?$', %d)"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")

_wall = nanoseconds(f"try_cast(regexp_replace(CELL, '{_OFFSET}$', '') AS TIMESTAMP)")
_hours, _minutes = (f"coalesce(try_cast({_HOURS_MINUTES % part} AS BIGINT), 0)" for part in (1, 2))
_offset = f"if(contains(CELL[-6:], '-'), -1, 1) * (60 * {_hours} + {_minutes}) * 60000000000"

PLAIN = _shaped("", f"{_ISO}(?:{_CLOCK % 9})?", "epoch_ns(try_cast(CELL AS TIMESTAMP_NS))")
ZONED = _shaped("times converted to UTC", f"{_ISO}{_CLOCK % 6}{_OFFSET}", f"{_wall} - {_offset}")
WALL = _shaped("midnights with a UTC offset read as dates", f"{_ISO}{_CLOCK % 6}{_OFFSET}", _wall)
FORMS = (
    PLAIN,
    ZONED,
    _spelled("dates read as day/month/year", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", clocks=_CLOCKS),
    _spelled("dates read as month/day/year", "%m/%d/%Y", "%m-%d-%Y", clocks=_CLOCKS),
    _spelled("dates read as year.month.day", "%Y.%m.%d", "%Y.%m.%d.", clocks=_CLOCKS),
    _spelled("dates read as day/month/year", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y", clocks=_CLOCKS),
    _spelled("dates read as month/day/year", "%m/%d/%y", "%m-%d-%y", clocks=_CLOCKS),
    _spelled("dates read as year/month/day", "%y/%m/%d", "%y-%m-%d", clocks=_CLOCKS),
    _spelled("", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", clocks=_CLOCKS),
    _spelled("", "%d-%b-%y", "%d %b %y", clocks=_CLOCKS),
    _spelled("", "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y"),
    _spelled("", "%b %Y", "%b-%Y", "%B %Y", "%B-%Y", "%Y %b", "%Y-%b", "%Y %B"),
    _spelled("months read as month-year", "%b-%y", "%b %y"),
    _shaped(
        "",
        "[0-9]{4}[- ]?Q[1-4]",
        nanoseconds("make_date(CAST(CELL[:4] AS INT), 3 * CAST(CELL[-1:] AS INT) - 2, 1)"),
    ),
    _shaped(
        "",
        "Q[1-4][- /]?[0-9]{4}",
        nanoseconds("make_date(CAST(CELL[-4:] AS INT), 3 * CAST(CELL[2:2] AS INT) - 2, 1)"),
    ),
    _shaped(
        "weeks dated by their Monday",
        "[0-9]{4}-?W[0-9]{2}",
        nanoseconds("try_strptime(CELL[:4] || '-W' || CELL[-2:] || '-1', '%G-W%V-%u')"),
    ),
)


DAY = 86_400 * 10**9  # nanoseconds
Times = NDArray[np.int64]
"""Nanoseconds since 1970 (UTC where the table says so, else as written), or a plain counter."""


@dataclass(frozen=True)
class Reading:
    """One way to understand a time column.

    words: what was assumed, empty where nothing was. times: shape (N,), in the order of the rows.
    calendar: False for a plain counter.
    """

    words: str
    times: Times
    calendar: bool = True


_MISSED = np.iinfo(np.int64).min
_SAMPLE = 1000  # rows from which the forms worth trying are found

_NOT_MIXED = "write all times of the column in the same way, such as 2024-01-31 or 2024-01-31 13:00"
_OTHER = f"correct the cell, or name another column with {argument('time')}"


def read_times(table: Table, column: int) -> list[Reading]:
    """The ways in which the column of ``rows`` can be read: one, or several that differ in the order of the day.

    Raises InputError for the first cell that is missing or that does not fit the others.
    """
    row = table.first(f"c{column} IS NULL" + (f" OR trim(c{column}) = ''" if table.is_text(column) else ""))
    if row is not None:
        raise table.error("the time is missing", row=row, column=column, hint=_OTHER)
    kind = table.types[column]
    if table.is_text(column):
        return _from_text(table, column)
    if holds_times(kind):
        return [_from_timestamps(table, column)]
    return [_from_numbers(table, column)]


def ambiguous(table: Table, column: int, readings: Sequence[Reading], advice: str) -> InputError:
    """The error where several readings of a column remain. advice: what else than plain dates tells them apart."""
    orders = [reading.words.rpartition(" ")[2] for reading in readings]
    what = f"the dates may mean {quoted(orders)}: every one of them fits"
    return table.error(what, column=column, hint=f"write them as 2024-01-31{advice}")


def _from_text(table: Table, column: int) -> list[Reading]:
    cell = f"c{column}"
    forms = _likely_forms(table, column)
    if not forms:
        return [_counter(_parsed(table, column, f"CASE WHEN {is_whole(cell)} THEN try_cast({cell} AS BIGINT) END"))]
    tried = [(form, _cells(table, form.of(cell))) for form in forms]
    fitting = [(form, times) for form, times in tried if not (times == _MISSED).any()]
    if not fitting:
        raise _misfit(table, column, *min(tried, key=lambda form_times: np.count_nonzero(form_times[1] == _MISSED)))
    if forms == [ZONED]:
        return [_local(table, column, fitting[0][1])]
    return _distinct([Reading(form.words, times) for form, times in fitting])


def _likely_forms(table: Table, column: int) -> list[Form]:
    """The forms that most of the first cells have; none where most are whole numbers."""
    cell = f"c{column}"
    fits = ", ".join(f"count({form.of(cell)})" for form in FORMS)
    sample = f"(SELECT {cell} FROM rows LIMIT {_SAMPLE})"
    whole, *counts = table.one(f"SELECT {how_many(is_whole(cell))}, {fits} FROM {sample}")
    most = max(counts)
    if not (whole or most):
        what = f"{table.cell(0, column)!r} is not a time in a form known here"
        raise table.error(what, row=0, column=column, hint=_OTHER)
    return [] if whole >= most else [form for form, fit in zip(FORMS, counts, strict=True) if fit == most]


def _local(table: Table, column: int, times: Times) -> Reading:
    """Dates, where every time was midnight at the place it was taken; else the times in UTC."""
    wall = _cells(table, WALL.of(f"c{column}"))
    if (wall % DAY).any():
        return Reading(ZONED.words, times)
    return Reading(WALL.words if (wall != times).any() else "", wall)


def _cells(table: Table, expression: str) -> Times:
    return table.arrays([f"coalesce({expression}, {_MISSED})"])[0].astype(np.int64, copy=False)


def _parsed(table: Table, column: int, expression: str) -> Times:
    times = _cells(table, expression)
    if (times == _MISSED).any():
        row = int(np.argmax(times == _MISSED))
        what = f"{table.cell(row, column)!r} is not a whole number like the times above it"
        raise table.error(what, row=row, column=column, hint=_OTHER)
    return times


def _distinct(readings: list[Reading]) -> list[Reading]:
    """One of all readings that give the same times; such a one assumes nothing."""
    distinct: list[Reading] = []
    for reading in readings:
        same = [i for i, other in enumerate(distinct) if np.array_equal(reading.times, other.times)]
        if same:
            distinct[same[0]] = Reading("", reading.times)
        else:
            distinct.append(reading)
    return distinct


def _misfit(table: Table, column: int, form: Form, times: Times) -> InputError:
    row = int(np.argmax(times == _MISSED))
    cell = table.cell(row, column)
    other = {PLAIN: ZONED, ZONED: PLAIN}.get(form)
    if other is not None and table.first(f"rowid = {row} AND ({other.of(f'c{column}')}) IS NOT NULL") is not None:
        has = "has a UTC offset and others have none" if other is ZONED else "has no UTC offset and others have one"
        hint = "give all times an offset, or none of them"
        return table.error(f"the time {cell!r} {has}", row=row, column=column, hint=hint)
    example = table.cell(int(np.argmax(times != _MISSED)), column)
    what = f"{cell!r} is not a time written like {example!r} (from 1678 to 2261)"
    return table.error(what, row=row, column=column, hint=_NOT_MIXED)


def _from_timestamps(table: Table, column: int) -> Reading:
    cell, kind = f"c{column}", table.types[column]
    times = _cells(table, f"epoch_ns({cell})" if kind == "TIMESTAMP_NS" else nanoseconds(cell))
    if (times == _MISSED).any():
        row = int(np.argmax(times == _MISSED))
        what = f"the time {table.cell(row, column)} is not between 1678 and 2261"
        raise table.error(what, row=row, column=column, hint=_OTHER)
    return Reading(ZONED.words if "ZONE" in kind else "", times)


def _from_numbers(table: Table, column: int) -> Reading:
    kind = table.types[column]
    if not holds_numbers(kind):
        raise table.error(f"the column holds {kind}, not times", column=column, hint=_OTHER)
    cell = f"c{column}"
    return _counter(_parsed(table, column, f"CASE WHEN {cell} = floor({cell}) THEN try_cast({cell} AS BIGINT) END"))


_EPOCHS = (("seconds", 10**9), ("milliseconds", 10**6), ("microseconds", 10**3), ("nanoseconds", 1))
_COMPACT = (("year, month and day", "%Y%m%d", 8), ("year and month", "%Y%m", 6))


def _counter(numbers: Times) -> Reading:
    """Whole numbers are epochs where all lie between 1990 and 2100, dates where all are, else a plain counter."""
    low, high = int(numbers.min()), int(numbers.max())
    for words, scale in _EPOCHS:
        second = 10**9 // scale
        if 631_152_000 * second <= low and high < 4_102_444_800 * second:
            return Reading(f"times read as {words} since 1970 (UTC)", numbers * scale)
    for words, layout, digits in _COMPACT:
        if 18 * 10 ** (digits - 2) <= low and high < 22 * 10 ** (digits - 2):
            dates = _compact_dates(numbers, layout)
            if dates is not None:
                return Reading(f"times read as {words} ({layout})", dates)
    return Reading("", numbers, calendar=False)


def _compact_dates(numbers: Times, layout: str) -> Times | None:
    distinct, inverse = np.unique(numbers, return_inverse=True)
    dates = pd.to_datetime(pd.Series(distinct.astype(str)), format=layout, errors="coerce")
    return None if dates.isna().any() else dates.to_numpy("datetime64[ns]").view(np.int64)[inverse]
