"""Holidays of a country, or of a table, as a covariate that is known ahead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, argument
from ..extras import how_to_install
from ..words import few
from .beside import table_of
from .calendar import read_times
from .columns import find_time
from .covariates import Covariate, Covariates
from .options import ReadOptions
from .panel import Panel

NAME = "holidays"
Days = NDArray[np.datetime64]


def with_holidays(panel: Panel, holidays: Any, options: ReadOptions, ahead: int) -> Panel:
    """The panel with the number of holidays in each step, on all of its steps and so many after them.

    Within a day every step has the day's. holidays: as of `CovariateOptions`. Raises InputError where times are no
    dates, for a country or subdivision that is not known, and for a table without days.
    """
    if panel.frequency.counts:
        what = "the times of the data are a plain counter, and holidays are dates"
        raise InputError(what, where=argument("holidays"), hint="give a column of dates as the time")
    steps = [np.concatenate((times, ends)) for times, ends in zip(panel.times, panel.future(ahead + 1), strict=True)]
    first, last = min(one[0] for one in steps), max(one[-1] for one in steps)
    days = _days(holidays, options, range(_year(first), _year(last) + 1))
    values = tuple(_in_steps(one.astype("datetime64[ns]"), days)[:, None] for one in steps)
    country = holidays if is_code(holidays) else ""
    column = Covariate(NAME, role="known", source="the holidays", country=country)
    made = Covariates((column,), values)
    return replace(panel, covariates=panel.covariates.joined(made) if panel.covariates else made)


def is_code(holidays: Any) -> bool:
    """Whether they are those of a country, and not in a table."""
    return isinstance(holidays, str) and not Path(holidays).suffix and not Path(holidays).exists()


def _year(time: Any) -> int:
    return int(np.datetime64(time, "Y").astype(int)) + 1970


def _in_steps(steps: NDArray[np.datetime64], days: Days) -> NDArray[np.float64]:
    """How many of the days lie in each step but the last, (T - 1,); of a step shorter than a day, in its day."""
    starts = steps.astype("datetime64[D]")
    ends = np.maximum(starts[1:], starts[:-1] + np.timedelta64(1, "D"))
    counts = np.searchsorted(days, ends) - np.searchsorted(days, starts[:-1])
    return counts.astype(np.float64)


def _days(holidays: Any, options: ReadOptions, years: range) -> Days:
    """The holidays, sorted, each once."""
    days = _of_country(holidays, years) if is_code(holidays) else _of_table(holidays, options)
    return np.unique(days.astype("datetime64[D]"))


def _of_table(holidays: Any, options: ReadOptions) -> Days:
    with table_of(holidays, ReadOptions(dates=options.dates), "the holidays", fewest=1) as table:
        time = table.names.index("ds") if "ds" in table.names else find_time(table)
        table.keep([time])
        reading = read_times(table, time, counts=False)[0]
        return reading.times.view("datetime64[ns]")


def _of_country(code: str, years: range) -> Days:
    try:
        import holidays
    except ModuleNotFoundError as error:
        error.add_note(how_to_install("holidays"))
        raise
    country, _, subdivision = code.partition("-")
    known = holidays.list_supported_countries(include_aliases=True)
    named = getattr(holidays, country.title().replace(" ", ""), None)  # the package has a class of each country's name
    country = _spelled("country", getattr(named, "country", country), known)
    if subdivision:
        subdivision = _spelled(f"subdivision of {country}", subdivision, known[country])
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    return np.array(sorted(found), "datetime64[D]")


def _spelled(what: str, code: str, known: Iterable[str]) -> str:
    """The known code that this is, in small letters or large. Raises InputError where it is none."""
    codes = {one.upper(): one for one in known}
    if code.upper() not in codes:
        near = difflib.get_close_matches(code.upper(), codes, 3, 0.4)
        names = few(sorted(codes[one] for one in near or codes), 60)
        raise InputError(
            f"{code!r} is no {what} whose holidays are known" if codes else f"no {what} is known",
            where=argument("holidays"),
            hint=f"give a code such as {names}, or a table of days" if codes else "leave the subdivision out",
        )
    return codes[code.upper()]
