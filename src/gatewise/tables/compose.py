"""Times and names of series that a table spreads over several columns: a year and a month, a date and a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..words import listed
from .columns import ID_NAMES, PART_NAMES, STRONG_ID_NAMES, TIME_NAMES, Kind, kinds_of, looks_like
from .month_names import month_number
from .options import ReadOptions
from .table import Table, how_many

_SAMPLE = 1000  # rows by which parts are known
_CLOCK = "[0-9]{1,2}[:.h][0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?[AaPp][.]?[Mm][.]?)?"
_TEXT = "regexp_replace(trim(CAST(CELL AS VARCHAR)), '[.]0+$', '')"
_WHOLE = f"try_cast({_TEXT} AS INT)"
_LETTERS = f"regexp_extract(lower(strip_accents({_TEXT})), '[a-z\u0131\u0430-\u044f]+')"
_DIGITS = f"try_cast(regexp_extract({_TEXT}, '[0-9]+') AS INT)"
_CODED = f"regexp_full_match({_TEXT}, '[Mm][0-9]{{1,2}}')"
_MONTH = f"coalesce({_WHOLE}, {month_number(_LETTERS)}, if({_CODED}, {_DIGITS}, NULL))"
_HOLDS = {
    "year": f"{_WHOLE} BETWEEN 1678 AND 2261",
    "quarter": f"{_DIGITS} BETWEEN 1 AND 4 AND length({_TEXT}) <= 4",
    "month": f"{_MONTH} BETWEEN 1 AND 12",
    "week": f"{_DIGITS} BETWEEN 1 AND 53 AND length({_TEXT}) <= 4",
    "day": f"{_WHOLE} BETWEEN 1 AND 31",
    "hour": f"({_WHOLE} BETWEEN 0 AND 24 OR {_WHOLE} BETWEEN 0 AND 2400 AND {_WHOLE} % 100 = 0)",
    "minute": f"{_WHOLE} BETWEEN 0 AND 59",
    "clock": f"regexp_full_match({_TEXT}, '{_CLOCK}')",
}
"""SQL: whether the cell ``CELL`` holds a part of a time."""
_CODES = {"quarter": "[Qq]0?[1-4]", "month": "[Mm](0[1-9]|1[0-2])", "week": "[Ww][0-5][0-9]"}
"""Cells that are a part of a time whatever their column is called."""
_PIECES = {
    "date": "regexp_replace(trim(CAST(CELL AS VARCHAR)), ' 00:00:00$', '')",
    "year": _TEXT,
    "quarter": f"'-Q' || {_DIGITS}",
    "week": f"'-W' || lpad(CAST({_DIGITS} AS VARCHAR), 2, '0')",
    "month": f"'-' || lpad(coalesce(CAST({_MONTH} AS VARCHAR), {_TEXT}), 2, '0')",
    "day": f"'-' || lpad({_TEXT}, 2, '0')",
    "hour": f"' ' || lpad({_TEXT}, 2, '0')",
    "minute": f"':' || lpad({_TEXT}, 2, '0')",
    "clock": f"' ' || {_TEXT}",
}
"""SQL: what the cell adds to the time as text."""


def composed(table: Table, options: ReadOptions) -> tuple[Table, ReadOptions, list[Kind]]:
    """The table with columns made of several, options that name them, and what each column holds.

    Those that ``time`` and ``id`` list with commas are put together; and, where these are left open, a year with a
    month, a quarter or a week, a date that repeats with a clock or an hour, and names that only together tell the
    series of a row.
    """
    whole, kinds = table, kinds_of(table)
    parts = _listed(table, options.time)
    if parts:
        table, options = _with_time(table, options, _roles(table, parts, kinds), parts)
    elif options.time is None and (found := _year_and_part(table, kinds) or _date_and_clock(table, kinds)):
        table, options = _with_time(table, options, found, list(found.values()))
    ids = _listed(table, options.id) or (_ids(table, options) if options.id is None else [])
    if len(ids) == 1:
        options = replace(options, id=table.names[ids[0]])
    elif ids:
        table, name = _with_names(table, ids)
        options = replace(options, id=name)
    return table, options, kinds if table is whole else kinds_of(table)


def with_listed(table: Table, options: ReadOptions) -> tuple[Table, ReadOptions]:
    """The table with columns made of those that ``time`` and ``id`` list with commas, and options that name them."""
    if parts := _listed(table, options.time):
        table, options = _with_time(table, options, _roles(table, parts, kinds_of(table)), parts)
    if ids := _listed(table, options.id):
        table, name = _with_names(table, ids)
        options = replace(options, id=name)
    return table, options


def _listed(table: Table, names: str | None) -> list[int]:
    """The columns that an argument lists with commas; none where it names one."""
    if names is None or names in table.names or "," not in names:
        return []
    words = [name.strip() for name in names.split(",")]
    stripped = [name.strip() for name in table.names]
    return [stripped.index(word) for word in words] if all(word in stripped for word in words) else []


def _holding(table: Table, part: str, columns: Sequence[int]) -> list[int]:
    """Those of these columns of which every one of the first cells holds such a part."""
    free = [column for column in columns if column not in table.parts]
    named = [column for column in free if looks_like(table, column, PART_NAMES[part])]
    holding = [column for column in named if _all(table, column, _HOLDS[part])]
    if holding or part not in _CODES:
        return holding
    coded = f"regexp_full_match({_TEXT}, '{_CODES[part]}')"
    return [column for column in free if table.is_text(column) and _all(table, column, coded)]


def _all(table: Table, column: int, condition: str) -> bool:
    holds = condition.replace("CELL", f"c{column}")
    sample = f"(SELECT c{column} FROM {table.relation} LIMIT {_SAMPLE})"
    return bool(table.one(f"SELECT count(*) > 0 AND {how_many(f'({holds}) IS NOT TRUE')} = 0 FROM {sample}")[0])


def _year_and_part(table: Table, kinds: Sequence[Kind]) -> dict[str, int] | None:
    """A year that repeats, and what tells the times within it apart, where no column holds whole times."""
    columns = range(len(kinds))
    years = _holding(table, "year", columns)
    if len(years) != 1 or "time" in kinds or _distinct(table, years):
        return None
    found = {"year": years[0]}
    for part in ("quarter", "week", "month"):
        if len(holding := _holding(table, part, columns)) == 1:
            found = {"year": years[0], part: holding[0]}
    if "month" not in found:
        return found if len(found) == 2 else None
    for part in ("day", "hour", "minute"):
        if len(holding := _holding(table, part, columns)) != 1:
            break
        found[part] = holding[0]
    return found


def _date_and_clock(table: Table, kinds: Sequence[Kind]) -> dict[str, int] | None:
    """A date that repeats, and the clock or hour that tells its rows apart."""
    columns = range(len(kinds))
    dates = [i for i in columns if kinds[i] == "time"] or [i for i in columns if _is_compact(table, i, kinds[i])]
    if len(dates) != 1:
        return None
    free = [i for i in columns if i not in dates and i not in table.parts]
    names = [i for i in free if kinds[i] == "text" or looks_like(table, i, ID_NAMES)]
    for part in ("clock", "hour"):
        holding = [i for i in _holding(table, part, columns) if i not in dates]
        names = [i for i in names if i not in holding]
        if len(holding) == 1 and not _distinct(table, [*dates, *names]):
            minutes = _holding(table, "minute", columns) if part == "hour" else []
            return {"date": dates[0], part: holding[0]} | ({"minute": minutes[0]} if len(minutes) == 1 else {})
    return None


def _is_compact(table: Table, column: int, kind: Kind) -> bool:
    named = kind == "integer" and looks_like(table, column, TIME_NAMES)
    return named and _all(table, column, f"{_WHOLE} BETWEEN 18000101 AND 21991231")


def _distinct(table: Table, columns: Sequence[int]) -> bool:
    """Whether no two of the first rows are equal in all of these columns."""
    cells = ", ".join(f"c{column}" for column in columns)
    sample = f"(SELECT {cells} FROM {table.relation} LIMIT {_SAMPLE})"
    return bool(table.one(f"SELECT count(DISTINCT ({cells})) = count(*) FROM {sample}")[0])


def _roles(table: Table, columns: Sequence[int], kinds: Sequence[Kind]) -> dict[str, int]:
    """What these columns hold of a time, as far as their names and cells say; none where one says nothing."""
    roles: dict[str, int] = {}
    for column in columns:
        holding = [part for part in _PIECES if part != "date" and part not in roles and _holding(table, part, [column])]
        is_date = kinds[column] == "time" or _is_compact(table, column, kinds[column])
        clock = ["clock"] if _all(table, column, _HOLDS["clock"]) else []
        part = next(iter([*(["date"] if is_date else []), *clock, *holding]), None)
        if part is None:
            return {}
        roles[part] = column
    return roles


def _with_time(
    table: Table, options: ReadOptions, roles: Mapping[str, int], columns: Sequence[int]
) -> tuple[Table, ReadOptions]:
    notes: list[str] = []
    if roles:
        pieces = {part: _PIECES[part].replace("CELL", f"c{roles[part]}") for part in _PIECES if part in roles}
        if "hour" in roles:
            pieces["hour"], notes = _hours(table, roles["hour"])
        if "hour" in pieces and "minute" not in pieces:
            pieces["minute"] = "':00'"
        expression = " || ".join(f"({piece})" for piece in pieces.values())
    else:
        expression = " || ' ' || ".join(f"trim(CAST(c{column} AS VARCHAR))" for column in columns)
    table, name = _with_column(table, expression, columns)
    return table.noting(*notes), replace(options, time=name)


def _hours(table: Table, column: int) -> tuple[str, list[str]]:
    """SQL for the hour as text, and a note where it is counted from 1."""
    whole = _WHOLE.replace("CELL", f"c{column}")
    low, high = table.one(f"SELECT min({whole}), max({whole}) FROM {table.relation}")
    if high is not None and high > 24:
        whole, high, low = f"{whole} // 100", high // 100, low // 100
    counted = high == 24 and low >= 1
    notes = [f"hours 1 to 24 of {table.names[column]!r} read as beginning at 00:00 to 23:00"] if counted else []
    return f"' ' || lpad(CAST({whole}{' - 1' if counted else ''} AS VARCHAR), 2, '0')", notes


def _ids(table: Table, options: ReadOptions) -> list[int]:
    """Columns of names that only together tell the series, none more than is needed."""
    columns = [i for i in range(len(table.names)) if i not in table.parts]
    if any(looks_like(table, i, STRONG_ID_NAMES) for i in columns):
        return []
    named = [i for i in columns if looks_like(table, i, ID_NAMES) and table.names[i] != options.target]
    times = [i for i in columns if table.names[i] == options.time or looks_like(table, i, TIME_NAMES)]
    if len(named) < 2 or len(times) != 1 or not _tells(table, [*times, *named]):
        return []
    alone = [column for column in named if _tells(table, [*times, column])]
    if alone:
        return alone if len(alone) == 1 else []
    for column in list(named):
        rest = [other for other in named if other != column]
        if len(named) > 2 and _tells(table, [*times, *rest]):
            named = rest
    return named


def _tells(table: Table, columns: Sequence[int]) -> bool:
    cells = ", ".join(f"c{column}" for column in columns)
    return bool(table.one(f"SELECT count(DISTINCT ({cells})) = count(*) FROM {table.relation}")[0])


def _with_names(table: Table, columns: Sequence[int]) -> tuple[Table, str]:
    """The table with one column of names, such as ``Berlin/milk``."""
    cells = [f"CAST(c{column} AS VARCHAR)" for column in columns]
    joined = f"nullif(concat_ws('/', {', '.join(cells)}), '')"
    apart = ", ".join(f"coalesce({cell}, '')" for cell in cells)
    same = f"count(DISTINCT {joined}) = count(DISTINCT ({apart}))"
    if not table.one(f"SELECT {same} FROM {table.relation}")[0]:
        what = f"the names in {listed([repr(table.names[column]) for column in columns])} hold '/' and cannot be joined"
        raise table.error(what, hint="replace it by another character")
    return _with_column(table, joined, columns)


def _with_column(table: Table, expression: str, parts: Sequence[int]) -> tuple[Table, str]:
    name, number = ", ".join(table.names[column] for column in parts), len(table.names)
    relation = f"cells{number}"
    table.connection.execute(
        f"CREATE TEMP VIEW {relation} AS SELECT *, {expression} AS c{number} FROM {table.relation}"
    )
    made = replace(
        table,
        names=(*table.names, name),
        types=(*table.types, "VARCHAR"),
        relation=relation,
        parts=table.parts | {*parts},
    )
    return made, name
