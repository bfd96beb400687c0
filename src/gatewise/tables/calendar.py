"""Reading a column of times, in whatever form they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, argument
from .forms import (
    BARE_QUARTERS,
    BARE_WEEKS,
    PADDED_QUARTERS,
    PAIRS,
    PLAIN,
    WALL,
    ZONED,
    Form,
    likely_forms,
    nanoseconds,
    week_date,
)
from .numbers_as_times import Called, readings_of_decimal, readings_of_whole
from .table import Table, has_zone, holds_numbers, holds_times, how_many, quoted
from .times import DAY, Reading, Times, in_centuries, wall_times

_MISSED = np.iinfo(np.int64).min
_SAMPLE = 1000  # rows from which the forms worth trying are found
_LOOKED_AT = 60  # different cells at which these are looked for
_FEW = 500  # different cells among those, at most, for which each is read once

_NOT_MIXED = "write all times of the column in the same way, such as 2024-01-31 or 2024-01-31 13:00"
_OTHER = f"correct the cell, or name another column with {argument('time')}"


def is_whole(cell: str) -> str:
    """SQL: whether the text cell is a whole number."""
    return f"regexp_full_match(trim({cell}), '[+-]?[0-9]{{1,19}}')"


def is_decimal(cell: str) -> str:
    """SQL: whether the text cell is a number, perhaps with a point."""
    return f"regexp_full_match(trim({cell}), '[+-]?[0-9]{{1,19}}([.][0-9]*)?')"


def read_times(table: Table, column: int, *, counts: bool | None = None, dates: str | None = None) -> list[Reading]:
    """The ways in which the column of ``rows`` can be read: one, or several between which something else decides.

    counts: whether the times are known to be plain counters, or not to be. dates: the name of the reading that is
    asked for. Raises InputError for the first cell that is missing or that does not fit the others, and for a name
    that none of the readings has.
    """
    row = table.first(f"c{column} IS NULL" + (f" OR trim(c{column}) = ''" if table.is_text(column) else ""))
    if row is not None:
        raise table.error("the time is missing", row=row, column=column, hint=_OTHER)
    kind = table.types[column]
    if table.is_text(column):
        readings = _from_text(table, column)
    elif holds_times(kind):
        readings = [_from_timestamps(table, column)]
    else:
        readings = _from_numbers(table, column)
    if counts is not None and any(reading.calendar != counts for reading in readings):
        readings = [reading for reading in readings if reading.calendar != counts]
    return readings if dates is None else _named(table, column, readings, dates)


def _named(table: Table, column: int, readings: Sequence[Reading], dates: str) -> list[Reading]:
    named = [reading for reading in readings if dates.strip().lower() == reading.name and reading.year]
    if named:
        return named
    names = [reading.name for reading in readings if reading.name and reading.year]
    known = f"they may mean {quoted(names)}" if len(names) > 1 else "they can be read in one way only"
    hint = f"leave out {argument('dates')}" if len(names) < 2 else f"give one of these as {argument('dates')}"
    raise table.error(f"the times do not mean {dates!r}: {known}", column=column, hint=hint)


def ambiguous(table: Table, column: int, readings: Sequence[Reading], advice: str | None = None) -> InputError:
    """The error where several readings of a column remain.

    advice: what else than plain dates and the option tells them apart; None where there is not even the option.
    """
    names = [reading.name for reading in readings]
    what = f"the dates may mean {quoted(names)}: every one of them fits"
    if advice is None:
        return table.error(what, column=column, hint="write them as 2024-01-31")
    usable = next(reading.name for reading in readings if reading.year)
    hint = f"use {argument('dates', usable)} or another of these, or write them as 2024-01-31{advice}"
    return table.error(what, column=column, hint=hint)


def yearless(table: Table, column: int) -> InputError:
    """The error where the cells hold days without a year."""
    what = f"{table.cell(0, column)!r} is a day without a year"
    return table.error(what, row=0, column=column, hint="write the year too, as in 2024-01-31")


def _from_text(table: Table, column: int) -> list[Reading]:
    forms = _likely_forms(table, column)
    if not forms:
        return _from_digits(table, column)
    tried = list(zip(forms, _times_of(table, column, forms), strict=True))
    fitting = [(form, times) for form, times in tried if not (times == _MISSED).any()]
    if not any(form.year for form, _ in fitting):
        dated = [(form, times) for form, times in tried if form.year]
        if not dated:
            raise yearless(table, column)
        raise _misfit(table, column, *min(dated, key=lambda tried: np.count_nonzero(tried[1] == _MISSED)))
    if forms == [ZONED]:
        return [_local(table, column, fitting[0][1])]
    readings = [_reading(form, times) for form, times in _told_apart(fitting, Called(table.key(column)))]
    fixed = [moved for reading in readings for moved in in_centuries(reading)]
    if not fixed:
        what = "there is a 29th of February in a year that has none"
        raise table.error(what, column=column, hint="write the years with four digits")
    return _distinct(fixed)


def _reading(form: Form, times: Times) -> Reading:
    return Reading(form.words, times, name=form.name, century=form.century, year=form.year)


def _told_apart(fitting: list[tuple[Form, Times]], called: Called) -> list[tuple[Form, Times]]:
    """The forms of all cells, without those that the others, or the name of the column, speak against.

    Weeks and quarters that are not called so in the cells are some where the column is, and else where they can be no
    months; quarters also where they would be the first four months of several years. Where every cell is a pair of
    years such as 2000/01, none of them is a month; a single cell is a month.
    """
    for bare, is_called in ((BARE_WEEKS, called.weeks), ((*BARE_QUARTERS, *PADDED_QUARTERS), called.quarters)):
        named = [(form, times) for form, times in fitting if form in bare]
        if named and is_called:
            return named
    pairs = [(form, times) for form, times in fitting if form in PAIRS]
    if pairs and len(fitting) > 1 and not (pairs[0][1] == pairs[0][1][0]).all():
        return pairs
    doubtful = (*PAIRS, *BARE_WEEKS, *BARE_QUARTERS, *PADDED_QUARTERS)
    plain = [(form, times) for form, times in fitting if form not in doubtful]
    quarters = [(form, times) for form, times in fitting if form in BARE_QUARTERS]
    if quarters and (not plain or len(np.unique(quarters[0][1].view("datetime64[ns]").astype("datetime64[Y]"))) > 1):
        return [*plain, *quarters]
    return plain or [(form, times) for form, times in fitting if form in BARE_WEEKS] or pairs


def _likely_forms(table: Table, column: int) -> list[Form]:
    """The forms that most of the first cells have, one of each name; none where most are numbers."""
    cell = f"c{column}"
    sample = f"(SELECT {cell} FROM rows LIMIT {_SAMPLE})"
    listed = f"list(DISTINCT {cell})[:{_LOOKED_AT}]"
    whole, decimal, cells = table.one(
        f"SELECT {how_many(is_whole(cell))}, {how_many(is_decimal(cell))}, {listed} FROM {sample}"
    )
    forms = likely_forms(cells)
    fits = ", ".join(["0", *(f"count({form.of(cell)})" for form in forms)])
    counts = table.one(f"SELECT {fits} FROM {sample}")
    most = max((count for form, count in zip(forms, counts[1:], strict=True) if form.year), default=0)
    if not (decimal or max(counts)):
        what = f"{table.cell(0, column)!r} is not a time in a form known here"
        raise table.error(what, row=0, column=column, hint=_OTHER)
    if (whole and whole >= most) or decimal > max(counts):
        return []
    likely = [form for form, fit in zip(forms, counts[1:], strict=True) if fit and fit >= most]
    return list({(form.name, form.century) if form.name else form: form for form in reversed(likely)}.values())[::-1]


def _times_of(table: Table, column: int, forms: Sequence[Form]) -> list[Times]:
    """The column read by each of the forms; each different cell is read once where there are few of them."""
    cell = f"c{column}"
    expressions = [f"coalesce({form.of(cell)}, {_MISSED})" for form in forms]
    if not _few_cells(table, cell):
        return [times.astype(np.int64, copy=False) for times in table.arrays(expressions)]
    table.connection.execute(f"CREATE OR REPLACE TYPE written AS ENUM (SELECT DISTINCT {cell} FROM rows)")
    codes = table.arrays([f"enum_code(CAST({cell} AS written))"])[0]
    selected = ", ".join(f"{expression} AS e{i}" for i, expression in enumerate(expressions))
    source = f"(SELECT unnest(enum_range(NULL::written)::VARCHAR[]) AS {cell})"
    fetched = table.connection.execute(f"SELECT {selected} FROM {source}").fetchnumpy()
    return [np.asarray(fetched[f"e{i}"]).astype(np.int64)[codes] for i in range(len(expressions))]


def _few_cells(table: Table, cell: str) -> bool:
    """Whether the first rows are many, and few of their cells differ."""
    sample = f"(SELECT {cell} FROM rows LIMIT {_SAMPLE})"
    return bool(table.one(f"SELECT count(DISTINCT {cell}) <= {_FEW} AND count(*) = {_SAMPLE} FROM {sample}")[0])


def _local(table: Table, column: int, times: Times) -> Reading:
    """The times of the place, where all are midnights there, or of one hour that offsets move; else those in UTC."""
    wall = _times_of(table, column, [WALL])[0]
    clock, moved = wall % DAY, (wall - times != wall[0] - times[0]).any()
    if (clock != clock[0]).any() or (clock[0] and not moved):
        return Reading(ZONED.words, times)
    words = WALL.words if clock[0] else "midnights with a UTC offset read as dates"
    return Reading(words if (wall != times).any() else "", wall)


def _cells(table: Table, expression: str) -> Times:
    return table.arrays([f"coalesce({expression}, {_MISSED})"])[0].astype(np.int64, copy=False)


def _distinct(readings: list[Reading]) -> list[Reading]:
    """One of all readings that give the same times; such a one assumes nothing."""
    distinct: list[Reading] = []
    for reading in readings:
        same = [i for i, other in enumerate(distinct) if np.array_equal(reading.times, other.times)]
        if not same:
            distinct.append(reading)
        elif reading.year:
            words = distinct[same[0]].words if reading.words == distinct[same[0]].words else ""
            distinct[same[0]] = replace(reading, words=words)
    return distinct


def _misfit(table: Table, column: int, form: Form, times: Times) -> InputError:
    row = int(np.argmax(times == _MISSED))
    cell = table.cell(row, column)
    other = {PLAIN: ZONED, ZONED: PLAIN}.get(form)
    if other is not None and table.first(f"rowid = {row} AND ({other.of(f'c{column}')}) IS NOT NULL") is not None:
        has = "has a UTC offset and others have none" if other is ZONED else "has no UTC offset and others have one"
        hint = "give all times an offset, or none of them"
        return table.error(f"the time {cell!r} {has}", row=row, column=column, hint=hint)
    if form.name == "week" and (year := re.search(r"[0-9]{4}", cell)):
        weeks = 53 if table.one(f"SELECT ({week_date(repr(year[0]), repr('53'))}) IS NOT NULL")[0] else 52
        what = f"{cell!r} is not a week: the ISO year {year[0]} has {weeks}, counted from 1"
        return table.error(
            what, row=row, column=column, hint="correct the cell, or give the dates on which weeks begin"
        )
    example = table.cell(int(np.argmax(times != _MISSED)), column)
    what = f"{cell!r} is not a time written like {example!r} (from 1678 to 2261)"
    return table.error(what, row=row, column=column, hint=_NOT_MIXED)


def _from_timestamps(table: Table, column: int) -> Reading:
    cell, kind = f"c{column}", table.types[column]
    exact = kind in ("TIMESTAMP_NS", "TIMESTAMPTZ_NS")
    times = _cells(table, f"epoch_ns({cell})" if exact else nanoseconds(cell))
    if (times == _MISSED).any():
        row = int(np.argmax(times == _MISSED))
        what = f"the time {table.cell(row, column)} is not between 1678 and 2261"
        raise table.error(what, row=row, column=column, hint=_OTHER)
    if not has_zone(kind):
        return Reading("", times)
    zone = table.zones.get(column)
    local = times if zone is None else wall_times(times, zone)
    if zone is not None and (local % DAY == local[0] % DAY).all() and (local != times).any():
        return Reading(f"times read as those of {zone}", local)
    return Reading(ZONED.words, times)


def _from_digits(table: Table, column: int) -> list[Reading]:
    """Readings of text that is numbers."""
    cell = f"c{column}"
    if table.one(f"SELECT bool_and({is_whole(cell)} OR NOT {is_decimal(cell)}) FROM rows")[0]:
        return _of_whole(table, column, f"CASE WHEN {is_whole(cell)} THEN try_cast({cell} AS BIGINT) END")
    return _of_decimal(table, column, f"CASE WHEN {is_decimal(cell)} THEN try_cast({cell} AS DOUBLE) END")


def _from_numbers(table: Table, column: int) -> list[Reading]:
    kind = table.types[column]
    if not holds_numbers(kind):
        raise table.error(f"the column holds {kind}, not times", column=column, hint=_OTHER)
    if "INT" in kind:
        return _of_whole(table, column, f"try_cast(c{column} AS BIGINT)")
    return _of_decimal(table, column, f"CAST(c{column} AS DOUBLE)")


def _of_whole(table: Table, column: int, expression: str) -> list[Reading]:
    numbers = _cells(table, expression)
    _refuse_other(table, column, numbers == _MISSED)
    return readings_of_whole(numbers, Called(table.key(column)))


def _of_decimal(table: Table, column: int, expression: str) -> list[Reading]:
    numbers = table.arrays([f"coalesce({expression}, 'nan'::DOUBLE)"])[0].astype(np.float64)
    _refuse_other(table, column, np.isnan(numbers))
    fraction = (numbers != np.floor(numbers)) | (np.abs(numbers) >= 2**63)
    if not fraction.any():
        return readings_of_whole(numbers.astype(np.int64), Called(table.key(column)))
    readings = readings_of_decimal(numbers, Called(table.key(column)))
    if not readings:
        _refuse_other(table, column, fraction)
    return readings


def _refuse_other(table: Table, column: int, wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        kind = "a whole number like the times above it" if row else "a time in a form known here"
        what = f"{table.cell(row, column)!r} is not {kind}"
        raise table.error(what, row=row, column=column, hint=_OTHER)
