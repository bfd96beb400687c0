"""Numbers that stand for times: digits of a date, seconds or days since a day, years with a fraction, or counts."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .panel import Floats
from .times import DAY, SECOND, Reading, Times

_EPOCHS = (("seconds", 10**9), ("milliseconds", 10**6), ("microseconds", 10**3), ("nanoseconds", 1))
_FIRST, _END = 631_152_000, 4_102_444_800  # seconds from 1970 to 1990 and to 2100
_OLD = 100_000_000  # seconds; what is nearer to 1970 may count something else
_COMPACT = (
    ("year to second", "%Y%m%d%H%M%S", 14),
    ("year to minute", "%Y%m%d%H%M", 12),
    ("year, month, day and hour", "%Y%m%d%H", 10),
    ("year, month and day", "%Y%m%d", 8),
)
_DAYS = (("excel", "days as Excel counts them", -25_569), ("days since 1970", "days since 1970", 0))
_DAYS_1960 = ("days since 1960", "days since 1960, as SAS counts them", -3653)
_SERIALS = (10_000, 80_000)  # days since 1899 or 1970 that are dates: 1927 on, 1997 on
_SECONDS_1960 = 3653 * 86_400
_TICKS = ((".NET ticks", "the year 1", 62_135_596_800), ("file times", "1601", 11_644_473_600))
"""What counts in steps of 100 nanoseconds: its name, since when, and the seconds from then to 1970."""
_COUNTED = frozenset(["t", "step", "steps", "index", "idx", "i", "n", "obs", "tick", "row", "nr", "no", "counter"])
_WEEKS = ("week", "woche", "semaine", "semana", "settimana", "yw", "kw", "wk")
_QUARTERS = ("quarter", "quartal", "trimestre", "trimester", "kwartaal", "kvartal", "qtr", "yq")
_MONTHS = ("month", "monat", "mois", "mes", "maand", "mese", "period", "yyyymm", "ym")
_DATES = ("date", "datum", "fecha", "day", "tag", "jour", "dia", "giorno", "dag", "gasday", "yymmdd")


@dataclass(frozen=True)
class Called:
    """What the name of a column says about the numbers in it."""

    name: str

    @property
    def counts(self) -> bool:
        """Whether it speaks of counting."""
        return self.name in _COUNTED

    @property
    def weeks(self) -> bool:
        """Whether it speaks of weeks."""
        return any(word in self.name for word in _WEEKS)

    @property
    def quarters(self) -> bool:
        """Whether it speaks of quarters."""
        return any(word in self.name for word in _QUARTERS)

    @property
    def months(self) -> bool:
        """Whether it speaks of months."""
        return any(word in self.name for word in _MONTHS)

    @property
    def dates(self) -> bool:
        """Whether it speaks of dates."""
        return any(word in self.name for word in _DATES)


def readings_of_whole(numbers: Times, called: Called) -> list[Reading]:
    """The ways in which whole numbers can be times; one, or several between which their regularity or the user decides.

    Digits of a date count where all numbers are such, a time since some day where it lies in no future.
    """
    counter = Reading("", numbers, calendar=False, name="number")
    digits = list(_digits(numbers, called))
    if digits:
        certain = len(str(int(numbers.max()))) >= 8 or called.weeks or called.quarters or called.months or called.dates
        return digits if certain or digits[0].name == "yyyymm" else [*digits, counter]
    since = list(_since(numbers))
    if since:
        return since
    days = [] if called.counts else list(_days(numbers.astype(np.float64)))
    return days if days and called.dates else [*days, counter]


def readings_of_decimal(numbers: Floats, called: Called) -> list[Reading]:
    """The ways in which numbers with a fraction can be times; none where they cannot."""
    years = _decimal_years(numbers)
    if years is not None:
        return [years]
    scaled = [(words, scale, 10**9 // scale) for words, scale in _EPOCHS[:2]]
    for words, scale, second in scaled:
        if numbers.min() >= _FIRST * second and numbers.max() < _END * second:
            times = np.round(numbers * (scale / 1000)).astype(np.int64) * 1000
            return [Reading(f"times read as {words} since 1970 (UTC)", times, name=words)]
    return [] if called.counts else list(_days(numbers))


def _digits(numbers: Times, called: Called) -> Iterator[Reading]:
    """Readings by the digits of each number."""
    low, high = int(numbers.min()), int(numbers.max())
    for words, layout, digits in _COMPACT:
        if 18 * 10 ** (digits - 2) <= low and high < 22 * 10 ** (digits - 2):
            times = _by_layout(numbers, layout)
            if times is not None:
                yield Reading(f"times read as {words} ({layout})", times, name=layout.replace("%", ""))
                return
    yield from _days_first(numbers, low, high)
    yield from _of_a_year(numbers, called, low, high)
    if not (low >= 10_000 and high <= 991_231):
        return
    months = _by_layout(numbers, "%Y%m") if low >= 180_000 and high < 220_000 else None
    weeks = _weeks(numbers) if low >= 180_000 and high < 220_000 else None
    days = _by_layout(numbers, "%y%m%d")
    for_months = months is not None and not (called.weeks and weeks is not None)
    if months is not None and for_months:
        yield Reading("times read as year and month (%Y%m)", months, name="yyyymm")
    if weeks is not None and (called.weeks or not (for_months or (called.dates and days is not None))):
        yield Reading("times read as year and ISO week, dated by their Monday", weeks, name="yyyyww")
    if days is not None and not (called.weeks or called.months):
        yield Reading("times read as year, month and day (%y%m%d)", days, century=False, name="yymmdd")
    turned = _dates(numbers % 10_000, numbers // 10_000) if called.months or called.dates else None
    if turned is not None and months is None:
        yield Reading("times read as month and year (%m%Y)", turned, name="mmyyyy")


def _days_first(numbers: Times, low: int, high: int) -> Iterator[Reading]:
    """Readings by a day and a month, in either order, before a year of four digits."""
    if not (low > 1_000_000 and high < 32_000_000):
        return
    first, second, year = numbers // 1_000_000, numbers // 10_000 % 100, numbers % 10_000
    for words, name, month, day in (
        ("day, month and year", "ddmmyyyy", second, first),
        ("month, day and year", "mmddyyyy", first, second),
    ):
        times = _dates(year, month, day)
        if times is not None:
            yield Reading(f"times read as {words}", times, name=name)


def _of_a_year(numbers: Times, called: Called, low: int, high: int) -> Iterator[Reading]:
    """Readings by a year and the day, the quarter, or, with two digits, the month or the week in it."""
    if low > 1_800_000 and high < 2_200_000:
        days = _by_layout(numbers, "%Y%j") if ((numbers % 1000 >= 1) & (numbers % 1000 <= 366)).all() else None
        if days is not None:
            yield Reading("times read as year and day of the year (%Y%j)", days, name="yyyyddd")
    if low > 18_000 and high < 22_000:
        quarters = _dates(numbers // 10, 3 * (numbers % 10) - 2)
        if quarters is not None and (called.quarters or low // 10 < high // 10):
            yield Reading("times read as year and quarter", quarters, name="yyyyq")
    if low >= 1 and 100 < high < 10_000 and called.months:
        months = _dates(_century(numbers // 100), numbers % 100)
        if months is not None:
            yield Reading("times read as year and month (%y%m)", months, century=False, name="yymm")
    elif low >= 1 and 100 < high < 10_000 and called.weeks:
        weeks = _weeks(_century(numbers // 100) * 100 + numbers % 100)
        if weeks is not None:
            yield Reading("times read as year and ISO week, dated by their Monday", weeks, name="yyww")


def _century(years: Times) -> Times:
    return years + np.where(years < 69, 2000, 1900)


def _dates(years: Times, months: Times, days: Times | int = 1) -> Times | None:
    """The dates of these parts; None where one is none of the last centuries and the next."""
    parts = pd.DataFrame({"year": years, "month": months, "day": days})
    if not parts["year"].between(1800, 2199).all():
        return None
    dates = pd.to_datetime(parts, errors="coerce")
    return None if dates.isna().any() else dates.to_numpy("datetime64[ns]").view(np.int64)


def _since(numbers: Times) -> Iterator[Reading]:
    """Readings as a time since 1970, or, where that would lie in the future, since 1960."""
    low, high = int(numbers.min()), int(numbers.max())
    for words, scale in _EPOCHS:
        second = 10**9 // scale
        recent = _FIRST * second <= low and high < _END * second
        if recent or _is_old_epoch(numbers, low, high, second):
            yield Reading(f"times read as {words} since 1970 (UTC)", numbers * scale, name=words)
            if low > _now() * second:
                times = (numbers - _SECONDS_1960 * second) * scale
                who = "SAS" if second == 1 else "Stata"
                yield Reading(
                    f"times read as {words} since 1960, as {who} counts them", times, name=f"{words} since 1960"
                )
            break
    for name, since, seconds in _TICKS:
        if low >= (seconds + _FIRST) * 10**7 and high <= (seconds + _now()) * 10**7:
            times = (numbers - seconds * 10**7) * 100
            yield Reading(f"times read as {name}, 100 nanoseconds each since {since}", times, name=name.lower())


def _is_old_epoch(numbers: Times, low: int, high: int, second: int) -> bool:
    """Whether the numbers are times before 1990: large, and steps of whole minutes."""
    if not (-_END // 2 * second <= low and high < _FIRST * 2 * second and max(-low, high) >= _OLD * second):
        return False
    return len(numbers) > 1 and not (numbers % (60 * second)).any()


def _days(numbers: Floats) -> Iterator[Reading]:
    """Readings as days, with a fraction for the clock, that end by now."""
    low, high = float(numbers.min()), float(numbers.max())
    if not (_SERIALS[0] <= low and high <= _SERIALS[1]):
        return
    for name, words, offset in (*_DAYS, _DAYS_1960):
        if (high + offset) * 86_400 <= _now() + 366 * 86_400:
            whole = np.floor(numbers)
            clock = np.round((numbers - whole) * 86_400).astype(np.int64) * SECOND
            yield Reading(f"times read as {words}", (whole.astype(np.int64) + offset) * DAY + clock, name=name)


def _decimal_years(numbers: Floats) -> Reading | None:
    """Years with a twelfth or the middle of a twelfth behind the point."""
    if not (numbers.min() >= 1678 and numbers.max() < 2262):
        return None
    twelfths = numbers * 12
    for shift, words in ((0.0, "starts"), (0.5, "middles")):
        months = np.round(twelfths - shift)
        if (np.abs(twelfths - shift - months) < 0.1).all():
            times = (months.astype(np.int64) - 1970 * 12).astype("datetime64[M]").astype("datetime64[ns]")
            return Reading(f"decimal years read as the {words} of months", times.view(np.int64), name="decimal year")
    return None


def _by_layout(numbers: Times, layout: str) -> Times | None:
    distinct, inverse = np.unique(numbers, return_inverse=True)
    width = 6 if layout == "%y%m%d" else 0
    text = pd.Series(distinct.astype(str)).str.zfill(width)
    dates = pd.to_datetime(text, format=layout, errors="coerce")
    return None if dates.isna().any() else dates.to_numpy("datetime64[ns]").view(np.int64)[inverse]


def _weeks(numbers: Times) -> Times | None:
    distinct, inverse = np.unique(numbers, return_inverse=True)
    try:
        days = [datetime.date.fromisocalendar(number // 100, number % 100, 1) for number in distinct.tolist()]
    except ValueError:
        return None
    return np.array(days, "datetime64[ns]").view(np.int64)[inverse]


def _now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()
