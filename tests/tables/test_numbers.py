from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.tables.numbers import MISSING, read_numbers
from gatewise.tables.options import ReadOptions
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
            return read_numbers(table, range(len(columns)), ReadOptions(decimal=decimal))

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
        "1.2.3",
        "5%",
        "5 kg",
        "<1",
        "5*",
        "(5",
        "-5-",
        "(-5)",
        "1e",
        "e5",
        "--1",
        "+",
        "1d",
        "\u0665",
        "true",
    ],
)
def test_what_is_no_number(read: Read, cell: str) -> None:
    with pytest.raises(InputError, match=r"is not a number|have the unit") as caught:
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
        (["1.234", "1,234"], ";", "'1,234' may mean 1.234 or 1234", 3),
    ],
)
def test_what_may_be_a_thousands_separator(read: Read, cells: list[str], delimiter: str, what: str, row: int) -> None:
    with pytest.raises(InputError) as caught:
        read(cells, delimiter=delimiter)
    assert what in caught.value.what
    assert caught.value.where == f"table, row {row}, column 'y'"
    assert "sets thousands apart" in caught.value.hint


@pytest.mark.parametrize(
    ("cells", "delimiter", "values"),
    [
        (["1,200,000", "1,201,000"], ",", [1_200_000, 1_201_000]),
        (["1,234", "1,234,567"], ",", [1234, 1_234_567]),
        (["1.234", "2.345.678"], ";", [1234, 2_345_678]),
        (["1.234", "2.345.678"], "\t", [1234, 2_345_678]),
        (["12.5", "1,234"], ",", [12.5, 1234]),
        (["12,5", "1.234"], ";", [12.5, 1234]),
        (["1,234.50", "950.00"], ",", [1234.5, 950]),
        (["1.234,50", "950,00"], ";", [1234.5, 950]),
        (["1.234,50", "2.345,50"], ",", [1234.5, 2345.5]),
        (["12,34,567.00", "1,234.00"], ",", [1_234_567, 1234]),
        (["1 234,50", "950,00"], ";", [1234.5, 950]),
        (["1\u00a0234,50", "12\u202f345"], ";", [1234.5, 12345]),
        (["1'234.50", "950.00"], ",", [1234.5, 950]),
        (["1\u2019234\u2019567", "950"], ";", [1_234_567, 950]),
        (["1 234", "950"], ",", [1234, 950]),
        (["942", "1.040", "1.012"], "\t", [942, 1040, 1012]),
        (["942", "1,040", "1,012"], ",", [942, 1040, 1012]),
        (["$900.00", "$1,012.50"], ",", [900, 1012.5]),
        (["900,00 €", "1.012,50 €"], ";", [900, 1012.5]),
        (["€ 900", "€ -1"], ",", [900, -1]),
        (["-$900", "($1,012.00)"], ",", [-900, -1012]),
        (["$900", "1,012", "1,040", "13"], ",", [900, 1012, 1040, 13]),
        (["CHF 1'900.05", "CHF 12.00"], ",", [1900.05, 12]),
        (["5.0%", "12.25 %", "0"], ",", [5, 12.25, 0]),
        (["21.5 °C", "-3 °C"], ",", [21.5, -3]),
        (["120 kWh", "1,200 kWh"], ",", [120, 1200]),
        (["7 widgets", "9 widgets"], ",", [7, 9]),
        (["100-", "105"], ",", [-100, 105]),
        (["(100)", "105"], ",", [-100, 105]),
        (["\u2212100", "105"], ",", [-100, 105]),
        (["1e3", "1,5e3"], ";", [1000, 1500]),
        (["900,-", "1.200,-", "13,50"], ";", [900, 1200, 13.5]),
        (["1.200,-- €", "2.300,\u2014 €"], ";", [1200, 2300]),
        (["Fr. 900.\u2013", "Fr. 1'200.-"], ";", [900, 1200]),
        (["900.5-", "13.5"], ",", [-900.5, 13.5]),
        (["$ (900.00)", "$(1,012.50)", "$ 13.00"], ",", [-900, -1012.5, 13]),
        (["1.2M", "900K", "1.5B", "12"], ",", [1.2e6, 9e5, 1.5e9, 12]),
        (["1,2 Mio", "900 Tsd", "1,5 Mrd"], ";", [1.2e6, 9e5, 1.5e9]),
        (["120", "130 p", "125 b", "127 e"], ",", [120, 130, 125, 127]),
    ],
)
def test_how_numbers_are_dressed(read: Read, cells: list[str], delimiter: str, values: list[float]) -> None:
    assert read(cells, delimiter=delimiter)[0][0].tolist() == values


@pytest.mark.parametrize("decimal", [".", ","])
def test_the_decimal_mark_that_is_said_settles_thousands(read: Read, decimal: str) -> None:
    other = "," if decimal == "." else "."
    cells = [f"1{other}900", f"2{other}188{decimal}5"]
    assert read(cells, delimiter=";", decimal=decimal)[0][0].tolist() == [1900, 2188.5]
    assert read([f"2{decimal}188"], delimiter="\t", decimal=decimal)[0][0].tolist() == [2.188]
    assert read([f"2{other}188"], delimiter="\t", decimal=decimal)[0][0].tolist() == [2188]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_thousands_of_which_none_is_below_are_asked_about(read: Read, delimiter: str) -> None:
    with pytest.raises(InputError, match=r"'1\.900' may mean") as caught:
        read(["1.900", "2.188"], delimiter=delimiter)
    assert '`decimal="."`' in caught.value.hint
    assert '`decimal=","`' in caught.value.hint


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["$5", "€6"], "the unit of '€6' is '€', and was '$' above"),
        (["5 kg", "600 g"], "the unit of '600 g' is 'g'"),
        (["1.2 MWh", "900 kWh"], "the unit of '900 kWh' is 'kWh'"),
        (["1.2M", "$900K"], "the unit of '$900K' is '$K'"),
        (["120", "130p"], "have the unit 'p', others have none"),
        (["5%", "0.06"], "have the unit '%', others have none"),
        (["1.5", "1.234,5"], "'1.234,5' is not a number with a decimal point"),
        (["12", "1,23,456.7,8"], "is not a number"),
    ],
)
def test_what_is_dressed_in_two_ways(read: Read, cells: list[str], what: str) -> None:
    with pytest.raises(InputError) as caught:
        read(cells)
    assert what in caught.value.what
    assert caught.value.where == "table, row 3, column 'y'"


def test_what_was_taken_off_is_said(read: Read) -> None:
    assert read(["1.2M", "900K"])[1] == ["'K' and 'M' read as thousands, millions and the like"]
    assert read(["120", "130 p"])[1] == ["remarks left out of the numbers: 'p'"]
    assert read(["$1,900", "(120.5)"])[1] == [
        "'$' left out of the numbers",
        "thousands set apart by a comma",
        "numbers in parentheses, or before a minus, read as negative",
    ]


def test_the_first_bad_cell_of_several_columns_is_named(read: Read) -> None:
    with pytest.raises(InputError) as caught:
        read(["1", "2", "x"], ["1", "y", "3"], ["", "2", "3"])
    assert caught.value.where == "table, row 3, column 'z'"
