from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.tables.numbers import MISSING, read_numbers
from gatewise.tables.panel import Floats
from gatewise.tables.table import Table, database

Read = Callable[..., tuple[list[Floats], list[str]]]


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    """The numbers in columns of these cells."""
    with database("table") as connection:

        def from_cells(
            *columns: list[str | None], delimiter: str = ",", decimal: str | None = None
        ) -> tuple[list[Floats], list[str]]:
            wanted = ", ".join(f"unnest(?) AS c{i}" for i in range(len(columns)))
            connection.execute(f"CREATE OR REPLACE TEMP TABLE cells AS SELECT {wanted}", list(columns))
            names = tuple("yzuvw"[: len(columns)])
            table = Table(
                connection, "table", names, ("VARCHAR",) * len(names), lambda row: f"row {row + 2}", delimiter
            )
            table.keep(range(len(columns)))
            return read_numbers(table, range(len(columns)), decimal)

        yield from_cells


SPELLINGS = [("1", 1), ("-1.5", -1.5), ("+.5", 0.5), ("5.", 5), (" 7\t", 7), ("1e-3", 0.001), ("1E+2", 100), ("007", 7)]
EXACT = [("0.1", 0.1), ("123456789.123456789", 123456789.123456789), ("5e-324", 5e-324), ("1e-400", 0)]


@pytest.mark.parametrize(("cell", "value"), [*SPELLINGS, *EXACT])
def test_a_spelling_of_a_number(read: Read, cell: str, value: float) -> None:
    assert read([cell])[0][0].tolist() == [value]
    assert read([cell.replace(".", ",")], decimal=",")[0][0].tolist() == [value]


@pytest.mark.parametrize("cell", [None, *MISSING, " NA ", "NaN", "NULL"])
def test_a_spelling_of_nothing(read: Read, cell: str | None) -> None:
    assert np.isnan(read(["1", cell])[0][0]).tolist() == [False, True]


@pytest.mark.parametrize(
    "cell",
    [
        "x",
        "1_000",
        "0x10",
        "1 000",
        "1,234",
        "12,5",
        "1.2.3",
        "5%",
        "$5",
        "1e",
        "e5",
        "--1",
        ".",
        "+",
        "1d",
        "\u0665",
        "true",
    ],
)
def test_what_is_no_number(read: Read, cell: str) -> None:
    with pytest.raises(InputError, match="is not a number") as caught:
        read(["1.5", cell])
    assert caught.value.where == "table, row 3, column 'y'"


@pytest.mark.parametrize("cell", ["inf", "-inf", "+Infinity", "1e400", "-1e309"])
def test_what_is_not_finite(read: Read, cell: str) -> None:
    with pytest.raises(InputError, match="is not a finite number") as caught:
        read(["1", cell])
    assert caught.value.where == "table, row 3, column 'y'"


@pytest.mark.parametrize(
    ("cells", "delimiter", "values"),
    [
        (["1,5", "2"], ";", [1.5, 2]),
        (["1,5", "2,25"], ",", [1.5, 2.25]),
        (["0,123", "1,234"], ";", [0.123, 1.234]),
        (["1,234", "12,5"], ";", [1.234, 12.5]),
        (["1.5", "2"], ";", [1.5, 2]),
        (["0.123", "1.234"], ";", [0.123, 1.234]),
        (["1.234", "2.345"], ",", [1.234, 2.345]),
        (["1", "2"], ";", [1, 2]),
    ],
)
def test_the_decimal_mark_is_told_from_the_column(
    read: Read, cells: list[str], delimiter: str, values: list[float]
) -> None:
    (numbers,), notes = read(cells, delimiter=delimiter)
    assert numbers.tolist() == values
    assert notes == (["decimal comma"] if any("," in cell for cell in cells) else [])


def test_the_decimal_mark_is_told_from_all_columns_together(read: Read) -> None:
    numbers, _ = read(["1,234", "2,345"], ["1,5", "2"], delimiter=";")
    assert [column.tolist() for column in numbers] == [[1.234, 2.345], [1.5, 2]]


@pytest.mark.parametrize(
    ("cells", "delimiter", "what", "row"),
    [
        (["1", "1,234"], ";", "'1,234' may mean 1.234 or 1234", 3),
        (["1", "1,234"], ",", "'1,234' may mean 1.234 or 1234", 3),
        (["1", "1.234"], ";", "'1.234' may mean 1.234 or 1234", 3),
        (["1,234", "1,234,567"], ",", "'1,234' is not a number with a decimal point", 2),
        (["1.234", "2.345.678"], ";", "'1.234' is not a number with a decimal comma", 2),
        (["1.234", "1,234"], ";", "'1,234' is not a number with a decimal point", 3),
        (["1.5", "1,234"], ",", "'1,234' is not a number with a decimal point", 3),
        (["1,5", "1.234"], ";", "'1.234' is not a number with a decimal comma", 3),
        (["1.234,5", "2.345,5"], ";", "'1.234,5' is not a number with a decimal", 2),
    ],
)
def test_what_may_be_a_thousands_separator(read: Read, cells: list[str], delimiter: str, what: str, row: int) -> None:
    with pytest.raises(InputError) as caught:
        read(cells, delimiter=delimiter)
    assert what in caught.value.what
    assert caught.value.where == f"table, row {row}, column 'y'"
    assert "thousands separators" in caught.value.hint


def test_the_first_bad_cell_of_several_columns_is_named(read: Read) -> None:
    with pytest.raises(InputError) as caught:
        read(["1", "2", "x"], ["1", "y", "3"], ["", "2", "3"])
    assert caught.value.where == "table, row 3, column 'z'"
