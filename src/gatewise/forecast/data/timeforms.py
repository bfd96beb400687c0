"""The ways in which people write a time, each as the SQL that understands it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Form:
    """One way to write a time.

    words: what reading it assumes, empty where nothing. sql: nanoseconds since 1970 of the text ``CELL``, NULL
    where it is not written so or lies outside the years that fit.
    """

    words: str
    sql: str

    def of(self, cell: str) -> str:
        """The expression for one column."""
        return self.sql.replace("CELL", f"trim({cell})")


def nanoseconds(timestamp: str) -> str:
    """SQL: nanoseconds since 1970 of a time in microseconds, NULL outside the years that fit."""
    return f"try_cast(CAST(epoch_us({timestamp}) AS HUGEINT) * 1000 AS BIGINT)"


def is_whole(cell: str) -> str:
    """SQL: whether the text cell is a whole number."""
    return f"regexp_full_match(trim({cell}), '[+-]?[0-9]{{1,19}}')"


def is_time(cell: str) -> str:
    """SQL: whether the text cell is a date or a time in any known form."""
    return "(" + " OR ".join(f"({form.of(cell)}) IS NOT NULL" for form in FORMS) + ")"


def _shaped(words: str, shape: str, time: str) -> Form:
    return Form(words, f"CASE WHEN regexp_full_match(CELL, '{shape}') THEN {time} END")


def _spelled(words: str, *dates: str, clocks: tuple[str, ...] = ("",)) -> Form:
    formats = ", ".join(f"'{date}{clock}'" for clock, date in product(clocks, dates))
    # Without the look for a digit, strptime would take the words 'infinity' and 'epoch'.
    timestamp = f"CASE WHEN regexp_matches(CELL, '[0-9]') THEN try_strptime(CELL, [{formats}]) END"
    return Form(words, nanoseconds(timestamp))


_ISO = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = r"[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,%d})?)?"  # with so many digits of a second at most
_OFFSET = r" ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)"
_HOURS_MINUTES = "regexp_extract(CELL, '[+-]([0-9]{2}):?([0-9]{2})?$', %d)"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")

_wall = nanoseconds(f"try_cast(regexp_replace(CELL, '{_OFFSET}$', '') AS TIMESTAMP)")
_hours, _minutes = (f"coalesce(try_cast({_HOURS_MINUTES % part} AS BIGINT), 0)" for part in (1, 2))
_offset = f"if(contains(CELL[-6:], '-'), -1, 1) * (60 * {_hours} + {_minutes}) * 60000000000"

PLAIN = _shaped("", f"{_ISO}(?:{_CLOCK % 9})?", "epoch_ns(try_cast(CELL AS TIMESTAMP_NS))")
ZONED = _shaped("times converted to UTC", f"{_ISO}{_CLOCK % 6}{_OFFSET}", f"{_wall} - {_offset}")
WALL = _shaped("midnights with a UTC offset read as dates", f"{_ISO}{_CLOCK % 6}{_OFFSET}", _wall)
FORMS = (
    PLAIN,
    ZONED,
    _spelled("dates read as day/month/year", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", clocks=_CLOCKS),
    _spelled("dates read as month/day/year", "%m/%d/%Y", "%m-%d-%Y", clocks=_CLOCKS),
    _spelled("dates read as year.month.day", "%Y.%m.%d", "%Y.%m.%d.", clocks=_CLOCKS),
    _spelled("dates read as day/month/year", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y", clocks=_CLOCKS),
    _spelled("dates read as month/day/year", "%m/%d/%y", "%m-%d-%y", clocks=_CLOCKS),
    _spelled("dates read as year/month/day", "%y/%m/%d", "%y-%m-%d", clocks=_CLOCKS),
    _spelled("", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", clocks=_CLOCKS),
    _spelled("", "%d-%b-%y", "%d %b %y", clocks=_CLOCKS),
    _spelled("", "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y"),
    _spelled("", "%b %Y", "%b-%Y", "%B %Y", "%B-%Y", "%Y %b", "%Y-%b", "%Y %B"),
    _spelled("months read as month-year", "%b-%y", "%b %y"),
    _shaped(
        "",
        "[0-9]{4}[- ]?Q[1-4]",
        nanoseconds("make_date(CAST(CELL[:4] AS INT), 3 * CAST(CELL[-1:] AS INT) - 2, 1)"),
    ),
    _shaped(
        "",
        "Q[1-4][- /]?[0-9]{4}",
        nanoseconds("make_date(CAST(CELL[-4:] AS INT), 3 * CAST(CELL[2:2] AS INT) - 2, 1)"),
    ),
    _shaped(
        "weeks dated by their Monday",
        "[0-9]{4}-?W[0-9]{2}",
        nanoseconds("try_strptime(CELL[:4] || '-W' || CELL[-2:] || '-1', '%G-W%V-%u')"),
    ),
)
