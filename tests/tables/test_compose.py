"""Times and names of series that are spread over several columns."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.options import DEFAULTS, ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame

Load = Callable[..., Panel]
GERMAN = ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September"]
GERMAN += ["Oktober", "November", "Dezember"]


def split(alias: str, number: int, *names: str, start: str = "2019-01-01", **layouts: str) -> pd.DataFrame:
    """A table whose times are in columns by these layouts of strftime."""
    times = pd.date_range(start, periods=number, freq=alias)
    return pd.DataFrame({**{name: times.strftime(layout) for name, layout in layouts.items()}, "y": range(number)})


def table(**columns: object) -> pd.DataFrame:
    """A table of these columns and the numbers of their rows."""
    frame = pd.DataFrame(columns)
    return frame.assign(y=range(len(frame)))


MONTHS, HOURS = pd.date_range("2019", periods=36, freq="MS"), pd.date_range("2019", periods=72, freq="h")
DAYS, HOUR, THIRDS = HOURS.date.astype(str), HOURS.hour, MONTHS[::3]
MINUTES = dict(year="%Y", month="%m", day="%d", hour="%H", minute="%M")
SPLIT = {
    "year and month's name": (split("MS", 36, year="%Y", month="%B"), "MS"),
    "year and month's short name": (split("MS", 36, Year="%Y", Month="%b"), "MS"),
    "year and month's number": (split("MS", 36, year="%Y", month="%m"), "MS"),
    "month before year": (split("MS", 36, month="%m", year="%Y"), "MS"),
    "German": (table(Jahr=MONTHS.year, Monat=[GERMAN[m - 1] for m in MONTHS.month]), "MS"),
    "Spanish": (split("MS", 36, **{"año": "%Y", "mes": "%m"}), "MS"),
    "year and quarter": (table(year=THIRDS.year, quarter=THIRDS.quarter), "QS"),
    "year and Q1": (table(year=THIRDS.year, qtr=[f"Q{q}" for q in THIRDS.quarter]), "QS"),
    "year and week": (split("W-MON", 60, start="2019-01-07", year="%G", week="%V"), "W-MON"),
    "year, month and day": (split("D", 60, year="%Y", month="%m", day="%d"), "D"),
    "year, month, day and hour": (split("h", 60, year="%Y", month="%m", day="%d", hour="%H"), "h"),
    "year, month, day, hour and minute": (split("30min", 60, **MINUTES), "30min"),
    "date and clock": (split("h", 72, Date="%d/%m/%Y", Time="%H:%M:%S", start="2019-03-13"), "h"),
    "ISO date and clock": (split("15min", 200, date="%Y-%m-%d", time="%H:%M"), "15min"),
    "date and clock of half a day": (split("h", 72, date="%m/%d/%Y", time="%I:%M %p", start="2019-03-13"), "h"),
    "German date and clock": (split("h", 72, Datum="%d.%m.%Y", Uhrzeit="%H:%M", start="2019-03-13"), "h"),
    "French date and hour": (split("h", 72, date="%Y-%m-%d", heure="%H"), "h"),
    "compact date and hour": (split("h", 72, date="%Y%m%d", hour="%H"), "h"),
    "date and hour": (table(Date=DAYS, Hour=HOUR), "h"),
    "date and hour from 1": (table(Date=DAYS, Hour=HOUR + 1), "h"),
    "date and hour in hundreds": (table(date=DAYS, hour=HOUR * 100), "h"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPLIT)
def test_a_time_in_several_columns(load: Load, name: str) -> None:
    frame, alias = SPLIT[name]
    panel = load(frame.to_csv(index=False))
    assert panel.frequency.alias == alias
    assert len(panel) == 1
    assert panel.values[0].tolist() == list(range(len(frame)))
    assert panel.times[0][0] in (np.datetime64("2019-01-01"), np.datetime64("2019-01-07"), np.datetime64("2019-03-13"))
    typed = panel_from_frame(frame)
    assert np.array_equal(typed.times[0], panel.times[0])
    assert not any("not used" in note for note in panel.notes)


def test_the_parts_stand_in_each_series(load: Load) -> None:
    times = pd.date_range("2019", periods=48, freq="h")
    frame = pd.DataFrame({"date": times.date.astype(str), "hour": times.hour, "y": range(48)})
    frame = pd.concat([frame.assign(city=city) for city in ("Bonn", "Köln")])
    panel = load(frame.to_csv(index=False))
    assert panel.ids == ("Bonn", "Köln")
    assert panel.frequency.alias == "h"


def test_parts_that_are_said(load: Load) -> None:
    frame = split("h", 48, day="%Y-%m-%d", at="%H:%M")
    panel = load(frame.to_csv(index=False), ReadOptions(time="day,at"))
    assert panel.frequency.alias == "h"
    assert panel.time == "day, at"


def test_features_of_a_date_are_no_parts(load: Load) -> None:
    frame = split("D", 60, date="%Y-%m-%d", year="%Y", month="%m", hour="%H")
    assert load(frame.to_csv(index=False)).time == "date"


REMARKS = "date,weather,y\n" + "".join(f"2021-05-{d:02},{'sun' if d % 3 else 'rain'},{d}\n" for d in range(1, 31))


@pytest.mark.parametrize("repeated", ["2021-05-10,sun,3\n", "2021-05-12,rain,3\n", "2021-05-30,hail,3\n"])
def test_a_remark_is_no_series_for_one_day_that_repeats(load: Load, repeated: str) -> None:
    with pytest.raises(InputError, match="appears twice: the other is row") as caught:
        load(REMARKS + repeated)
    assert "series 'sun'" not in caught.value.what
    panel = load(REMARKS + repeated, ReadOptions(duplicates="last"))
    assert len(panel) == 1


def pairs(*names: str, number: int = 10) -> str:
    """Series that only all of these columns tell apart."""
    rows = [
        [f"2021-01-{day + 1:02}", *(f"{name}{code >> bit & 1}" for bit, name in enumerate(names)), str(day + code)]
        for code in range(2 ** len(names))
        for day in range(number)
    ]
    return "\n".join([",".join(["date", *names, "sales"]), *(",".join(row) for row in rows)]) + "\n"


@pytest.mark.parametrize("names", [("store", "item"), ("store", "product"), ("store", "item", "sku")])
def test_names_that_tell_a_series_together(load: Load, names: tuple[str, ...]) -> None:
    panel = load(pairs(*names))
    assert len(panel) == 2 ** len(names)
    assert panel.ids[0] == "/".join(f"{name}0" for name in names)
    assert [values[0] for values in panel.values] == list(range(2 ** len(names)))


@pytest.mark.parametrize("options", [ReadOptions(id="town,kind"), ReadOptions(id="town, kind")])
def test_names_that_are_said_to(load: Load, options: ReadOptions) -> None:
    with pytest.raises(InputError, match="several columns could be the series") as caught:
        load(pairs("town", "kind"), DEFAULTS)
    assert '`id="town,kind"`' in caught.value.hint
    assert load(pairs("town", "kind"), options).ids == ("town0/kind0", "town1/kind0", "town0/kind1", "town1/kind1")


def test_one_name_that_is_enough_stays_one(load: Load) -> None:
    frame = pd.read_csv(io.StringIO(pairs("store")))
    panel = load(frame.assign(product="milk").to_csv(index=False))
    assert panel.ids == ("store0", "store1")


def test_names_that_cannot_be_joined_are_refused(load: Load) -> None:
    table = "date,store,item,y\n2021-01-01,a/b,c,1\n2021-01-02,a/b,c,1\n2021-01-01,a,b/c,1\n2021-01-02,a,b/c,1\n"
    with pytest.raises(InputError, match="hold '/'"):
        load(table, ReadOptions(id="store,item"))


@pytest.mark.parametrize(("letter", "parts", "alias"), [("M", 12, "MS"), ("Q", 4, "QS")])
@pytest.mark.parametrize("mean", [False, True])
def test_codes_beside_a_year_are_its_parts(load: Load, letter: str, parts: int, alias: str, mean: bool) -> None:
    rows = [(year, part) for year in range(2010, 2015) for part in range(1, parts + 1 + mean)]
    content = "Series ID,Year,Period,Value\n"
    panel = load(content + "".join(f"A1,{year},{letter}{part:02},{year * 20 + part}\n" for year, part in rows))
    assert panel.frequency.alias == alias
    assert panel.values[0].tolist() == [year * 20 + part for year, part in rows if part <= parts]


HOURS_OF_A_DAY = {
    "from 0": [str(hour) for hour in range(24)],
    "from 1": [f"H{hour}" for hour in range(1, 25)],
    "clocks": [f"{hour:02}:00" for hour in range(24)],
    "half hours": [f"{half // 2:02}:{half % 2 * 30:02}" for half in range(48)],
}


@pytest.mark.parametrize("name", HOURS_OF_A_DAY)
def test_a_column_for_each_hour_of_a_day(load: Load, name: str) -> None:
    heads = HOURS_OF_A_DAY[name]
    rows = [f"2021-03-{day:02}," + ",".join(str(100 * day + i) for i in range(len(heads))) for day in range(1, 8)]
    panel = load("\n".join([",".join(["date", *heads]), *rows, ""]))
    assert panel.season == len(heads)
    assert panel.times[0][0] == np.datetime64("2021-03-01T00:00")
    assert panel.values[0].tolist() == [100 * day + i for day in range(1, 8) for i in range(len(heads))]
