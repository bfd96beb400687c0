from __future__ import annotations

import pytest

from gatewise.errors import ARGUMENT, InputError
from gatewise.tables.columns import find_roles
from gatewise.tables.options import DEFAULTS, ReadOptions
from gatewise.tables.table import Table, database

DATE, LATER, ONCE_MORE = ("2024-01-01", "2024-01-02"), ("2024-01-03", "2024-01-04"), ("2024-01-01", "2024-01-01")
NUMBER, WORD, COUNT, EMPTY = ("1.5", "2"), ("a", "b"), ("0", "1"), ("", "")


def test_spaces_around_a_name_do_not_matter() -> None:
    table = {" ds": DATE, "y ": NUMBER, "z": NUMBER}
    assert roles(table, ReadOptions(time="ds", target="y")) == (" ds", None, ["y "])


def roles(columns: dict[str, tuple[str, ...]], options: ReadOptions = DEFAULTS) -> tuple[str, str | None, list[str]]:
    """The names of the time, the series and the targets of a table of text."""
    with database("table") as connection:
        wanted = ", ".join(f"unnest(?) AS c{i}" for i in range(len(columns)))
        connection.execute(f"CREATE TEMP TABLE cells AS SELECT {wanted}", [list(cells) for cells in columns.values()])
        names = tuple(columns)
        table = Table(connection, "table", names, ("VARCHAR",) * len(names), str)
        found = find_roles(table, options)
        series = None if found.series is None else names[found.series]
        assert sorted((*found.used, *found.unused)) == list(range(len(names)))
        return names[found.time], series, [names[target] for target in found.targets]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": DATE, "b": NUMBER}, ("a", None, ["b"])),
        ({"b": NUMBER, "a": DATE}, ("a", None, ["b"])),
        ({"y": NUMBER, "unique_id": WORD, "ds": COUNT}, ("ds", "unique_id", ["y"])),
        ({"Item-ID": WORD, "Timestamp": DATE, "TARGET": NUMBER}, ("Timestamp", "Item-ID", ["TARGET"])),
        ({"ds": DATE, "y": NUMBER, "price": NUMBER}, ("ds", None, ["y"])),
        ({"date": DATE, "sales": NUMBER, "price": NUMBER, "holiday": WORD}, ("date", None, ["sales"])),
        ({"date": DATE, "due": LATER, "y": NUMBER}, ("date", None, ["y"])),
        ({"ds": DATE, "date": LATER, "y": NUMBER}, ("ds", None, ["y"])),
        ({"date": DATE, "hour": COUNT, "y": NUMBER}, ("date", None, ["y"])),
        ({"a": DATE, "b": NUMBER, "c": COUNT}, ("a", None, ["b", "c"])),
        ({"": COUNT, "a": DATE, "b": NUMBER, "c": NUMBER}, ("a", None, ["b", "c"])),
        ({"a": DATE, "b": NUMBER, "c": EMPTY, "d": NUMBER}, ("a", None, ["b", "c", "d"])),
        ({"a": ONCE_MORE, "b": WORD, "c": NUMBER}, ("a", "b", ["c"])),
        ({"a": DATE, "b": WORD, "c": NUMBER}, ("a", None, ["c"])),
        ({"id": COUNT, "ds": DATE, "y": NUMBER}, ("ds", None, ["y"])),
        ({"id": ("7", "7"), "ds": DATE, "y": NUMBER}, ("ds", "id", ["y"])),
        ({"year": ("1949", "1950"), "y": NUMBER}, ("year", None, ["y"])),
        ({"a": DATE, "b": ("1,5", "n/a")}, ("a", None, ["b"])),
        ({"a": (*DATE, "x"), "b": NUMBER}, ("a", None, ["b"])),
        ({"a": DATE, "b": ("1.234.567,8", "x", "1 000")}, ("a", None, ["b"])),
        ({"a": ("01.02.2024", "02.02.2024"), "b": NUMBER}, ("a", None, ["b"])),
        ({"a": ("31.12.99", "01.01.00"), "b": NUMBER}, ("a", None, ["b"])),
    ],
)
def test_what_is_told_apart(columns: dict[str, tuple[str, ...]], expected: tuple[str, str | None, list[str]]) -> None:
    longest = max(len(cells) for cells in columns.values())
    assert roles({name: cells + cells[-1:] * (longest - len(cells)) for name, cells in columns.items()}) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ReadOptions(target="c"), ("a", None, ["c"])),
        (ReadOptions(time="b", target="c"), ("b", None, ["c"])),
        (ReadOptions(id="e", target="d"), ("a", "e", ["d"])),
    ],
)
def test_what_the_user_says_goes_first(options: ReadOptions, expected: tuple[str, str | None, list[str]]) -> None:
    assert roles({"a": DATE, "b": COUNT, "c": NUMBER, "d": NUMBER, "e": WORD}, options) == expected


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"a": DATE, "b": LATER, "c": NUMBER}, "the time: 'a', 'b'"),
        ({"year": COUNT, "month": COUNT, "y": NUMBER}, "the time: 'month', 'year'|the time: 'year', 'month'"),
        ({"unique_id": WORD, "ds": DATE, "a": NUMBER, "b": NUMBER}, "the target: 'a', 'b'"),
        ({"a": NUMBER, "b": DATE, "c": NUMBER}, "the target: 'a', 'c'"),
        ({"a": DATE, "value": NUMBER, "sales": NUMBER}, "the target: 'value', 'sales'"),
        ({"a": DATE, "b": WORD, "c": NUMBER, "d": NUMBER}, "the target: 'c', 'd'"),
        ({"a": ONCE_MORE, "b": WORD, "c": WORD, "d": NUMBER}, "the series: 'b', 'c'"),
        ({"a": NUMBER, "b": NUMBER}, "no column of times found among 'a', 'b'"),
        ({"a": DATE, "b": WORD}, "no column of numbers found among 'a', 'b'"),
    ],
)
def test_what_is_left_to_the_user(columns: dict[str, tuple[str, ...]], what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        roles(columns)
    assert caught.value.where == "table"
    assert ARGUMENT.search(caught.value.hint)
