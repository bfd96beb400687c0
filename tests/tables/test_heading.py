"""Where a table begins: what stands above the names of its columns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gatewise.errors import InputError
from gatewise.tables.options import ReadOptions
from gatewise.tables.panel import Panel

Load = Callable[..., Panel]
ROWS = "".join(f"2017-{month:02}-01,{month + 20}\n" for month in range(1, 13))
DAILY = f"date,rain\n{ROWS}"
ABOVE = {
    "Google Trends": f"Category: All categories\n\nMonth,lstm: (Worldwide)\n{ROWS}",
    "Excel's separator": "sep=;\n" + DAILY.replace(",", ";"),
    "Excel's separator, a comma": "sep=,\n" + DAILY,
    "Excel's separator, quoted": '"sep=;"\n' + DAILY.replace(",", ";"),
    "remarks": f"# station 12, corrected\n# units: mm\n{DAILY}",
    "remarks of percent signs": f"% station\n% mm\n{DAILY}",
    "remarks of slashes": f"// station\n{DAILY}",
    "titles": f"Monthly sales report,\nGenerated 2021-01-05,\nMonth,Sales\n{ROWS}",
    "a title": f"Rain at station 12\n\n{DAILY}",
    "a title with a comma": f"Rain, monthly\n\n{DAILY}",
    "a title before semicolons": "Rain, monthly\n" + DAILY.replace(",", ";"),
    "pairs": f"Station,12\nUnit,mm\nDate,Value\n{ROWS}",
    "pairs of words": f"Station,Berlin\nUnit,mm\nDate,Value\n{ROWS}",
    "units below": f"time,load\nUTC,MW\n{ROWS}",
    "units below, in brackets": f"time,load\n[UTC],[MW]\n{ROWS}",
    "units below, without one for the time": f"time,load\n,MW\n{ROWS}",
    "a title and units": f"Load of Germany\ntime,load\n,MW\n{ROWS}",
    "nothing": DAILY,
    "a remark that is the header": f"# date,rain\n{ROWS}",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ABOVE)
def test_what_stands_above_is_left_out(load: Load, name: str, end: str) -> None:
    panel = load(ABOVE[name].replace("\n", end))
    assert panel.values[0].tolist() == list(range(21, 33))
    assert panel.frequency.alias == "MS"
    noted = any("left out" in note for note in panel.notes)
    assert noted == (name not in ("nothing", "a remark that is the header"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("name", ["titles", "units below", "Excel's separator"])
def test_in_any_encoding(load: Load, name: str, encoding: str) -> None:
    assert load(ABOVE[name].encode(encoding)).values[0].tolist() == list(range(21, 33))


@pytest.mark.parametrize("name", ["titles", "a title and units", "Google Trends", "units below"])
def test_rows_are_still_counted_from_the_first_line(load: Load, name: str) -> None:
    text = ABOVE[name].replace(",25", ",x")
    line = text[: text.index(",x")].count("\n") + 1
    with pytest.raises(InputError, match="'x' is not a number") as caught:
        load(text)
    assert f"row {line}," in caught.value.where


@pytest.mark.parametrize("above", ["a,b\n", "a\nb\n", "1,2\n3,4\n\n"])
def test_the_lines_above_may_be_said(load: Load, above: str) -> None:
    options = ReadOptions(skip=above.count("\n"))
    assert load(above + DAILY, options).values[0].tolist() == list(range(21, 33))


def test_a_header_that_is_not_found_is_asked_for(load: Load) -> None:
    with pytest.raises(InputError) as caught:
        load("a,b,c,d\ne,f,g,h\n" + DAILY)
    assert "`skip`" in caught.value.hint


def test_more_lines_than_there_are(load: Load) -> None:
    with pytest.raises(InputError, match="nothing but empty lines"):
        load(DAILY, ReadOptions(skip=99))


@pytest.mark.parametrize("skip", [-1, 1.5, True])
def test_a_number_of_lines_is_whole(skip: object) -> None:
    with pytest.raises(InputError, match="skip is"):
        ReadOptions(skip=skip)  # pyright: ignore[reportArgumentType]
