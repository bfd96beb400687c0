"""Tables whose times stand in the names of columns, turned so that they stand in rows.

Four layouts are known: a column for each date, as statistical offices and epidemiologists write; a column for each
step, as in the files of forecasting competitions; a row for each year with a column for each month or quarter; and a
row for each date with a column for each hour, or each quarter of one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import argument
from ..words import unaccented
from .columns import ID_NAMES, PART_NAMES, STRONG_ID_NAMES, TIME_NAMES, Kind, kinds_of, looks_like
from .forms import is_time, likely_forms
from .month_names import NUMBERS
from .options import ReadOptions
from .table import Table

_FEWEST = 3
"""Columns of dates that make a table of this kind."""
_FEWEST_STEPS = 8
"""Columns numbered one after another that do, as other things are numbered too."""
_NUMBERED = re.compile(r"(\D*?)(\d{1,9})(?: \[YR\2\])?")
_QUARTER = re.compile(r"(?:q|qtr|quarter|quartal|t|k)[ _.]?([1-4])|([1-4])[. ]?(?:q|quartal|quarter|trimestre)")
_HOUR = re.compile(r"(h|he|hr|hour|hora|heure|stunde|uur|)[ _.]?(\d{1,2})(?:h|:00(?::00)?)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")
_PACES = (5, 10, 15, 20, 30, 60)  # minutes
_YEARS = range(1678, 2262)
_WITHIN = ("month", "quarter")
_OF_DAYS = ("hour", "clock")
_TIMELY = ("date", *_WITHIN, *_OF_DAYS)
"""Heads that can be nothing but times; columns are numbered for other reasons, too."""
_BESIDE = {"year": ("month", "quarter", "week"), "month": ("year",), "quarter": ("year",)}
"""What another column may hold that makes a time together with these heads; see `compose`."""


@dataclass(frozen=True)
class _Heads:
    """Columns whose names are times.

    columns: their positions, in order. times: of each, as text. name: of the column that these become: ``date``,
    ``step``, ``year``, or the part of a year or of a day that they are.
    """

    columns: tuple[int, ...]
    times: tuple[str, ...]
    name: str


def turned(table: Table, options: ReadOptions) -> tuple[Table, ReadOptions]:
    """The table with times in rows, and options that name its columns; or both as they were.

    Only where neither the times nor the target are named, and no other column holds times. Raises InputError where
    nothing tells the rows apart.
    """
    if options.time is not None or options.target is not None or table.parts:
        return table, options
    heads = _dates(table) or _parts_of_years(table) or _parts_of_days(table) or _numbered(table)
    if heads is None:
        return table, options
    kinds = kinds_of(table)
    heads = heads if heads.name in _TIMELY else _of_numbers(heads, kinds)
    if heads is None:
        return table, options
    others = [i for i in range(len(kinds)) if i not in heads.columns]
    beside = [i for i in others if any(looks_like(table, i, PART_NAMES[part]) for part in _BESIDE.get(heads.name, ()))]
    timely = [i for i in others if kinds[i] == "time" or looks_like(table, i, TIME_NAMES)]
    if heads.name in _OF_DAYS and len(timely) == 1 and _are_days(table, timely[0]):
        beside, timely = timely, []
    if timely or (heads.name in _OF_DAYS and not beside):
        return table, options
    if heads.name in _WITHIN and len(beside) != 1:
        return table, options
    if options.id is None:
        free = [i for i in others if i not in beside]
        options = replace(options, id=_names(table, [i for i in free if _may_name(table, kinds, i)], beside))
        if options.id is None and not _is_one(table, heads, beside):
            return table, options
    return _long(table, heads, others), options if beside else replace(options, time=heads.name)


def _dates(table: Table) -> _Heads | None:
    """A column for each date."""
    names = [name.strip() for name in table.names]
    forms = likely_forms(names)
    if not forms:
        return None
    query = f"SELECT list({is_time('name', forms)}) FROM (SELECT unnest(?) AS name)"
    timely = table.connection.execute(query, [names]).fetchall()[0][0]
    columns = tuple(i for i, is_date in enumerate(timely) if is_date)
    return _Heads(columns, tuple(names[i] for i in columns), "date") if len(columns) >= _FEWEST else None


def _numbered(table: Table) -> _Heads | None:
    """Names with the same beginning and numbers one apart, up to the last column."""
    found = [_NUMBERED.fullmatch(name.strip()) for name in table.names]
    columns: list[int] = []
    for i in reversed(range(len(found))):
        here, after = found[i], found[columns[-1]] if columns else None
        if here is None or (after and (here[1], int(here[2]) + 1) != (after[1], int(after[2]))):
            break
        columns.append(i)
    numbers = [int(match[2]) for i in reversed(columns) if (match := found[i])]
    if len(columns) < _FEWEST:
        return None
    name = "year" if all(number in _YEARS for number in numbers) else "step"
    return _Heads(tuple(reversed(columns)), tuple(map(str, numbers)), name)


def _of_numbers(heads: _Heads, kinds: Sequence[Kind]) -> _Heads | None:
    """A column for each year, or enough for steps, all of numbers; of V1 to V37 the first may hold names instead."""
    numbers = [kinds[i] in ("integer", "number", "empty") for i in heads.columns]
    if not numbers[0]:
        numbers, heads = numbers[1:], replace(heads, columns=heads.columns[1:], times=heads.times[1:])
    enough = len(numbers) >= (_FEWEST if heads.name == "year" else _FEWEST_STEPS)
    return heads if enough and all(numbers) else None


def _parts_of_years(table: Table) -> _Heads | None:
    """A column for each month or quarter."""
    keys = [re.sub(r"[^a-z0-9]+", "", unaccented(name.lower())) for name in table.names]
    months = {NUMBERS[key]: i for i, key in enumerate(keys) if key in NUMBERS}
    quarters = {int(match[1] or match[2]): i for i, key in enumerate(keys) if (match := _QUARTER.fullmatch(key))}
    for name, parts, whole in (("month", months, 12), ("quarter", quarters, 4)):
        if len(parts) == whole:
            numbers = sorted(parts)
            return _Heads(tuple(parts[number] for number in numbers), tuple(map(str, numbers)), name)
    return None


def _parts_of_days(table: Table) -> _Heads | None:
    """A column for each hour of a day, from 0 or from 1, or for each of its clocks at one pace."""
    names = [name.strip().lower() for name in table.names]
    clocks = {
        60 * int(match[1]) + int(match[2]): i for i, name in enumerate(names) if (match := _CLOCK.fullmatch(name))
    }
    for pace in _PACES:
        if sorted(clocks) == [*range(0, 24 * 60, pace)]:
            times = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in sorted(clocks))
            return _Heads(tuple(clocks[minute] for minute in sorted(clocks)), times, "clock")
    found = [(match[1], int(match[2]), i) for i, name in enumerate(names) if (match := _HOUR.fullmatch(name))]
    hours = {hour: i for _, hour, i in found}
    if len({words for words, _, _ in found}) == 1 and sorted(hours) in ([*range(24)], [*range(1, 25)]):
        return _Heads(tuple(hours[hour] for hour in sorted(hours)), tuple(map(str, sorted(hours))), "hour")
    return None


def _are_days(table: Table, column: int) -> bool:
    """Whether the cells are dates, and none has a clock."""
    cell = f"CAST(c{column} AS VARCHAR)"
    clocked = f"regexp_matches({cell}, '[0-9]:[0-9]{{2}}') AND NOT regexp_matches({cell}, '[ T]00:00(:00)?')"
    return not table.one(f"SELECT coalesce(bool_or({clocked}), true) FROM {table.relation}")[0]


def _may_name(table: Table, kinds: Sequence[Kind], column: int) -> bool:
    return kinds[column] == "text" or looks_like(table, column, STRONG_ID_NAMES | ID_NAMES)


def _names(table: Table, texts: Sequence[int], beside: Sequence[int]) -> str | None:
    """Those of the columns that tell the rows apart, as ``id`` names them: one that does alone, or all."""
    for columns in (*([i] for i in texts if _is_full(table, i)), texts):
        if columns and _tells(table, [*columns, *beside]):
            return ",".join(table.names[i] for i in columns)
    return None


def _is_one(table: Table, heads: _Heads, beside: Sequence[int]) -> bool:
    """Whether all rows are of one series. InputError where they are not, and can be nothing but several."""
    if heads.name == "step":
        return False
    if _tells(table, beside):
        return True
    if heads.name not in _TIMELY:
        return False
    what = "times stand in the names of columns, and no other column tells the rows apart"
    raise table.error(what, hint=f"name the column of the series with {argument('id')}")


def _tells(table: Table, columns: Sequence[int]) -> bool:
    """Whether no two rows are equal in these columns; without any, whether there is one row."""
    cells = ", ".join(f"c{column}" for column in columns)
    distinct = f"count(DISTINCT row({cells}))" if cells else "1"
    return bool(table.one(f"SELECT {distinct} >= count(*) FROM {table.relation}")[0])


def _is_full(table: Table, column: int) -> bool:
    return bool(table.one(f"SELECT count(c{column}) = count(*) FROM {table.relation}")[0])


def _long(table: Table, heads: _Heads, others: Sequence[int]) -> Table:
    """The table with a row for each cell under these heads: the other columns, the time, the value."""
    columns = [f"c{column} AS c{place}" for place, column in enumerate(others)]
    times = ", ".join("'{}'".format(time.replace("'", "''")) for time in heads.times)
    kinds = {table.types[i] for i in heads.columns}
    kind = kinds.pop() if len(kinds) == 1 else "DOUBLE"
    cells = ", ".join(f"c{i}" if table.types[i] == kind else f"CAST(c{i} AS DOUBLE)" for i in heads.columns)
    columns.append(f"unnest([{times}]) AS c{len(others)}")
    columns.append(f"unnest([{cells}]) AS c{len(others) + 1}")
    table.connection.execute(f"CREATE TEMP VIEW turned AS SELECT {', '.join(columns)} FROM {table.relation}")
    width, spot = len(heads.columns), table.spot

    def place(row: int) -> str:
        return f"{spot(row // width)}, column {table.names[heads.columns[row % width]]!r}"

    made = replace(
        table,
        names=(*(table.names[i] for i in others), heads.name, _free("value", table.names)),
        types=(*(table.types[i] for i in others), "VARCHAR", kind),
        relation="turned",
        spot=place,
        placed=frozenset({len(others), len(others) + 1}),
        zones={},
    )
    first, last = table.names[heads.columns[0]], table.names[heads.columns[-1]]
    return made.noting(f"times read from the names of {width} columns, {first!r} to {last!r}")


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
