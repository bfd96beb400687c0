"""Times as people write them: each kind with its right reading, or the refusal that asks what is meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.options import DEFAULTS, ReadOptions
from gatewise.tables.panel import Panel

Load = Callable[..., Panel]


@dataclass(frozen=True)
class Column:
    """A column of times, and the pace at which it is right to read it."""

    cells: list[str]
    alias: str
    start: str
    name: str = "ds"
    options: ReadOptions = DEFAULTS


def table(column: Column) -> str:
    """A table of these times."""
    return f"{column.name};y\n" + "".join(f'"{cell}";{i}\n' for i, cell in enumerate(column.cells))


def check(load: Load, column: Column) -> None:
    panel = load(table(column), column.options)
    assert panel.frequency.alias == column.alias
    right = pd.date_range(column.start, periods=len(column.cells), freq=column.alias).to_numpy()
    assert np.array_equal(panel.times[0], right)
    assert panel.values[0].tolist() == list(range(len(column.cells)))


ROMAN = ("I", "II", "III", "IV")
MONTHS = {
    "English": "January February March April May June July August September October November December",
    "English, short": "Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec",
    "English, with points": "Jan. Feb. Mar. Apr. May Jun. Jul. Aug. Sep. Oct. Nov. Dec.",
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "German, short": "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "Austrian": "Jänner Feber März April Mai Juni Juli August September Oktober November Dezember",
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "French, short": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "Spanish, short": "ene feb mar abr may jun jul ago sep oct nov dic",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "Italian, short": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "Portuguese, short": "jan fev mar abr mai jun jul ago set out nov dez",
    "Dutch": "januari februari maart april mei juni juli augustus september oktober november december",
    "Dutch, short": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "Czech": "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
    "Finnish": "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu "
    "heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu",
    "Turkish": "Ocak Şubat Mart Nisan May\u0131s Haziran Temmuz Ağustos Eylül Ekim Kas\u0131m Aral\u0131k",
    "Romanian": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "Hungarian": "január február március április május június július augusztus szeptember október november december",
    "Russian": "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
    "Swedish": "januari februari mars april maj juni juli augusti september oktober november december",
    "Danish": "januar februar marts april maj juni juli august september oktober november december",
    "Norwegian": "januar februar mars april mai juni juli august september oktober november desember",
    "Polish": "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień",
}
LAYOUTS = (
    "{month} {year}",
    "{year} {month}",
    "{month}-{short}",
    "{short}-{month}",
    "{month} de {year}",
    "1. {month} {year}",
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("language", MONTHS)
def test_months_by_their_names(load: Load, language: str, layout: str) -> None:
    names = MONTHS[language].split()
    cells = [
        layout.format(month=name, year=year, short=f"{year % 100:02}") for year in (2017, 2018, 2019) for name in names
    ]
    check(load, Column(cells, "MS", "2017"))


def dates(alias: str, layout: str, start: str = "2021-03-01", number: int = 40) -> list[str]:
    """A run of times in a layout of strftime."""
    return pd.date_range(start, periods=number, freq=alias).strftime(layout).tolist()


def quarters(layout: str, years: range = range(2010, 2016)) -> list[str]:
    """A run of quarters."""
    return [layout.format(y=year, yy=year % 100, q=quarter) for year in years for quarter in (1, 2, 3, 4)]


def weeks(layout: str, number: int = 60) -> list[str]:
    """A run of ISO weeks from 2020-W01, a year with 53."""
    calendar = [day.isocalendar() for day in pd.date_range("2019-12-30", periods=number, freq="W-MON")]
    return [layout.format(y=day[0], w=day[1]) for day in calendar]


def counts(alias: str, since: str, unit: str, start: str = "2021-03-01", number: int = 70) -> list[str]:
    """A run of times as numbers since a day."""
    return [
        f"{(time - pd.Timestamp(since)) / pd.Timedelta(1, unit):.0f}"
        for time in pd.date_range(start, periods=number, freq=alias)
    ]


SINCE_1970, SINCE_1960 = (ReadOptions(dates=f"days since {year}") for year in (1970, 1960))
WRITTEN = {
    "year and month, Eurostat": Column(dates("MS", "%YM%m"), "MS", "2021-03"),
    "year and month, SDMX": Column(dates("MS", "%Y-M%m"), "MS", "2021-03"),
    "year and month, Stata": Column([cell.replace("m0", "m") for cell in dates("MS", "%Ym%m")], "MS", "2021-03"),
    "year and month, EViews": Column(dates("MS", "%Y:%m"), "MS", "2021-03"),
    "year and month, with a point": Column(dates("MS", "%Y.%m"), "MS", "2021-03"),
    "quarters 1Q10": Column(quarters("{q}Q{yy}"), "QS", "2010"),
    "quarters 1Q2010": Column(quarters("{q}Q{y}"), "QS", "2010"),
    "quarters Q1 10": Column(quarters("Q{q} {yy}"), "QS", "2010"),
    "quarters Q1'10": Column(quarters("Q{q}'{yy}"), "QS", "2010"),
    "quarters 2010:Q1": Column(quarters("{y}:Q{q}"), "QS", "2010"),
    "quarters 2010q1": Column(quarters("{y}q{q}"), "QS", "2010"),
    "quarters, French": Column(quarters("T{q} {y}"), "QS", "2010"),
    "quarters, German": Column(quarters("{q}. Quartal {y}"), "QS", "2010"),
    "quarters, Spanish": Column(quarters("{q}º trimestre de {y}"), "QS", "2010"),
    "quarters of the last century": Column(quarters("{q}Q{yy}", range(1961, 1968)), "QS", "1961"),
    "quarters 2010Q01": Column(quarters("{y}Q0{q}"), "QS", "2010"),
    "quarters, Nordic": Column(quarters("{y}K{q}"), "QS", "2010"),
    "quarters, Roman": Column([f"{year} {name}" for year in range(2010, 2014) for name in ROMAN], "QS", "2010"),
    "quarters, Roman, first": Column([f"{name}/{year}" for year in range(2010, 2014) for name in ROMAN], "QS", "2010"),
    "quarters of financial years": Column(quarters("FY{y} Q{q}"), "QS", "2010"),
    "quarters of financial years, short": Column(quarters("Q{q} FY{yy}"), "QS", "2010"),
    "quarters 2010-1": Column(quarters("{y}-{q}"), "QS", "2010"),
    "quarters 2010:1": Column(quarters("{y}:{q}"), "QS", "2010"),
    "quarters 2010.1": Column(quarters("{y}.{q}"), "QS", "2010"),
    "quarters of one year, by their name": Column(quarters("{y}-{q}", range(2010, 2011)), "QS", "2010", "quarter"),
    "quarters 2010-01, by their name": Column(quarters("{y}-0{q}"), "QS", "2010", "Quartal"),
    "quarters 20101": Column(quarters("{y}{q}"), "QS", "2010", "quarter"),
    "quarters 20101, by no name": Column(quarters("{y}{q}"), "QS", "2010", "period"),
    "weeks 2020/1": Column(weeks("{y}/{w}"), "W-MON", "2019-12-30"),
    "weeks 2020-01, by their name": Column(weeks("{y}-{w:02}", 12), "W-MON", "2019-12-30", "week"),
    "weeks 2020/1, by their name": Column(weeks("{y}/{w}", 12), "W-MON", "2019-12-30", "ISO week"),
    "weeks 01/2020, by their name": Column(weeks("{w:02}/{y}", 12), "W-MON", "2019-12-30", "KW"),
    "weeks 2001": Column([f"20{week:02}" for week in range(1, 54)] + ["2101", "2102"], "W-MON", "2019-12-30", "week"),
    "half years": Column([f"{year}-S{half}" for year in range(2010, 2020) for half in (1, 2)], "6MS", "2010"),
    "weeks 2020W1": Column(weeks("{y}W{w}"), "W-MON", "2019-12-30"),
    "weeks 2020-W01": Column(weeks("{y}-W{w:02}"), "W-MON", "2019-12-30"),
    "weeks KW 1/2020": Column(weeks("KW {w}/{y}"), "W-MON", "2019-12-30"),
    "weeks and their days": Column(["2020-W53-6", "2020-W53-7", "2021-W01-1", "2021-W01-2"], "D", "2021-01-02"),
    ".NET": Column(dates("h", "%Y-%m-%dT%H:%M:%S.0000000Z"), "h", "2021-03-01"),
    ".NET, without a zone": Column(dates("h", "%Y-%m-%dT%H:%M:%S.0000000"), "h", "2021-03-01"),
    ".NET, with an offset": Column(dates("h", "%Y-%m-%dT%H:%M:%S.0000000+01:00"), "h", "2021-02-28 23:00"),
    ".NET, in JSON": Column([f"/Date({cell})/" for cell in counts("h", "1970", "ms")], "h", "2021-03-01"),
    "SAS": Column(dates("h", "%d%b%Y:%H:%M:%S"), "h", "2021-03-01"),
    "SAS, upper case": Column([cell.upper() for cell in dates("15min", "%d%b%Y:%H:%M:%S")], "15min", "2021-03-01"),
    "SAS, dates": Column(dates("D", "%d%b%Y"), "D", "2021-03-01"),
    "SAS, two digits": Column(dates("D", "%d%b%y"), "D", "2021-03-01"),
    "ISO, basic, in UTC": Column(dates("h", "%Y%m%dT%H%M%SZ"), "h", "2021-03-01"),
    "ISO, basic": Column(dates("h", "%Y%m%dT%H%M"), "h", "2021-03-01"),
    "ISO, basic, with a space": Column(dates("h", "%Y%m%d %H:%M"), "h", "2021-03-01"),
    "ISO, hours": Column(dates("h", "%Y-%m-%dT%H"), "h", "2021-03-01"),
    "ISO, a comma before the fraction": Column(dates("h", "%Y-%m-%d %H:%M:%S,%f"), "h", "2021-03-01"),
    "Apache": Column(dates("h", "%d/%b/%Y:%H:%M:%S +0000"), "h", "2021-03-01"),
    "mail": Column(dates("h", "%a, %d %b %Y %H:%M:%S GMT"), "h", "2021-03-01"),
    "weekday, month and day": Column(dates("D", "%A, %B %d, %Y"), "D", "2021-03-01"),
    "ordinals": Column([f"March {day}, 2021" for day in ("1st", "2nd", "3rd", "4th", "5th")], "D", "2021-03-01"),
    "French days": Column(["1er mars 2021", *(f"{day} mars 2021" for day in range(2, 32))], "D", "2021-03-01"),
    "Spanish days": Column([f"{day} de marzo de 2021" for day in range(1, 32)], "D", "2021-03-01"),
    "decimal years": Column([f"{2010 + i / 12:.6f}" for i in range(30)], "MS", "2010", "time"),
    "decimal years of three digits": Column([f"{2010 + i / 12:.3f}" for i in range(30)], "MS", "2010", "year"),
    "decimal years of two digits": Column([f"{2010 + i / 12:.2f}" for i in range(30)], "MS", "2010", "year"),
    "decimal years of quarters": Column([f"{2010 + i / 4}" for i in range(30)], "QS", "2010", "year"),
    "decimal years, mid-months": Column([f"{2010 + (i + 0.5) / 12:.4f}" for i in range(30)], "MS", "2010", "date"),
    "a year by its number": Column([f"{i // 12 + 1}-{i % 12 + 1:02}" for i in range(36)], "MS", "2001"),
    "month and a short year": Column(dates("MS", "%m/%y"), "MS", "2021-03"),
    "year pairs 2000/01": Column([f"{year}/{(year + 1) % 100:02}" for year in range(2000, 2012)], "YS", "2000"),
    "year pairs 1990/91": Column([f"{year}/{(year + 1) % 100:02}" for year in range(1990, 2012)], "YS", "1990"),
    "year pairs 1999-2000": Column([f"{year}-{year + 1}" for year in range(1999, 2012)], "YS", "1999"),
    "year pairs 2001-02": Column([f"{year}-{(year + 1) % 100:02}" for year in range(2001, 2012)], "YS", "2001"),
    "year pairs FY 2001/02": Column([f"FY {year}/{(year + 1) % 100:02}" for year in range(2001, 2012)], "YS", "2001"),
    "year pairs 2001/2": Column([f"{year}/{(year + 1) % 100}" for year in range(2001, 2012)], "YS", "2001"),
    "year pairs 01/02": Column([f"{y % 100:02}/{(y + 1) % 100:02}" for y in range(2001, 2012)], "YS", "2001"),
    "year pairs 95/96": Column([f"{y % 100:02}/{(y + 1) % 100:02}" for y in range(1995, 2012)], "YS", "1995"),
    "year pairs with a dash": Column([f"{y} \u2013 {y + 1}" for y in range(1995, 2012)], "YS", "1995"),
    "financial years, short": Column([f"FY{year % 100:02}" for year in range(1995, 2012)], "YS", "1995"),
    "years of the World Bank": Column([f"{year} [YR{year}]" for year in range(1995, 2012)], "YS", "1995", "Time"),
    "financial years": Column([f"FY{year}" for year in range(2001, 2012)], "YS", "2001"),
    "the fifties": Column(dates("MS", "%b-%y", "1949", 72), "MS", "1949"),
    "the sixties and seventies": Column(dates("MS", "%b-%y", "1962", 144), "MS", "1962"),
    "days of the fifties": Column(dates("D", "%d.%m.%y", "1951-01-20"), "D", "1951-01-20"),
    "days across 1968": Column(dates("D", "%m/%d/%y", "1968-12-15"), "D", "1968-12-15"),
    "days across 2000": Column(dates("D", "%d/%m/%y", "1999-12-15"), "D", "1999-12-15"),
    "a century, nearly": Column(dates("YS", "%d-%b-%y", "1930", 90), "YS", "1930"),
    "year to hour": Column(dates("h", "%Y%m%d%H"), "h", "2021-03-01"),
    "year to hour, by a station": Column(dates("h", "%Y%m%d%H"), "h", "2021-03-01", "MESS_DATUM"),
    "year to minute": Column(dates("15min", "%Y%m%d%H%M"), "15min", "2021-03-01"),
    "year to second": Column(dates("min", "%Y%m%d%H%M%S"), "min", "2021-03-01"),
    "year to day": Column(dates("D", "%Y%m%d"), "D", "2021-03-01"),
    "a short year to day": Column(dates("D", "%y%m%d", "2020-03-01"), "D", "2020-03-01", "date"),
    "a short year to day, of 1999": Column(dates("D", "%y%m%d", "1999-11-01"), "D", "1999-11-01", "date"),
    "year and week": Column(weeks("{y}{w:02}"), "W-MON", "2019-12-30", "yearweek"),
    "year and week, a quarter of them": Column(weeks("{y}{w:02}", 12), "W-MON", "2019-12-30", "week"),
    "year and week, German": Column(weeks("{y}{w:02}", 12), "W-MON", "2019-12-30", "KW"),
    "year and week, by what is no month": Column(weeks("{y}{w:02}"), "W-MON", "2019-12-30"),
    "year and month": Column(dates("MS", "%Y%m"), "MS", "2021-03"),
    "month and year": Column(dates("MS", "%m%Y"), "MS", "2021-03", "month"),
    "short year and month": Column(dates("MS", "%y%m", "1998-03"), "MS", "1998-03", "Monat"),
    "day, month and year": Column(dates("D", "%d%m%Y"), "D", "2021-03-01"),
    "month, day and year": Column(dates("D", "%m%d%Y"), "D", "2021-03-01"),
    "year and day of the year": Column(dates("D", "%Y%j"), "D", "2021-03-01", "date"),
    "year and day of the year, across two": Column(dates("D", "%Y%j", "2019-12-20"), "D", "2019-12-20", "t"),
    "year-day of the year": Column(dates("D", "%Y-%j"), "D", "2021-03-01"),
    "file times": Column([f"{int(c) + 11644473600}0000000" for c in counts("h", "1970", "s")], "h", "2021-03-01"),
    "Shiller's months": Column([c.replace(".10", ".1") for c in dates("MS", "%Y.%m", "2010")], "MS", "2010"),
    "months 2010.1": Column([f"{2010 + i // 12}.{i % 12 + 1}" for i in range(36)], "MS", "2010"),
    "months, Chinese": Column([f"{2010 + i // 12}年{i % 12 + 1}月" for i in range(36)], "MS", "2010"),
    "days, Japanese": Column(dates("D", "%Y年%m月%d日"), "D", "2021-03-01"),
    "days of the week, Japanese": Column(
        [f"{day:%Y/%m/%d}({'月火水木金土日'[day.weekday()]})" for day in pd.date_range("2021-03-01", periods=9)],
        "D",
        "2021-03-01",
    ),
    "hours, Japanese": Column(dates("h", "%Y年%m月%d日 %H時%M分"), "h", "2021-03-01"),
    "across eras": Column(
        [f"平成31年{month}月" for month in (2, 3, 4)] + ["令和元年5月", *(f"令和元年{month}月" for month in (6, 7))],
        "MS",
        "2019-02",
        "年月",
    ),
    "days, Taiwanese": Column([f"民國110年3月{day}日" for day in range(1, 9)], "D", "2021-03-01"),
    "days, Chinese": Column([f"2021年3月{day}号" for day in range(1, 9)], "D", "2021-03-01", "日期"),
    "hours, Chinese": Column([f"2021年3月1日{hour}时" for hour in range(24)], "h", "2021-03-01"),
    "quarters, Chinese": Column([f"{2010 + i // 4}年第{i % 4 + 1}季度" for i in range(12)], "QS", "2010"),
    "words for quarters, Chinese": Column(
        [f"{2010 + i // 4}年{name}季度" for i, name in enumerate("一二三四" * 3)], "QS", "2010"
    ),
    "years, Chinese": Column([f"{year}年" for year in range(2001, 2020)], "YS", "2001"),
    "days, Korean": Column(dates("D", "%Y년 %m월 %d일"), "D", "2021-03-01", "날짜"),
    "months, Korean": Column(dates("MS", "%Y년 %m월"), "MS", "2021-03", "시점"),
    "months, Korean statistics": Column(dates("MS", "%Y.%m 월"), "MS", "2021-03", "시점"),
    "quarters, Korean": Column([f"{2010 + i // 4}년 {i % 4 + 1}분기" for i in range(12)], "QS", "2010"),
    "quarters, Korean statistics": Column([f"{2010 + i // 4}.{i % 4 + 1}/4" for i in range(12)], "QS", "2010"),
    "days, Korean Excel": Column([f"2021. 3. {day}." for day in range(1, 30)], "D", "2021-03-01"),
    "half days, Korean": Column(
        [f"2021-03-{1 + i // 24:02} {'오전' if i % 24 < 12 else '오후'} {(i - 1) % 12 + 1}:00:00" for i in range(48)],
        "h",
        "2021-03-01",
    ),
    "half days, Chinese": Column(
        [f"2021/3/1 {'上午' if i < 12 else '下午'} {(i - 1) % 12 + 1}:00" for i in range(24)], "h", "2021-03-01"
    ),
    "C": Column(dates("h", "%a %b %d %H:%M:%S %Y"), "h", "2021-03-01"),
    "German clocks": Column(dates("h", "%d.%m.%Y %H:%M Uhr"), "h", "2021-03-01"),
    "a comma before the clock": Column(dates("h", "%d.%m.%Y, %H:%M"), "h", "2021-03-01"),
    "am and pm": Column(dates("h", "%m/%d/%Y %I:%M%p"), "h", "2021-03-01"),
    "a.m.": Column([cell.replace("M", ".m.") for cell in dates("h", "%m/%d/%Y %I:%M %p")], "h", "2021-03-01"),
    "spans of an hour": Column([f"{cell} - {cell}" for cell in dates("h", "%d.%m.%Y %H:%M")], "h", "2021-03-01"),
    "spans of hours": Column([f"{cell} - 00:00" for cell in dates("h", "%d.%m.%Y %H:%M")], "h", "2021-03-01"),
    "spans of a week": Column([f"{cell} to 2022-01-01" for cell in dates("W-MON", "%Y-%m-%d")], "W-MON", "2021-03-01"),
    "milliseconds in ts": Column(counts("h", "1970", "ms"), "h", "2021-03-01", "ts"),
    "Excel's days": Column(counts("D", "1899-12-30", "D"), "D", "2021-03-01", "date"),
    "Excel's days, German": Column(counts("D", "1899-12-30", "D"), "D", "2021-03-01", "Datum"),
    "Excel's days, of months": Column(counts("MS", "1899-12-30", "D"), "MS", "2021-03-01"),
    "Excel's days, of weeks": Column(counts("W-MON", "1899-12-30", "D"), "W-MON", "2021-03-01", "date"),
    "Excel's days as decimals": Column([f"{44256 + i}.0" for i in range(40)], "D", "2021-03-01", "date"),
    "Excel's days and hours": Column([f"{44256 + i / 24:.6f}" for i in range(40)], "h", "2021-03-01", "date"),
    "days that are asked for": Column(counts("D", "1970", "D"), "D", "2021-03-01", options=SINCE_1970),
    "SAS days that are asked for": Column(counts("D", "1960", "D"), "D", "2021-03-01", options=SINCE_1960),
    "seconds as decimals": Column([f"{cell}.0" for cell in counts("h", "1970", "s")], "h", "2021-03-01", "epoch"),
    "seconds before 1990": Column(counts("D", "1970", "s", "1985-01-01"), "D", "1985-01-01", "time"),
    "seconds before 1970": Column(counts("h", "1970", "s", "1965-01-01"), "h", "1965-01-01", "time"),
    "milliseconds before 1990": Column(counts("D", "1970", "ms", "1985-01-01"), "D", "1985-01-01"),
    "milliseconds": Column(counts("h", "1970", "ms"), "h", "2021-03-01"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_read_without_doubt(load: Load, name: str) -> None:
    check(load, WRITTEN[name])


def test_a_frame_of_numbers_is_read_as_a_file_is(load: Load) -> None:
    from gatewise.tables.panels import panel_from_frame

    for name in ("Excel's days", "Excel's days and hours", "decimal years", "seconds as decimals", "year and week"):
        column = WRITTEN[name]
        numbers = pd.to_numeric(pd.Series(column.cells))
        panel = panel_from_frame(pd.DataFrame({column.name: numbers, "y": range(len(numbers))}))
        assert np.array_equal(panel.times[0], load(table(column)).times[0])


DOUBTFUL = {
    "days of 1951 by Excel, or of 2021": (counts("D", "1970", "D"), "date", "'excel', 'days since 1970'"),
    "milliseconds since 1970 or 1960": (counts("h", "1960", "ms"), "datetime", "'milliseconds since 1960'"),
    "nanoseconds, or ticks": (
        [f"{int(c) * 10**7 + 621355968 * 10**9}" for c in counts("h", "1970", "s")],
        "time",
        "'.net ticks'",
    ),
    "a day of the year, or a count": (dates("D", "%Y%j"), "step", "'yyyyddd', 'number'"),
    "Excel's days, or a count": (counts("D", "1899-12-30", "D"), "ds", "'excel', 'number'"),
    "weeks or a count": (weeks("{y}{w:02}", 30)[20:], "ds", "'yyyyww'"),
    "months, or days without a year": ([f"1-{i:02}" for i in range(1, 13)], "ds", "'year-month'"),
    "years to come, or long gone": (dates("YS", "%d-%b-%y", "2020", 30), "ds", "from 2020"),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_is_asked(load: Load, name: str) -> None:
    cells, column, names = DOUBTFUL[name]
    with pytest.raises(InputError, match="every one of them fits") as caught:
        load(table(Column(cells, "", "", column)))
    assert names in caught.value.what
    assert "`dates=" in caught.value.hint


REFUSED = {
    "week 53 of 52": (["2021-W51", "2021-W52", "2021-W53"], "the ISO year 2021 has 52", "row 4"),
    "week 0": (["2021-W00", "2021-W01", "2021-W02"], "the ISO year 2021 has 52", "row 2"),
    "week 53, the year last": (["W51 2022", "W52 2022", "W53 2022"], "the ISO year 2022 has 52", "row 4"),
    "week 54 of 53": (["2020-W53", "2020-W54"], "the ISO year 2020 has 53", "row 3"),
    "days without a year": (["1-Jan", "2-Jan", "3-Jan"], "a day without a year", "row 2"),
    "two digits, and no year": (["30-Jan", "31-Jan", "01-Feb", "02-Feb"], "a day without a year", "row 2"),
    "a month that is none": (["2021M12", "2021M13"], "'2021M13' is not a time", "row 3"),
    "a pair of years that is none": (["1990/91", "1991/92", "1992/94"], "'1992/94' is not a time", "row 4"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(load: Load, name: str) -> None:
    cells, what, row = REFUSED[name]
    with pytest.raises(InputError) as caught:
        load(table(Column(cells, "", "")))
    assert what in caught.value.what
    assert row in caught.value.where


def test_a_reading_that_does_not_exist_is_refused_with_those_that_do(load: Load) -> None:
    column = Column(counts("D", "1970", "D"), "D", "2021-03-01", "date", ReadOptions(dates="julian"))
    with pytest.raises(InputError, match="they may mean 'excel', 'days since 1970'"):
        load(table(column), column.options)


def test_counters_stay_counters(load: Load) -> None:
    panel = load(table(Column([str(i) for i in range(44_000, 44_040)], "1", "", "step")))
    assert panel.frequency.counts
    panel = load(table(Column([str(i) for i in range(44_000, 44_040)], "1", "")), ReadOptions(frequency="1"))
    assert panel.times[0][-1] == 44_039
