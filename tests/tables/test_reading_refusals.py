from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatewise.errors import InputError
from gatewise.tables import text_file
from gatewise.tables.options import DEFAULTS, ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.reading import load_panel

DAILY = "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,4\n"

# What cannot be read without a guess: one error that says what, where and how to help.


@dataclass(frozen=True)
class Bad:
    """A file, and what its refusal says. where: what follows the file's name."""

    content: str | bytes
    what: str
    where: str = ""
    hint: str = ""
    options: ReadOptions = DEFAULTS


def rows(*values: str) -> str:
    """A daily table of these cells."""
    return "ds,y\n" + "".join(f"2024-01-{day:02},{value}\n" for day, value in enumerate(values, 1))


BAD = {
    "empty": Bad("", "the file is empty"),
    "only empty lines": Bad("\n\n\n", "nothing but empty lines"),
    "only a header": Bad("ds,y\n", "no rows of data"),
    "one row": Bad("ds,y\n2024-01-01,1\n", "only one row of data"),
    "no header": Bad("2024-01-01,1\n2024-01-02,2\n", "looks like data", "row 1", "header"),
    "one column": Bad("ds y\n2024-01-01 1\n", "only one column found: 'ds y'", "row 1", "`delimiter`"),
    "an archive of series": Bad(
        "@relation x\n@attribute series_name string\n@data\nT1:1,2,3\n", "looks like an ARFF, .ts or .tsf file", "row 1"
    ),
    "an archive of series behind a mark": Bad(
        "\ufeff@relation x\n@frequency daily\n@data\nT1:1,2,3\n", "looks like an ARFF, .ts or .tsf file", "row 1"
    ),
    "Korean bytes": Bad("날짜,값\n".encode("cp949"), "is not UTF-8 text", "row 1", '`encoding="cp949"` for Korean'),
    "Russian bytes": Bad("Дата,Цена\n".encode("cp1251"), "is not UTF-8 text", "row 1", '`encoding="cp1251"`'),
    "German bytes": Bad("Tag,Größe\n".encode("cp1252"), "is not UTF-8 text", "row 1", '`encoding="cp1252"`'),
    "text in the target": Bad(rows("1", "two", "3"), "'two' is not a number", "row 3, column 'y'", "`target`"),
    "missing values": Bad(
        rows("1", "", "3", "NA", "n/a", "-", "#N/A", "None", "null", "NaN", "4"),
        "8 missing values (1 empty, 1 '#N/A', 1 '-', 1 'NA', 1 'NaN', 1 'None', 1 'n/a', 1 'null'), the first here",
        "row 3, column 'y'",
        '`fill="linear"`',
    ),
    "missing values in a wide table": Bad(
        "ds,a,b\n2024-01-01,1,\n2024-01-02,NA,2\n2024-01-03,3,3\n", "1 missing value, the first", "row 3, column 'a'"
    ),
    "a time twice": Bad(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-02,4\n",
        "the time 2024-01-02 appears twice: the other is row 3; 1 row repeat",
        "row 5, column 'ds'",
        '`duplicates="mean"` or `duplicates="last"`',
    ),
    "a time twice in one of two series": Bad(
        "id,ds,y\na,2024-01-01,1\na,2024-01-02,1\nb,2024-01-01,1\nb,2024-01-01,1\n",
        "the time 2024-01-01 appears twice in series 'b': the other is row 4",
        "row 5, column 'ds'",
        "`duplicates=",
    ),
    "gaps": Bad(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-05,3\n2024-01-06,3\n2024-01-08,3\n2024-01-09,3\n",
        "2 gaps in time (3 steps of D missing), the first between 2024-01-02 and 2024-01-05",
        "row 4, column 'ds'",
        '`fill="linear"`',
    ),
    "a gap in one of two series": Bad(
        "id,ds,y\na,2024-01-01,1\na,2024-01-02,1\nb,2024-01-01,1\nb,2024-01-03,1\nb,2024-01-04,1\n",
        "1 gap in time (1 step of D missing), the first in series 'b' between 2024-01-01 and 2024-01-03",
        "row 5, column 'ds'",
        "`fill=",
    ),
    "a comma that may group": Bad(
        "ds;y\n2024-01-01;1,234\n2024-01-02;2,345\n",
        "'1,234' may mean 1.234 or 1234",
        "row 2, column 'y'",
        '`decimal=","`',
    ),
    "a point that may group": Bad(
        "ds;y\n2024-01-01;999\n2024-01-02;2.345\n",
        "'2.345' may mean 2.345 or 2345",
        "row 3, column 'y'",
        '`decimal="."`',
    ),
    "two decimal marks": Bad(
        rows("12.5", '"1.234,5"'), "'1.234,5' is not a number with a decimal point", "row 3, column 'y'", "the same"
    ),
    "an underscore": Bad(rows("1", "1_000"), "'1_000' is not a number", "row 3, column 'y'"),
    "a hexadecimal": Bad(rows("1", "0x10"), "'0x10' is not a number", "row 3, column 'y'"),
    "a long row": Bad(
        "ds,y\n2024-01-01,1\n2024-01-02,1,5\n", "this row has 3 fields, the header has 2", "row 3", "`delimiter`"
    ),
    "a short row": Bad(
        "ds,id,y\n2024-01-01,a,1\n2024-01-02,a\n", "this row has 2 fields, the header has 3", "row 3", "`delimiter`"
    ),
    "a long row after line ends in quotes": Bad(
        'id,ds,y\n"a\n\nb",2024-01-01,1\n\n"a\n\nb",2024-01-02,2,3\n', "this row has 4 fields", "row 6"
    ),
    "a bad cell after line ends in quotes": Bad(
        'id,ds,y\r\n"a\r\nb",2024-01-01,1\r\n"a\r\nb",2024-01-02,x\r\n', "'x' is not a number", "row 4, column 'y'"
    ),
    "a bad cell after carriage returns": Bad(rows("1", "x").replace("\n", "\r"), "'x' is not", "row 3, column 'y'"),
    "an open quote": Bad('ds,y\n2024-01-01,"1\n2024-01-02,2\n', "the record that starts here", "row 2", "quote"),
    "a quote within": Bad('ds,y\n2024-01-01,"1"2\n2024-01-02,2\n', "the record that starts here", "row 2", "quote"),
    "Latin-1": Bad(
        rows("1", "2").replace("y", "\u00fc").encode("latin-1"),
        "byte 0xfc at offset 3 is not UTF-8",
        "row 1",
        "latin-1",
    ),
    "Latin-1 far below": Bad(
        (DAILY + "#\n" * (1 << 20) + "\u00fc").encode("latin-1"),
        f"byte 0xfc at offset {len(DAILY) + (1 << 21)} is not UTF-8 text",
        f"row {5 + (1 << 20)}",
        "`encoding=",
    ),
    "half a character": Bad(rows("1", "2").encode() + b"\xc3", "byte 0xc3 at offset 31 is not", "row 4", "`encoding="),
    "UTF-16 without a mark": Bad(rows("1", "2").encode("utf-16-le"), "a NUL character", "row 1", "utf-16-le"),
    "a wrong encoding": Bad(b"ds,y\n\xff", "the text is not utf-16", options=ReadOptions(encoding="utf-16")),
    "no encoding": Bad(DAILY, "'klingon' is not a text encoding", options=ReadOptions(encoding="klingon")),
    "a codec of bytes": Bad(DAILY, "'base64' is not a text encoding", options=ReadOptions(encoding="base64")),
    "NaN": Bad(rows("1", "NaN", "3"), "1 missing value (1 'NaN')", "row 3, column 'y'", "`fill="),
    "infinity": Bad(rows("1", "inf", "3"), "'inf' is not a finite number", "row 3, column 'y'"),
    "too large for a float": Bad(rows("1", "-1e400"), "'-1e400' is not a finite number", "row 3, column 'y'"),
    "NUL": Bad(rows("1", "2\0"), "a NUL character", "row 3"),
    "an endless line": Bad("ds,y\n2024-01-01," + "1" * 3_000_000, "more than 2,000,000 characters", "row 2"),
    "an endless field": Bad("ds,y\n2024-01-01," + "1" * 300_000 + "x,3\n", "field larger than", "row 2"),
    "damaged gzip": Bad(gzip.compress(DAILY.encode())[:-9], "the gzip data is damaged"),
    "a spreadsheet": Bad(b"PK\x03\x04" + b"\0" * 50, "a zip archive or a spreadsheet", hint="CSV or Parquet"),
    "two columns of one name": Bad("ds,y,y\n2024-01-01,1,2\n", "columns 2 and 3 are named 'y'", "row 1", "rename"),
    "two columns without a name": Bad("ds,,\n2024-01-01,1,2\n", "columns 2 and 3 have no name", "row 1", "rename"),
    "an unknown target": Bad(
        DAILY, "there is no column 'z'; the columns are 'ds', 'y'", hint="`target`", options=ReadOptions(target="z")
    ),
    "an unknown time": Bad(DAILY, "there is no column 'z'", hint="`time`", options=ReadOptions(time="z")),
    "an unknown id": Bad(DAILY, "there is no column 'z'", hint="`id`", options=ReadOptions(id="z")),
    "one column as two": Bad(DAILY, "two things", "column 'y'", "`target`", ReadOptions(time="y", target="y")),
    "two targets": Bad(
        "id,ds,a,b\nx,2024-01-01,1,1\n",
        "several columns could be the target: 'a', 'b'",
        hint='`target="a"`',
        options=ReadOptions(frequency="D"),
    ),
    "two ids": Bad(
        "store,item,ds,y\na,b,2024-01-01,1\na,b,2024-01-02,1\n",
        "several columns could be the series: 'store', 'item'",
        hint='`id="store"`',
    ),
    "two times": Bad(
        "begin,end,y\n2024-01-01,2024-01-02,1\n2024-01-02,2024-01-03,1\n",
        "several columns could be the time: 'begin', 'end'",
        hint='`time="begin"`',
    ),
    "no time": Bad("a,y\nfoo,1\nbar,2\n", "no column of times found among 'a', 'y'", hint="`time`"),
    "no number": Bad("ds,a\n2024-01-01,foo\n2024-01-02,bar\n", "no column of numbers found", hint="`target`"),
    "irregular steps": Bad(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,2\n2024-01-03 05:00,2\n2024-01-04,3\n",
        "irregular: the commonest are 1D (2 times), 5h (1 times); the first break is after 2024-01-03",
        "row 5, column 'ds'",
        "sums or means of equal spans of time",  # hours would make up most of the data
    ),
    "months by their fifteenth": Bad(
        "ds,y\n2024-01-15,1\n2024-02-15,2\n2024-03-15,2\n", "irregular", "row 3, column 'ds'", '`frequency="M"`'
    ),
    "off the frequency that was said": Bad(
        DAILY,
        "2024-01-02 does not lie on the steps of 2D",
        "row 3, column 'ds'",
        "`frequency`",
        ReadOptions(frequency="2D"),
    ),
    "no frequency": Bad(DAILY, "'often' is not a frequency", hint="15min", options=ReadOptions(frequency="often")),
    "offsets here and there": Bad(
        "ds,y\n2024-01-01T00:00Z,1\n2024-01-02T00:00,2\n2024-01-03T00:00Z,2\n",
        "the time '2024-01-02T00:00' has no UTC offset and others have one",
        "row 3, column 'ds'",
        "offset",
    ),
    "a time of another form": Bad(
        "ds,y\n2024-01-01,1\n2024-01-02,2\n3rd of May,2\n",
        "'3rd of May' is not a time written like '2024-01-01'",
        "row 4, column 'ds'",
    ),
    "a day that never was": Bad(
        "ds,y\n2023-02-28,1\n2023-02-29,2\n", "'2023-02-29' is not a time", "row 3, column 'ds'"
    ),
    "beyond the calendar": Bad("ds,y\n2023-02-28,1\n9999-12-31,2\n", "from 1678 to 2261", "row 3, column 'ds'"),
    "no time in a row": Bad("ds,y\n2023-02-28,1\n,2\n", "the time is missing", "row 3, column 'ds'"),
    "no name of a series": Bad(
        "id,ds,y\na,2024-01-01,1\n,2024-01-02,2\n", "name of the series is missing", "row 3, column 'id'"
    ),
    "days or months": Bad(
        "ds,y\n01/02/2024,1\n02/02/2024,2\n",
        "'day/month/year', 'month/day/year': every one of them fits",
        "column 'ds'",
        '`frequency="MS"`',
    ),
    "nothing but single observations": Bad(
        "unique_id,ds,y\na,2024-01-01,1\nb,2024-01-02,2\n", "no series has more than one observation", hint="`id`"
    ),
    "a gap too far": Bad(
        "ds,y\n2024-01-01 00:00,1\n2024-01-01 00:01,2\n2024-01-01 00:02,2\n2190-01-01 00:00,2\n",
        "filling the gaps would make",
        hint="`frequency`",
        options=ReadOptions(fill="linear"),
    ),
    "no value at all": Bad(
        rows("", ""), "every value is missing", "column 'y'", "`target`", ReadOptions(fill="linear")
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(load: Callable[..., Panel], tmp_path: Path, name: str) -> None:
    case = BAD[name]
    with pytest.raises(InputError) as caught:
        load(case.content, case.options)
    error = caught.value
    assert case.what in error.what
    assert not error.what.endswith(".")
    assert error.where == ", ".join([str(tmp_path / "data.csv"), *([case.where] if case.where else [])]) or (
        case.options.frequency and error.where == "`frequency`"
    )
    assert case.hint in error.hint
    assert error.hint


@pytest.mark.parametrize(
    ("path", "what"),
    [("missing.csv", "no such file"), (".", "a folder"), ("/dev/zero", "a device"), ("a\0b", "opened")],
)
def test_paths_that_are_no_files(tmp_path: Path, path: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        load_panel(tmp_path / path)
    assert caught.value.where
    assert caught.value.hint


def test_a_gzip_bomb_is_noticed_before_it_goes_off(load: Callable[..., Panel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_file, "MAX_UNPACKED", 5_000_000)
    bomb = gzip.compress(DAILY.encode() + b"2024-01-01,1\n" * 1_000_000)
    with pytest.raises(InputError, match="more than 5,000,000 bytes of text come out") as caught:
        load(bomb)
    assert "unpacked" in caught.value.hint
    assert load(gzip.decompress(bomb)[: len(DAILY)]).values[0].tolist() == [1, 2, 4]


@pytest.mark.parametrize("delimiter", ["ab", "\n", '"', ""])
def test_what_cannot_separate_cells(delimiter: str) -> None:
    with pytest.raises(InputError, match="cannot separate cells") as caught:
        ReadOptions(delimiter=delimiter)
    assert caught.value.where == "`delimiter`"


@pytest.mark.parametrize(
    "option", [{"fill": "guess"}, {"duplicates": "first"}, {"decimal": ";"}, {"time": 0}, {"id": b"a"}]
)
def test_options_outside_their_choices(option: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        ReadOptions(**option)
    assert caught.value.where == f"`{next(iter(option))}`"
    assert caught.value.hint


@pytest.mark.parametrize("season", [0, -1, 1.5, True, "a year"])
def test_a_season_is_a_whole_number(season: Any) -> None:
    with pytest.raises(InputError, match=f"`season` is {season!r}") as caught:
        ReadOptions(season=season)
    assert caught.value.hint
