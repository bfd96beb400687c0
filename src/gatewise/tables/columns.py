"""Which column is the time, which the series, which the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import argument
from .calendar import is_whole
from .forms import Form, is_time, likely_forms
from .numbers import looks_numeric, missing
from .options import ReadOptions
from .table import Table, holds_numbers, holds_times, how_many, quoted

Kind = Literal["time", "integer", "number", "text", "empty", "other"]

TIME_NAMES = frozenset(
    [
        *("ds", "timestamp", "datetime", "date", "time", "t", "ts", "dt", "step", "unix"),
        *("datum", "fecha", "zeit", "zeitstempel", "horodatage", "timeperiod"),
        *("日期", "时间", "時間", "日付", "日時", "年月日", "年月", "날짜", "일자", "일시", "시점"),
    ]
)
PART_NAMES = {
    "year": frozenset(
        [
            *("year", "yr", "yyyy", "jahr", "annee", "ano", "anno", "jaar", "exercice"),
            *("年", "年份", "年度", "년", "년도", "연도"),
        ]
    ),
    "quarter": frozenset(["quarter", "qtr", "q", "quartal", "trimestre", "trimester", "kwartaal", "季度", "분기"]),
    "month": frozenset(
        ["month", "mon", "mth", "mm", "mo", "mnth", "monat", "mois", "mes", "mese", "maand", "月", "月份", "월"]
    ),
    "week": frozenset(
        ["week", "wk", "isoweek", "weekno", "weeknumber", "woche", "kw", "semaine", "semana", "settimana"]
    ),
    "day": frozenset(["day", "dd", "dayofmonth", "tag", "jour", "dia", "giorno", "dag", "日", "일"]),
    "hour": frozenset(["hour", "hr", "hrs", "hh", "stunde", "heure", "hora", "ora", "uur", "hourofday", "hourending"]),
    "minute": frozenset(["minute", "min", "minuto", "minuut"]),
    "clock": frozenset(["time", "clock", "uhrzeit", "zeit", "heure", "hora", "ora", "tijd", "timeofday"]),
}
"""What a column that holds a part of a time may be called, by the part."""
PERIOD_NAMES = frozenset().union(*PART_NAMES.values()) | {"period"}  # a time, or a part of one
_TIME_WORDS = ("date", "datum", "fecha", "time", "stamp", "epoch", "unix", "week", "month", "yyyymm")
STRONG_ID_NAMES = frozenset(["uniqueid", "itemid", "seriesid", "tsid"])
ID_NAMES = frozenset(["id", "series", "item", "sku", "store", "product", "symbol", "ticker"])
TARGET_NAMES = frozenset(
    ["y", "target", "value", "values", "sales", "demand", "load", "consumption", "quantity", "qty", "units"]
)
ROW_NAMES = frozenset(["", "unnamed0", "level0", "indexlevel0", "rownames"])  # of what pandas and R number rows by
_INDEX_NAMES = ROW_NAMES | {"index"}
_SAMPLED = (1000, 200_000)  # rows at most, cells at most
_LOOKED_AT = 20  # cells of a column from which the forms of time worth trying are found


@dataclass(frozen=True)
class Roles:
    """Positions of the columns that matter.

    series: None where there is one series, or one in each target column. targets: more than one only in a wide
    table. unused: the columns left aside.
    """

    time: int
    series: int | None
    targets: tuple[int, ...]
    unused: tuple[int, ...]

    @property
    def wide(self) -> bool:
        """Whether every target column is a series of its own."""
        return len(self.targets) > 1

    @property
    def used(self) -> tuple[int, ...]:
        """Every column that must be read."""
        return (self.time, *self.targets, *(() if self.series is None else (self.series,)))


def find_roles(table: Table, options: ReadOptions, kinds: Sequence[Kind] | None = None) -> Roles:
    """The roles that the options name; the others are inferred from names and contents.

    kinds: what each column holds, where that is known already.
    Raises InputError, listing the candidates, where that leaves a choice or nothing.
    """
    named = named_columns(table, {"time": options.time, "id": options.id, "target": options.target})
    kinds = kinds_of(table) if kinds is None else kinds
    time = named["time"] if "time" in named else find_time(table, kinds)
    series = named["id"] if "id" in named else _find_series(table, kinds, time, named.get("target"))
    targets = (named["target"],) if "target" in named else _find_targets(table, kinds, time, series)
    refuse_double_roles(table, {"time": time, "id": series, "target": targets[0]})
    unused = {*range(len(kinds))} - {*targets, time, series} - table.parts
    return Roles(time, series, targets, tuple(sorted(unused)))


def named_columns(table: Table, names: Mapping[str, str | None]) -> dict[str, int]:
    """The positions of the columns that arguments name, by argument, without those that name none.

    Raises InputError, listing the columns, for a column that does not exist.
    """
    return {role: _position(table, name, role) for role, name in names.items() if name is not None}


def refuse_double_roles(table: Table, positions: Mapping[str, int | None]) -> None:
    """Raises InputError where two arguments have one column. positions: by argument; None for no column."""
    taken = {role: position for role, position in positions.items() if position is not None}
    for column, uses in Counter(taken.values()).items():
        if uses > 1:
            hint = f"give {', '.join(map(argument, taken))} different names"
            raise table.error("one column is asked to be two things", column=column, hint=hint)


def looks_like(table: Table, column: int, names: Collection[str]) -> bool:
    """Whether the column has one of these names, whatever its case and punctuation."""
    return table.key(column) in names


def _position(table: Table, name: str, role: str) -> int:
    if name in table.names:
        return table.names.index(name)
    alike = [i for i, other in enumerate(table.names) if other.strip() == name.strip()]
    if len(alike) == 1:
        return alike[0]
    what = f"there is no column {name!r}; the columns are {quoted(table.names)}"
    raise table.error(what, hint=f"give {argument(role)} one of these names")


def _known(table: Table, names: Collection[str], kinds: Sequence[Kind], *of: Kind) -> list[int]:
    return [i for i in range(len(kinds)) if looks_like(table, i, names) and (not of or kinds[i] in of)]


CALLED = {"time": "time", "id": "series", "target": "target"}
"""What a column is called in messages, by the argument that names it."""


def _only(table: Table, groups: Sequence[list[int]], role: str) -> int | None:
    """The column of the first group that is not empty; InputError where that group holds several.

    role: the argument that names such a column.
    """
    for group in groups:
        if len(group) == 1:
            return group[0]
        if group:
            names = [table.names[i] for i in group]
            what = f"several columns could be the {CALLED[role]}: {quoted(names)}"
            both = f", or those that tell it together, {argument(role, ','.join(names[:2]))}" if role == "id" else ""
            raise table.error(what, hint=f"name one, for instance {argument(role, names[0])}{both}")
    return None


def find_time(table: Table, kinds: Sequence[Kind] | None = None) -> int:
    """The column of times; InputError, listing the candidates, where that leaves a choice or nothing."""
    kinds = kinds_of(table) if kinds is None else kinds
    names = TIME_NAMES | PERIOD_NAMES
    groups = [
        _known(table, {"ds"}, kinds),
        _known(table, names, kinds, "time"),
        [i for i, kind in enumerate(kinds) if kind == "time"],
        _known(table, names, kinds, "integer"),
        [i for i, kind in enumerate(kinds) if kind in ("integer", "number") and _speaks_of_time(table.key(i))],
        _known(table, names, kinds),  # of no use, but then the error can show the cell
    ]
    time = _only(table, groups, "time")
    if time is None:
        raise table.error(
            f"no column of times found among {quoted(table.names)}",
            hint=f"name it with {argument('time')}; times look like 2024-01-31, 2024-01 or 2024-01-31 13:00",
        )
    return time


def _speaks_of_time(key: str) -> bool:
    return any(word in key for word in _TIME_WORDS)


def _find_series(table: Table, kinds: Sequence[Kind], time: int, target: int | None) -> int | None:
    free = [i for i in range(len(kinds)) if i not in (time, target) and i not in table.parts]
    strong = [i for i in free if looks_like(table, i, STRONG_ID_NAMES)]
    weak = [i for i in free if looks_like(table, i, ID_NAMES) and not _all_distinct(table, i)]
    series = _only(table, [strong, weak], "id")
    if series is not None:
        return series
    texts = [i for i in free if kinds[i] == "text" and not looks_like(table, i, TARGET_NAMES)]
    # Text beside times that hardly repeat is a remark, not the name of a series.
    return _only(table, [texts], "id") if texts and _mostly_shared(table, time) else None


def _find_targets(table: Table, kinds: Sequence[Kind], time: int, series: int | None) -> tuple[int, ...]:
    free = [i for i in range(len(kinds)) if i not in (time, series) and i not in table.parts]
    data = [i for i in free if not looks_like(table, i, _INDEX_NAMES)]
    numbers = [i for i in data if kinds[i] in ("integer", "number")]
    groups = [[i for i in free if looks_like(table, i, names)] for names in ({"y"}, TARGET_NAMES)]
    if series is None and not any(groups) and len(numbers) > 1 and _is_wide(kinds, data, time):
        return tuple(data)
    empty = [i for i in free if kinds[i] == "empty"]
    target = _only(table, [*groups, numbers, empty], "target")
    if target is None:
        raise table.error(
            f"no column of numbers found among {quoted(table.names)}",
            hint=f"name it with {argument('target')}; if the comma is the decimal mark, use {argument('decimal', ',')}",
        )
    return (target,)


def _is_wide(kinds: Sequence[Kind], data: Sequence[int], time: int) -> bool:
    """Whether the time comes first and every other column that is no index holds numbers."""
    return time < min(data) and all(kinds[i] in ("integer", "number", "empty") for i in data)


def _mostly_shared(table: Table, time: int) -> bool:
    """Whether most times stand in several rows."""
    counts = f"(SELECT count(*) AS rows FROM {table.relation} GROUP BY c{time})"
    return bool(table.one(f"SELECT 2 * {how_many('rows > 1')} >= count(*) AND count(*) > 0 FROM {counts}")[0])


def _all_distinct(table: Table, column: int) -> bool:
    return bool(table.one(f"SELECT count(DISTINCT c{column}) = count(*) AND count(*) > 1 FROM {table.relation}")[0])


def kinds_of(table: Table) -> list[Kind]:
    """What each column holds for the most part, told from its type or from the first rows; parts of others nothing."""
    kinds: list[Kind] = ["other" if i in table.parts else _kind_of_type(kind) for i, kind in enumerate(table.types)]
    texts = [i for i in range(len(kinds)) if table.is_text(i) and i not in table.parts]
    if texts:
        for i, kind in kinds_of_text(table, texts).items():
            kinds[i] = kind
    return kinds


def _kind_of_type(kind: str) -> Kind:
    if holds_times(kind):
        return "time"
    if not holds_numbers(kind):
        return "empty" if kind == "VARCHAR" else "other"
    return "integer" if "INT" in kind else "number"


def kinds_of_text(table: Table, columns: Sequence[int]) -> dict[int, Kind]:
    """What these columns of text hold for the most part, told from the first rows; nothing of one that is empty."""
    rows = max(20, min(_SAMPLED[0], _SAMPLED[1] // len(columns)))
    cells = ", ".join(f"c{i}" for i in columns)
    answer = table.connection.execute(
        f"SELECT column_name, count(*) AS cells, {how_many('number AND whole')}, {how_many('number')}, "
        f"list(DISTINCT cell) FILTER (WHERE NOT number)[:{_LOOKED_AT}] FROM ("
        f"SELECT column_name, cell, {looks_numeric('cell')} AS number, {is_whole('cell')} AS whole "
        f"FROM (UNPIVOT (SELECT {cells} FROM {table.relation} LIMIT {rows}) ON * INTO NAME column_name VALUE cell) "
        f"WHERE NOT {missing('cell')}) GROUP BY column_name"
    ).fetchall()
    words = {name: likely_forms(some) for name, number, _, numbers, some in answer if some and number > numbers}
    times = {name: _how_many_times(table, name, forms, rows) for name, forms in words.items() if forms}
    return {
        int(name[1:]): _majority(cells, whole, numbers, times.get(name, 0)) for name, cells, whole, numbers, _ in answer
    }


def _how_many_times(table: Table, cell: str, forms: Sequence[Form], rows: int) -> int:
    """In how many of the first rows the column holds a time, but no number."""
    condition = f"NOT {looks_numeric(cell)} AND {is_time(cell, forms)}"
    return table.one(f"SELECT {how_many(condition)} FROM (SELECT {cell} FROM {table.relation} LIMIT {rows})")[0]


def _majority(cells: int, whole: int, numbers: int, times: int) -> Kind:
    if 2 * times > cells:
        return "time"
    if 2 * numbers > cells:
        return "integer" if 2 * whole > cells else "number"
    return "text"
