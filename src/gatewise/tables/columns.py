"""Which column is the time, which the series, which the target."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import InputError, argument
from .calendar import is_time, is_whole
from .numbers import looks_numeric, missing
from .options import ReadOptions
from .table import Table, holds_numbers, holds_times, how_many, quoted

Kind = Literal["time", "integer", "number", "text", "empty", "other"]

_CLOCK_NAMES = ("hour", "day", "week", "month", "quarter", "year")
TIME_NAMES = frozenset(["ds", "timestamp", "datetime", "date", "time", "t", "step", "period", *_CLOCK_NAMES])
STRONG_ID_NAMES = frozenset(["uniqueid", "itemid", "seriesid", "tsid"])
ID_NAMES = frozenset(["id", "series", "item", "sku", "store", "product", "symbol", "ticker"])
TARGET_NAMES = frozenset(
    ["y", "target", "value", "values", "sales", "demand", "load", "consumption", "quantity", "qty", "units"]
)
_INDEX_NAMES = frozenset(["", "unnamed0", "index", "level0", "rownames"])
_SAMPLED = (1000, 200_000)  # rows at most, cells at most


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


def find_roles(table: Table, options: ReadOptions) -> Roles:
    """The roles that the options name, and for the rest what names and contents say.

    Raises InputError, listing the candidates, where that leaves a choice or nothing.
    """
    kinds = _kinds(table)
    time = _find_time(table, kinds, options)
    series = _find_series(table, kinds, options, time)
    targets = _find_targets(table, kinds, options, time, series)
    roles = Roles(time, series, targets, ())
    column, times = Counter(roles.used).most_common(1)[0]
    if times > 1:
        raise InputError(
            "one column is asked to be two things",
            where=table.where(column=column),
            hint=f"give {argument('time')}, {argument('id')} and {argument('target')} three different names",
        )
    return replace(roles, unused=tuple(sorted({*range(len(kinds))} - {*roles.used})))


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _known(table: Table, names: Iterable[str], kinds: Sequence[Kind], *of: Kind) -> list[int]:
    return [i for i, name in enumerate(table.names) if _key(name) in names and (not of or kinds[i] in of)]


CALLED = {"time": "time", "id": "series", "target": "target"}
"""What a column is that an argument names."""


def _only(table: Table, groups: Sequence[list[int]], role: str) -> int | None:
    """The column of the first group that is not empty; InputError where that group holds several.

    role: the argument that names such a column.
    """
    for group in groups:
        if len(group) == 1:
            return group[0]
        if group:
            names = [table.names[i] for i in group]
            raise InputError(
                f"several columns could be the {CALLED[role]}: {quoted(names)}",
                where=table.source,
                hint=f"name one, for instance {argument(role, names[0])}",
            )
    return None


def _find_time(table: Table, kinds: Sequence[Kind], options: ReadOptions) -> int:
    if options.time is not None:
        return table.position(options.time, argument("time"))
    dates = [i for i, kind in enumerate(kinds) if kind == "time"]
    groups = [
        _known(table, {"ds"}, kinds),
        _known(table, TIME_NAMES, kinds, "time"),
        dates,
        _known(table, TIME_NAMES, kinds, "integer"),
        _known(table, TIME_NAMES, kinds),  # of no use, but then the error can show the cell
    ]
    found = _only(table, groups, "time")
    if found is None:
        raise InputError(
            f"no column of times found among {quoted(table.names)}",
            where=table.source,
            hint=f"name it with {argument('time')}; times look like 2024-01-31, 2024-01 or 2024-01-31 13:00",
        )
    return found


def _find_series(table: Table, kinds: Sequence[Kind], options: ReadOptions, time: int) -> int | None:
    if options.id is not None:
        return table.position(options.id, argument("id"))
    free = {i for i in range(len(kinds)) if i != time and table.names[i] != options.target}
    named = [i for i in _known(table, ID_NAMES, kinds) if i in free and not _all_distinct(table, i)]
    found = _only(table, [[i for i in _known(table, STRONG_ID_NAMES, kinds) if i in free], named], "id")
    if found is not None:
        return found
    texts = [i for i in sorted(free) if kinds[i] == "text" and _key(table.names[i]) not in TARGET_NAMES]
    # Text beside times that never repeat is a remark, not the name of a series.
    return _only(table, [texts], "id") if texts and not _all_distinct(table, time) else None


def _find_targets(
    table: Table, kinds: Sequence[Kind], options: ReadOptions, time: int, series: int | None
) -> tuple[int, ...]:
    if options.target is not None:
        return (table.position(options.target, argument("target")),)
    free = [i for i in range(len(kinds)) if i not in (time, series)]
    numbers = [i for i in free if kinds[i] in ("integer", "number") and _key(table.names[i]) not in _INDEX_NAMES]
    groups = [[i for i in _known(table, names, kinds) if i in free] for names in ({"y"}, TARGET_NAMES)]
    if series is None and not any(groups) and len(numbers) > 1 and _is_wide(table, kinds, free, time):
        return tuple(i for i in free if _key(table.names[i]) not in _INDEX_NAMES)
    empty = [i for i in free if kinds[i] == "empty"]
    found = _only(table, [*groups, numbers, empty], "target")
    if found is None:
        raise InputError(
            f"no column of numbers found among {quoted(table.names)}",
            where=table.source,
            hint=f"name it with {argument('target')}; if the comma is the decimal mark, use {argument('decimal', ',')}",
        )
    return (found,)


def _is_wide(table: Table, kinds: Sequence[Kind], free: Sequence[int], time: int) -> bool:
    """Whether the first column is the time and each other one, but for an index, holds numbers."""
    others = [i for i in free if _key(table.names[i]) not in _INDEX_NAMES]
    return time < min(others) and all(kinds[i] in ("integer", "number", "empty") for i in others)


def _all_distinct(table: Table, column: int) -> bool:
    return bool(table.one(f"SELECT count(DISTINCT c{column}) = count(*) AND count(*) > 1 FROM cells")[0])


def _kinds(table: Table) -> list[Kind]:
    """What each column holds for the most part, told from its type or from the first rows."""
    kinds: list[Kind] = [_kind_of_type(kind) for kind in table.types]
    texts = [i for i in range(len(kinds)) if table.is_text(i)]
    if texts:
        for i, kind in _kinds_of_text(table, texts).items():
            kinds[i] = kind
    return kinds


def _kind_of_type(kind: str) -> Kind:
    if holds_times(kind):
        return "time"
    if not holds_numbers(kind):
        return "empty" if kind == "VARCHAR" else "other"
    return "integer" if "INT" in kind else "number"


def _kinds_of_text(table: Table, columns: Sequence[int]) -> dict[int, Kind]:
    rows = max(20, min(_SAMPLED[0], _SAMPLED[1] // len(columns)))
    wanted = ", ".join(f"c{i}" for i in columns)
    timely = f"CASE WHEN number THEN false ELSE {is_time('cell')} END"
    answer = table.connection.execute(
        f"SELECT column_name, count(*), {how_many('number AND whole')}, {how_many('number')}, "
        f"{how_many(timely)} FROM ("
        f"SELECT column_name, cell, {looks_numeric('cell')} AS number, {is_whole('cell')} AS whole "
        f"FROM (UNPIVOT (SELECT {wanted} FROM cells LIMIT {rows}) ON * INTO NAME column_name VALUE cell) "
        f"WHERE NOT {missing('cell')}) GROUP BY column_name"
    ).fetchall()
    return {int(name[1:]): _majority(*counts) for name, *counts in answer}


def _majority(cells: int, whole: int, numbers: int, times: int) -> Kind:
    if 2 * times > cells:
        return "time"
    if 2 * numbers > cells:
        return "integer" if 2 * whole > cells else "number"
    return "text"
