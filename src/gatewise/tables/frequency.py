"""Which constant step the times of a table follow, what it is called, and how many steps make a season."""

from __future__ import annotations

import re
import warnings
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset

from ..errors import InputError, argument
from ..words import steps as in_words
from .panel import Frequency, offset_of
from .times import DAY, Times

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MINUTE = 60 * 10**9  # nanoseconds
WEEK = 7 * DAY
_UNITS = ((DAY, "D"), (60 * MINUTE, "h"), (MINUTE, "min"), (10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns"))
_DAY, _MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")
_MONTHS_IN = {"M": 1, "Q": 3, "Y": 12}
_SPELLINGS = {
    **{"hourly": "h", "daily": "D", "weekly": "W", "monthly": "M", "quarterly": "Q", "yearly": "Y", "annual": "Y"},
    **{"H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "N": "ns", "A": "Y", "d": "D", "w": "W", "b": "B"},
}
_WORDS = {"B": "every working day", "W": "weekly", "D": "daily", "h": "hourly"}
_MONTH_WORDS = {1: "monthly", 3: "quarterly", 12: "yearly"}


def infer(times: Times, joined: NDArray[np.bool_], *, calendar: bool) -> Frequency | None:
    """The step that every step is a multiple of and that most steps are, None where there is no such step.

    times: shape (N,), rising within each series. joined: shape (N - 1,), whether a time and the next belong to
    one series.
    """
    if not calendar:
        step = common_step(np.diff(times)[joined])
        return None if step is None else Frequency(str(step))
    alias = _monthly(times, joined) or _working_days(times, joined) or _even(times, joined)
    return None if alias is None else Frequency(alias)


def open_times(times: Times, joined: NDArray[np.bool_], frequency: Frequency) -> Frequency | None:
    """The frequency of the days, or the hours, on which a place is open, where the times are all of these.

    None where no day of the week and no hour is closed, where the times do not show that twice, or where they leave out
    others.
    """
    if frequency.alias not in ("D", "h") or not len(times):
        return None
    days = (times // DAY + 3) % 7  # the first of January 1970 was a Thursday
    hours = times % DAY // (60 * MINUTE)
    mask = "".join("1" if day in days else "0" for day in range(7))
    if frequency.alias == "D":
        alias = f"C-{mask}" if _one_clock(times) and not times[0] % DAY and mask != "1" * 7 else ""
    else:
        low, high = int(hours.min()), int(hours.max()) + 1
        closed = (low, high) != (0, 24) or mask != "1" * 7
        alias = f"CBH-{mask}-{low}-{high}" if closed and not (times % (60 * MINUTE)).any() else ""
    if not alias or times.max() - times.min() < 2 * WEEK or "-0-24" in alias:
        return None
    return Frequency(alias) if _without_gaps(times, joined, alias) else None


def _without_gaps(times: Times, joined: NDArray[np.bool_], alias: str) -> bool:
    points = pd.date_range(stamp(int(times.min())), stamp(int(times.max())), freq=offset_of(alias))
    places = np.searchsorted(points.to_numpy("datetime64[ns]").view(np.int64), times)
    return bool((np.diff(places)[joined] == 1).all())


def stamp(time: int) -> pd.Timestamp:
    """Nanoseconds since 1970 as pandas has them."""
    return cast(pd.Timestamp, pd.Timestamp(time))


def common_step(steps: Times) -> int | None:
    """The commonest step if it is positive and all are multiples of it."""
    if not len(steps):
        return None
    sizes, counts = np.unique(steps, return_counts=True)
    common = int(sizes[np.argmax(counts)])
    return common if sizes[0] > 0 and not (sizes % common).any() else None


def alias_of(step: int) -> str:
    """The alias of a number of nanoseconds."""
    size, unit = next((size, unit) for size, unit in _UNITS if step % size == 0)
    return _times(step // size, unit)


_MOST_STEPS = 1_000_000_000_000  # pandas' own arithmetic fails far beyond


def parse(text: str, times: Times, *, calendar: bool) -> Frequency:
    """The frequency a user asked for; an anchor left open (``M``, ``W``, ``Q``) is taken from the first time.

    Raises InputError where pandas knows no such offset, or where it does not fit the kind of the times.
    """
    match = re.fullmatch(r"\s*([0-9]*)\s*([A-Za-z]*)(-[A-Za-z]{3})?\s*", text)
    if match is None or calendar != bool(match[2]):
        raise _unknown(text, calendar)
    if not calendar:
        if not 0 < int(match[1] or 0) < 2**63:
            raise _unknown(text, calendar)
        return Frequency(str(int(match[1])))
    letters = _SPELLINGS.get(match[2], _SPELLINGS.get(match[2].lower(), match[2]))
    alias = f"{match[1]}{_anchored(letters, match[3] or '', stamp(int(times[0])))}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            frequency = Frequency(alias)
            if 0 < to_offset(alias).n <= _MOST_STEPS and (fixed_step(frequency) or 0) < 2**63:
                return frequency
    except (ValueError, OverflowError, Warning) as error:
        raise _unknown(text, calendar) from error
    raise _unknown(text, calendar)


def is_monthly(frequency: Frequency) -> str:
    """``"S"`` or ``"E"`` where each time is the start or the end of a month, quarter or year, else empty."""
    match = re.fullmatch(r"[0-9]*[MQY]([SE])(-[A-Z]{3})?", frequency.alias)
    return match[1] if match else ""


def fixed_step(frequency: Frequency) -> int | None:
    """The step in nanoseconds, or in counts; None where it depends on the calendar."""
    if frequency.counts:
        return int(frequency.alias)
    offset = offset_of(frequency.alias)
    if isinstance(offset, pd.offsets.Day):
        return offset.n * DAY
    return int(offset.nanos) if isinstance(offset, pd.offsets.Tick) else None


def season_of(frequency: Frequency) -> int:
    """Steps in the natural season: a year of months or weeks, a week of days, a day of hours; 1 for none."""
    if frequency.counts:
        return 1
    step, months, weeks = fixed_step(frequency), _month_count(frequency), _week_count(frequency)
    if months:
        return 12 // months if 12 % months == 0 else 1
    if weeks:
        return 52 // weeks if 52 % weeks == 0 else 1
    if frequency.alias == "B":
        return 5
    if frequency.alias.startswith(("SMS", "SME")):
        return 24
    if match := re.fullmatch(r"C-([01]{7})", frequency.alias):
        return match[1].count("1")
    if match := re.fullmatch(r"CBH-[01]{7}-(\d+)-(\d+)", frequency.alias):
        return int(match[2]) - int(match[1])
    if step == DAY:
        return 7
    return DAY // step if step is not None and MINUTE <= step < DAY and DAY % step == 0 else 1


def seasons_of(frequency: Frequency) -> tuple[int, ...]:
    """Steps in each season of the calendar, rising: the natural one, and a week of shorter steps or a year of days."""
    shortest = season_of(frequency)
    if shortest == 1:
        return ()
    step = fixed_step(frequency)
    if step == DAY:
        return (shortest, 365)
    return (shortest, 7 * shortest) if step is not None and step < DAY else (shortest,)


def describe(frequency: Frequency) -> str:
    """The frequency in words, with its alias."""
    alias = frequency.alias
    if frequency.counts:
        return f"counted in steps of {alias}"
    if match := re.fullmatch(r"(C|CBH)-([01]{7})(?:-(\d+)-(\d+))?", alias):
        return _describe_open(match, alias)
    words = _MONTH_WORDS.get(_month_count(frequency)) or _WORDS.get(alias.partition("-")[0])
    if words is None:
        step = in_words(1, alias).removeprefix("1 ").removeprefix("step of ")
        words = f"every {alias if step == 'step' else step}"
    return f"{words} ({alias})"


def _describe_open(match: re.Match[str], alias: str) -> str:
    names = [name.capitalize() for name, open in zip(WEEKDAYS, match[2], strict=True) if open == "1"]
    if match[1] == "C":
        return f"every open day: {', '.join(names)} ({alias})"
    return f"every open hour, {match[3]}:00 to {match[4]}:00 on {', '.join(names)} ({alias})"


def _month_count(frequency: Frequency) -> int:
    match = re.fullmatch(r"([0-9]*)B?([MQY])[SE](-[A-Z]{3})?", frequency.alias)
    return int(match[1] or 1) * _MONTHS_IN[match[2]] if match else 0


def _week_count(frequency: Frequency) -> int:
    match = re.fullmatch(r"([0-9]*)W(-[A-Z]{3})?", frequency.alias)
    step = fixed_step(frequency)
    return int(match[1] or 1) if match else (step // WEEK if step and step % WEEK == 0 else 0)


def _unknown(text: str, calendar: bool) -> InputError:
    kind = "dates" if calendar else "whole numbers"
    hint = "such as h, D, B, W, MS, QS, YS or 15min" if calendar else "a whole number above 0, such as 1"
    return InputError(f"{text!r} is not a frequency of {kind}", where=argument("frequency"), hint=hint)


def _times(number: int, unit: str) -> str:
    return unit if number == 1 else f"{number}{unit}"


def _anchored(letters: str, anchor: str, first: pd.Timestamp) -> str:
    if letters in _MONTHS_IN:
        letters += "E" if first.is_month_end else "S"
    if anchor or letters not in ("W", "QS", "QE", "YS", "YE"):
        return letters + anchor.upper()
    return f"W-{WEEKDAYS[first.weekday()]}" if letters == "W" else letters + _anchor(letters, first.month - 1)


def _anchor(letters: str, month: int) -> str:
    """What names the months (0 is January) in which quarters or years start or end; empty for pandas' default."""
    if letters[0] == "Q":
        month = month % 3 + (0 if letters[1] == "S" else 9)
    return "" if month == (0 if letters[1] == "S" else 11) else f"-{MONTHS[month]}"


def _one_clock(times: Times) -> bool:
    return bool((times % DAY == times[0] % DAY).all())


def _monthly(times: Times, joined: NDArray[np.bool_]) -> str | None:
    if not _one_clock(times):
        return None
    stamps = times.view("datetime64[ns]")
    days, months = stamps.astype("datetime64[D]"), stamps.astype("datetime64[M]")
    starts, ends = days == months.astype(days.dtype), days + _DAY == (months + _MONTH).astype(days.dtype)
    letter = "S" if starts.all() else "E" if ends.all() else ""
    working = "" if letter else _working_letter(days, months)
    numbers = months.astype(np.int64)
    step = common_step(np.diff(numbers)[joined]) if letter or working else None
    if step is None:
        return None
    for unit, size in reversed(_MONTHS_IN.items()):
        whole = step == size or (step % size == 0 and unit != "Q")
        if whole and len(np.unique(numbers % size)) == 1:
            letters = unit + (letter or working)
            anchor = "" if unit == "M" else _anchor(letters, int(numbers[0] % 12))
            if working and unit != "M":  # what pandas leaves out here is not what it leaves out of QS and YS
                return _times(step // size, f"B{letters}{anchor or ('-JAN' if working == 'S' else '-DEC')}")
            return _times(step // size, f"{'B' if working else ''}{letters}{anchor}")
    return None


def _working_letter(days: NDArray[Any], months: NDArray[Any]) -> str:
    """``"S"`` or ``"E"`` where each day is the first or the last working day of its month, else empty."""
    first = np.busday_offset(months.astype(days.dtype), 0, roll="forward")
    last = np.busday_offset((months + _MONTH).astype(days.dtype), -1, roll="forward")
    return "S" if (days == first).all() else "E" if (days == last).all() else ""


def _working_days(times: Times, joined: NDArray[np.bool_]) -> str | None:
    """``"B"`` where no time is on a weekend, at least one weekend is passed over, and most steps are one day."""
    days = times.view("datetime64[ns]").astype("datetime64[D]")
    if not _one_clock(times) or not np.is_busday(days).all():
        return None
    working = np.busday_count(days[:-1], days[1:])[joined]
    steps = np.diff(days).astype(np.int64)[joined]
    return "B" if common_step(working) == 1 and (steps == 1).any() and (steps > working).any() else None


def _even(times: Times, joined: NDArray[np.bool_]) -> str | None:
    step = common_step(np.diff(times)[joined])
    if step is None or step % WEEK:
        return None if step is None else alias_of(step)
    weekdays = np.unique((times // DAY + 3) % 7)  # the first of January 1970 was a Thursday
    return _times(step // WEEK, f"W-{WEEKDAYS[weekdays[0]]}") if len(weekdays) == 1 else alias_of(step)
