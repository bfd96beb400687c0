"""The forms in which people write times, each as SQL that reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from ..words import unaccented
from .month_names import NUMBERS, month_number


@dataclass(frozen=True)
class Form:
    """One way to write a time.

    words: what reading it assumes, empty where nothing. sql: nanoseconds since 1970 of the text ``CELL``, NULL
    where it is not written so or lies outside the years that fit. name: what tells it from others that the same cells
    may have. century: False where the year has two digits, and 1969 to 2068 only stand for it. year: False where there
    is none; such a form cannot be read, but is a reason to doubt others. bare: whether other things than times are
    written so, too, so that a column of such cells is one of times only by its name. shape: what a cell in lower case
    and without accents must match, so that of some eighty forms only the likely ones burden a query.
    """

    words: str
    sql: str
    shape: re.Pattern[str]
    name: str = ""
    century: bool = True
    year: bool = True
    bare: bool = False

    def of(self, cell: str) -> str:
        """The expression for one column."""
        return self.sql.replace("CELL", f"trim({cell})")

    def may_be(self, plain: str) -> bool:
        """Whether a cell, in lower case and without accents, may be written so."""
        match = self.shape.fullmatch(plain)
        return match is not None and match.groupdict().get("b", "may") in NUMBERS


def nanoseconds(timestamp: str) -> str:
    """SQL: nanoseconds since 1970 of a time in microseconds, NULL outside the years that fit."""
    return f"try_cast(CAST(epoch_us({timestamp}) AS HUGEINT) * 1000 AS BIGINT)"


def likely_forms(cells: Iterable[str]) -> list[Form]:
    """The forms in which at least one of these cells may be written."""
    plain = {unaccented(cell.strip()).lower() for cell in cells}
    return [form for form in FORMS if any(form.may_be(cell) for cell in plain)]


def is_time(cell: str, forms: Iterable[Form]) -> str:
    """SQL: whether the text cell is a date or a time in one of these forms."""
    known = [f"({form.of(cell)}) IS NOT NULL" for form in forms if form.year and not form.bare]
    return f"({' OR '.join(known)})" if known else "false"


def _shaped(words: str, shape: str, time: str, name: str = "") -> Form:
    sql = f"CASE WHEN regexp_full_match(CELL, '{shape}') THEN {time} END"
    return Form(words, sql, re.compile(shape.lower()), name)


def _spelled(name: str, *dates: str, clocks: tuple[str, ...] = ("",), century: bool = True) -> Form:
    formats = ", ".join(f"'{date}{clock}'" for clock, date in product(clocks, dates))
    # Without the look for a digit, strptime would take the words 'infinity' and 'epoch'.
    timestamp = f"CASE WHEN regexp_matches(CELL, '[0-9]') THEN try_strptime(CELL, [{formats}]) END"
    shape = re.compile(f"(?:{'|'.join(map(_shape_of, dates))}){'( .+)?' if len(clocks) > 1 else ''}")
    return Form(f"dates read as {name}" if name else "", nanoseconds(timestamp), shape, name, century)


def _shape_of(layout: str) -> str:
    parts = {"%Y": "[0-9]{1,4}", "%y": "[0-9]{2}", "%b": "[a-z]{3,}", "%B": "[a-z]{3,}"}
    return re.sub("%.", lambda part: parts.get(part[0], "[0-9]{1,2}"), layout.replace(".", "[.]"))


_ISO = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = r"[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?"
_OFFSET = r" ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)"
_HOURS_MINUTES = "regexp_extract(CELL, '[+-]([0-9]{2}):?([0-9]{2})?$', %d)"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")

_wall = f"epoch_ns(try_cast(regexp_replace(CELL, '{_OFFSET}$', '') AS TIMESTAMP_NS))"
_hours, _minutes = (f"coalesce(try_cast({_HOURS_MINUTES % part} AS BIGINT), 0)" for part in (1, 2))
_offset = f"if(contains(CELL[-6:], '-'), -1, 1) * (60 * {_hours} + {_minutes}) * 60000000000"

# What follows reads a cell in lower case and without accents, by one pattern with the named parts of a template.
_LOW = "lower(strip_accents(CELL))"
_PARTS = {
    "y": "PART",
    "m": "PART",
    "b": month_number("PART"),
    "d": "PART",
    "q": "3 * try_cast(PART AS INT) - 2",
    "r": "MAP {'i': 1, 'ii': 4, 'iii': 7, 'iv': 10, '一': 1, '二': 4, '三': 7, '四': 10}[PART]",
    "f": "if(length(PART) = 1, PART || '0', PART)",
    "h": "6 * try_cast(PART AS INT) - 5",
    "t": "if(PART = '', '', ' ' || PART)",
    "s": "replace(PART, ',', '.')",
    "n": "lpad(PART, 2, '0')",
    "n2": "lpad(PART, 2, '0')",
    "yy": "if(try_cast(PART AS INT) < 69, '20', '19') || lpad(PART, 2, '0')",
    "e": "MAP {'令和': 2018, '平成': 1988, '昭和': 1925, '民国': 1911, '民國': 1911}[PART[:2]] + "
    "if(PART[3:] = '元', 1, try_cast(PART[3:] AS INT))",
}
"""SQL for year, month, its name, day, quarter, quarter in Roman or Chinese digits, month as a decimal, half, clock,
fraction, minute, second, a year of two digits, and one of an era."""

_GAP, _OF = "[ ./:_-]*", "(?:(?:de|del|of) )?"
_YEAR, _SHORT = "(?P<y>[0-9]{4})", "'?(?P<yy>[0-9]{2})"
_NAME = "(?P<b>[a-z\u0131\u0430-\u044f]{3,})[.]?"
_DAY = "(?P<d>[0-9]{1,2})(?:st|nd|rd|th|er|o|\u00ba|[.])?"
_WEEKDAY = "(?:[a-z]{2,}[.]?,? +)?"
_ZERO = "(?: ?(?:z|gmt|utc|[+]00:?00))?"
_TIME = f"(?:(?:[ :,t]| at )+(?P<t>[0-9]{{1,2}}:[0-9]{{2}})(?P<s>(?::[0-9]{{2}}(?:[.,][0-9]{{1,9}})?)?){_ZERO})?"
_QUARTER = "(?:quarter|qtr|quartal|kwartaal|kvartal|kwartal|trimestre|trim|kv|q|t|k)[.]?"
_WEEK = "(?:week|wk|kw|woche|semaine|semana|settimana|vecka|uke|uge|w)"
_NTH = "(?:st|nd|rd|th|er|e|o|\u00ba|[.])?"
_EAST_YEARS = ("(?P<y>[0-9]{4}) ?[年년]", "{y}"), ("(?P<e>(?:令和|平成|昭和|民国|民國)(?:元|[0-9]{1,3})) ?年", "{e}")
_EAST_MONTH = " ?(?P<m>[0-9]{1,2}) ?[月월]"
_EAST_WEEKDAY = " ?[(\uff08][日月火水木金土일월화수목금토][)\uff09]"
_EAST_DAY = f"{_EAST_MONTH} ?(?P<d>[0-9]{{1,2}}) ?[日号號일](?:{_EAST_WEEKDAY})?"
_EAST_HOUR, _EAST_MINUTE = " ?(?P<t>[0-9]{1,2}) ?[时時点點시]", " ?(?P<n>[0-9]{1,2}) ?[分분]"
_EAST_SECOND = " ?(?P<n2>[0-9]{1,2}) ?[秒초]"
_DAY_MONTH, _MONTH_DAY = "day/month without a year", "month/day without a year"


def _written(
    shape: str,
    template: str,
    words: str = "",
    name: str = "",
    *,
    century: bool = True,
    year: bool = True,
    bare: bool = False,
) -> Form:
    """A form by a pattern with named parts, and the date that they make."""
    parts = re.findall(r"\(\?P<(\w+)>", shape)
    pattern = re.sub(r"\?P<\w+>", "", shape).replace("'", "''")
    pieces = [_piece(piece, pattern, parts) for piece in re.split(r"(\{\w+\})", template) if piece]
    date = f"epoch_ns(try_cast(concat({', '.join(pieces)}) AS TIMESTAMP_NS))"
    sql = f"CASE WHEN regexp_full_match({_LOW}, '{pattern}') THEN {date} END"
    return Form(words, sql, re.compile(shape), name, century, year, bare)


def _piece(piece: str, pattern: str, parts: list[str]) -> str:
    if not piece.startswith("{"):
        return f"'{piece}'"
    part = piece.strip("{}")
    return _PARTS[part].replace("PART", f"regexp_extract({_LOW}, '^{pattern}$', {parts.index(part) + 1})")


def _years(shape: str, template: str, words: str = "", name: str = "") -> tuple[Form, ...]:
    """A form whose year has four digits, and one of two; YEAR in both stands for it."""
    long = _written(shape.replace("YEAR", _YEAR), template.replace("YEAR", "{y}"), words, name)
    short = shape.replace("YEAR", _SHORT), template.replace("YEAR", "{yy}")
    return long, _written(*short, words, name, century=False)


def _weeks(shape: str, *, bare: bool = False) -> Form:
    """ISO weeks by a pattern of year and week, or of year, week and weekday; of a year's weeks only."""
    pattern = re.sub(r"\?P<\w+>", "", shape).replace("'", "''")
    parts = re.findall(r"\(\?P<(\w+)>", shape)
    year, week = (f"regexp_extract({_LOW}, '^{pattern}$', {parts.index(part) + 1})" for part in "yw")
    day = f"regexp_extract({_LOW}, '^{pattern}$', 3)" if "d" in parts else "'1'"
    date = week_date(f"{year}", f"lpad({week}, 2, '0')", day)
    words = "" if "d" in parts else "weeks dated by their Monday"
    sql = f"CASE WHEN regexp_full_match({_LOW}, '{pattern}') THEN {nanoseconds(date)} END"
    return Form(words, sql, re.compile(shape), "year and week" if bare else "week", bare=bare)


def _tidied(form: Form) -> Form:
    """The form where a comma or a word stands beside the clock, or am and pm are written otherwise."""
    apart = "regexp_replace(CELL, '([0-9]),? +(?:um +)?([0-9]{1,2}[:.])', '\\1 \\2')"
    half = f"regexp_replace(regexp_replace({apart}, '(?i) *(?:uhr|h)$', ''), '(?i) ?([ap])[.]? ?m[.]?$', ' \\1m')"
    shape = re.compile(f"{form.shape.pattern.removesuffix('( .+)?')},? .+")
    return replace(form, sql=form.sql.replace("CELL", half), shape=shape)


def _spans(form: Form) -> Form:
    """The form where a cell holds a beginning and an end: the time is the beginning."""
    between = " +(?:-|\u2013|\u2014|to|bis|until) *"
    begin = f"if(regexp_matches(CELL, '{between}[0-9]'), regexp_extract(CELL, '^(.*?){between}[0-9]', 1), NULL)"
    words = ", ".join(filter(None, [form.words, "spans dated by their beginning"]))
    shape = re.compile(f"(?:{form.shape.pattern}){between}[0-9].*")
    return replace(form, words=words, sql=form.sql.replace("CELL", begin), shape=shape)


def _eastern(shape: str, template: str) -> tuple[Form, ...]:
    """A form whose year is one of the calendar, and one of an era; shape and template are those of what follows it."""
    return tuple(_written(year + shape, part + template) for year, part in _EAST_YEARS)


def _halved(form: Form) -> Form:
    """The form where words of Chinese, Japanese or Korean for am and pm stand before the clock."""
    half = "CELL"
    for words, letters in (("오전|上午|午前", "AM"), ("오후|下午|午後", "PM")):
        half = f"regexp_replace({half}, ' ?(?:{words}) ?([0-9:]+)$', ' \\1 {letters}')"
    shape = re.compile(f"{form.shape.pattern.removesuffix('( .+)?')} ?(?:오전|上午|午前|오후|下午|午後) ?[0-9:]+")
    return replace(form, sql=form.sql.replace("CELL", half), shape=shape)


def week_date(year: str, week: str, day: str = "'1'") -> str:
    """SQL: the timestamp of a day of an ISO week out of text, NULL where the year has no such week."""
    date = f"try_strptime({year} || '-W' || {week} || '-' || {day}, '%G-W%V-%u')"
    return f"if(isoyear({date}) = try_cast({year} AS INT), {date}, NULL)"


PLAIN = _shaped("", f"{_ISO}(?:{_CLOCK})?", "epoch_ns(try_cast(CELL AS TIMESTAMP_NS))")
ZONED = _shaped("times converted to UTC", f"{_ISO}{_CLOCK}{_OFFSET}", f"{_wall} - {_offset}")
WALL = _shaped("times with a UTC offset read as those of their place", f"{_ISO}{_CLOCK}{_OFFSET}", _wall)
_FIRST = "try_cast(regexp_extract(CELL, '([0-9]+) ?[/\u2013-]', 1) AS INT)"
_LATER = "try_cast(regexp_extract(CELL, '[0-9]+$') AS INT)"


def _pairs(digits: int, year: str, *, century: bool) -> Form:
    """Pairs of a year, of so many digits, and the next. year: SQL for the first."""
    shape = f"(?:FY ?)?[0-9]{{{digits}}} ?[/\u2013-] ?[0-9]{{1,{digits}}}"
    follows = f"{_LATER} IN ({_FIRST} + 1, ({_FIRST} + 1) % 100)"
    date = f"if({follows}, epoch_ns(try_cast(concat({year}, '-01-01') AS TIMESTAMP_NS)), NULL)"
    return replace(_shaped("years such as '2000/01' dated by the first", shape, date, "year pair"), century=century)


PAIRS = (
    _pairs(4, _FIRST, century=True),
    _pairs(2, f"{_FIRST} + if({_FIRST} < 69, 2000, 1900)", century=False),
)
BARE_WEEKS = (
    _weeks("(?P<y>(?:19|20)[0-9]{2})[ /_-](?P<w>[0-9]{1,2})", bare=True),
    _weeks("(?P<w>[0-9]{1,2})[/_-](?P<y>(?:19|20)[0-9]{2})", bare=True),
)
"""Weeks that are not called so."""
BARE_QUARTERS = (
    _written("(?P<y>(?:19|20)[0-9]{2})[ /:._-](?P<q>[1-4])", "{y}-{q}-1", name="year and quarter", bare=True),
    _written("(?P<q>[1-4])[/:_-](?P<y>(?:19|20)[0-9]{2})", "{y}-{q}-1", name="year and quarter", bare=True),
)
PADDED_QUARTERS = (
    _written("(?P<y>(?:19|20)[0-9]{2})[ /:._-]0(?P<q>[1-4])", "{y}-{q}-1", name="year and 0quarter", bare=True),
    _written("0(?P<q>[1-4])[/:_-](?P<y>(?:19|20)[0-9]{2})", "{y}-{q}-1", name="year and 0quarter", bare=True),
)
"""Quarters that are not called so; those with a zero are rather months, where the column is not called after quarters.
"""
_COMPACT = "(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
_DMY = _spelled("day/month/year", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", clocks=_CLOCKS)
_MDY = _spelled("month/day/year", "%m/%d/%Y", "%m-%d-%Y", clocks=_CLOCKS)
_FISCAL = "quarters of financial years dated as those of the calendar"
FORMS = (
    PLAIN,
    ZONED,
    _DMY,
    _MDY,
    *map(_tidied, (_DMY, _MDY)),
    *map(_spans, (PLAIN, _DMY, _MDY)),
    _spelled("year.month.day", "%Y.%m.%d", "%Y.%m.%d.", "%Y. %m. %d", "%Y. %m. %d.", clocks=_CLOCKS),
    _halved(
        _spelled(
            "", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y. %m. %d.", "%Y년 %m월 %d일", "%Y年%m月%d日", clocks=_CLOCKS
        )
    ),
    _spelled("day/month/year", "%d/%m/%y", "%d-%m-%y", "%d.%m.%y", clocks=_CLOCKS, century=False),
    _spelled("month/day/year", "%m/%d/%y", "%m-%d-%y", clocks=_CLOCKS, century=False),
    _spelled("year/month/day", "%y/%m/%d", "%y-%m-%d", clocks=_CLOCKS, century=False),
    _spelled("", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", clocks=_CLOCKS),
    _spelled("", "%d-%b-%y", "%d %b %y", clocks=_CLOCKS, century=False),
    _spelled("", "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y"),
    _spelled("", "%b %Y", "%b-%Y", "%B %Y", "%B-%Y", "%Y %b", "%Y-%b", "%Y %B"),
    *PAIRS,
    *_years(f"{_WEEKDAY}{_DAY}{_GAP}{_OF}{_NAME}[, ./_-]*{_OF}YEAR{_TIME}", "YEAR-{b}-{d}{t}{s}"),
    _written(f"{_WEEKDAY}{_NAME}{_GAP}{_DAY},?[ ./_-]*{_YEAR}{_TIME}", "{y}-{b}-{d}{t}{s}"),
    _written(
        f"{_WEEKDAY}{_NAME} +{_DAY} +(?P<t>[0-9]{{1,2}}:[0-9]{{2}})(?P<s>:[0-9]{{2}}(?:[.][0-9]{{1,9}})?){_ZERO} "
        f"+{_YEAR}",
        "{y}-{b}-{d}{t}{s}",
    ),
    _written(f"{_YEAR}{_GAP}{_NAME}{_GAP}{_DAY}{_TIME}", "{y}-{b}-{d}{t}{s}"),
    *_years(f"{_NAME},?{_GAP}{_OF}YEAR", "YEAR-{b}-1", name="month-year"),
    _written(f"{_YEAR}{_GAP}{_NAME}", "{y}-{b}-1"),
    _written(
        f"(?P<yy>[0-9]{{2}}){_GAP}{_NAME}", "{yy}-{b}-1", "months read as year-month", "year-month", century=False
    ),
    _written(f"{_DAY}{_GAP}{_NAME}", "2000-{b}-{d}", name=_DAY_MONTH, year=False),
    _written(f"{_NAME}{_GAP}{_DAY}", "2000-{b}-{d}", name=_MONTH_DAY, year=False),
    _written(
        "(?P<yy>[0-9]{1,2})[-/](?P<m>[0-9]{2})",
        "{yy}-{m}-1",
        "months read as year-month, such as 1-01 for January 2001",
        "year-month",
        century=False,
    ),
    _written(
        "(?P<m>[0-9]{1,2})[-/](?P<yy>[0-9]{2})",
        "{yy}-{m}-1",
        "months read as month-year",
        "month-year",
        century=False,
    ),
    _written("(?P<d>[0-9]{1,2})[-/](?P<m>[0-9]{1,2})", "2000-{m}-{d}", name=_DAY_MONTH, year=False),
    _written("(?P<m>[0-9]{1,2})[-/](?P<d>[0-9]{1,2})", "2000-{m}-{d}", name=_MONTH_DAY, year=False),
    _written(f"{_YEAR}(?:-?m|:)(?P<m>[0-9]{{1,2}})", "{y}-{m}-1"),
    _written(f"m(?P<m>[0-9]{{1,2}}){_GAP}{_YEAR}", "{y}-{m}-1"),
    _written(f"{_YEAR}[.](?P<m>[0-9]{{2}})", "{y}-{m}-1", "times read as year.month"),
    _written(f"{_YEAR}[.](?P<m>[0-9]{{1,2}})", "{y}-{m}-1", "times read as year.month", "year.month", bare=True),
    _written(
        f"{_YEAR}[.](?P<f>0[1-9]|1[0-2]?)",
        "{y}-{f}-1",
        "times read as year.month, such as 2000.1 for October",
        "year.month with 1 for 10",
        bare=True,
    ),
    *_eastern("度?", "-1-1"),
    *_eastern(_EAST_MONTH, "-{m}-1"),
    _written(f"{_YEAR}[.]{_EAST_MONTH}", "{y}-{m}-1"),
    *_eastern(f"{_EAST_DAY}{_TIME}", "-{m}-{d}{t}{s}"),
    *_eastern(f"{_EAST_DAY}{_EAST_HOUR}", "-{m}-{d}{t}:00"),
    *_eastern(f"{_EAST_DAY}{_EAST_HOUR}{_EAST_MINUTE}", "-{m}-{d}{t}:{n}"),
    *_eastern(f"{_EAST_DAY}{_EAST_HOUR}{_EAST_MINUTE}{_EAST_SECOND}", "-{m}-{d}{t}:{n}:{n2}"),
    _written(f"{_YEAR}[/-](?P<m>[0-9]{{1,2}})[/-](?P<d>[0-9]{{1,2}}){_EAST_WEEKDAY}{_TIME}", "{y}-{m}-{d}{t}{s}"),
    *_eastern(" ?[第제]?(?P<q>[1-4])(?:/4)? ?(?:季度|季|四半期|분기)", "-{q}-1"),
    *_eastern(" ?[第제]?(?P<r>[一二三四]) ?(?:季度|季|四半期)", "-{r}-1"),
    _written(f"{_YEAR}[.] ?(?P<q>[1-4])/4(?: ?분기)?", "{y}-{q}-1"),
    _written(f"{_YEAR}{_GAP}{_QUARTER} ?0?(?P<q>[1-4])", "{y}-{q}-1"),
    _written(f"{_YEAR}{_GAP}(?P<q>[1-4]){_NTH} ?{_QUARTER}", "{y}-{q}-1"),
    _written(f"{_YEAR}{_GAP}(?P<r>iv|i{{1,3}})(?: {_QUARTER})?", "{y}-{r}-1"),
    _written(f"(?P<r>iv|i{{1,3}})(?: {_QUARTER})?{_GAP}{_YEAR}", "{y}-{r}-1"),
    *BARE_QUARTERS,
    *PADDED_QUARTERS,
    *_years(f"{_QUARTER} ?0?(?P<q>[1-4]){_GAP}{_OF}YEAR", "YEAR-{q}-1"),
    *_years(f"fy ?YEAR{_GAP}{_QUARTER} ?(?P<q>[1-4])", "YEAR-{q}-1", _FISCAL),
    *_years(f"{_QUARTER} ?(?P<q>[1-4]){_GAP}fy ?YEAR", "YEAR-{q}-1", _FISCAL),
    *_years(f"(?P<q>[1-4]){_NTH} ?{_QUARTER}{_GAP}{_OF}YEAR", "YEAR-{q}-1"),
    _written(f"{_YEAR}{_GAP}[hs](?P<h>[12])", "{y}-{h}-1"),
    *_years(f"[hs](?P<h>[12]){_GAP}YEAR", "YEAR-{h}-1"),
    *_years(f"(?P<h>[12])h{_GAP}YEAR", "YEAR-{h}-1"),
    *_years("(?:fy|cy) ?YEAR", "YEAR-1-1"),
    _written(f"(?:year|jahr|ye) ?{_YEAR}", "{y}-1-1"),
    _written(f"{_YEAR} .yr[0-9]{{4}}.", "{y}-1-1", bare=True),
    _shaped(
        "",
        "[0-9]{4}-[0-3][0-9]{2}",
        nanoseconds("if(CELL[-3:] BETWEEN '001' AND '366', try_strptime(CELL, '%Y-%j'), NULL)"),
        "year and day of the year",
    ),
    *BARE_WEEKS,
    _weeks(f"{_YEAR}{_GAP}{_WEEK}[ .]?(?P<w>[0-9]{{1,2}})"),
    _weeks("(?P<y>[0-9]{4})-?w(?P<w>[0-9]{2})-?(?P<d>[1-7])"),
    _weeks(f"{_WEEK}[ .]?(?P<w>[0-9]{{1,2}})[, ./:_-]*{_YEAR}"),
    _written(f"{_COMPACT}[t _-]?(?P<t>[0-9]{{2}}):?(?P<n>[0-9]{{2}}){_ZERO}", "{y}-{m}-{d}{t}:{n}"),
    _written(
        f"{_COMPACT}[t _-]?(?P<t>[0-9]{{2}}):?(?P<n>[0-9]{{2}}):?(?P<n2>[0-9]{{2}})(?P<s>(?:[.,][0-9]{{1,9}})?){_ZERO}",
        "{y}-{m}-{d}{t}:{n}:{n2}{s}",
    ),
    _written(f"{_COMPACT}[t _-](?P<t>[0-9]{{2}})", "{y}-{m}-{d}{t}:00"),
    _written("(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})[t _-](?P<t>[0-9]{1,2})h?", "{y}-{m}-{d}{t}:00"),
    _written(
        "(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})[t _-]"
        "(?P<t>[0-9]{1,2})[:.h](?P<n>[0-9]{2})[:.](?P<n2>[0-9]{2})(?P<s>(?:,[0-9]{1,9})?)z?",
        "{y}-{m}-{d}{t}:{n}:{n2}{s}",
    ),
    _shaped(
        "times converted to UTC",
        "/Date[(]-?[0-9]+(?:[+-][0-9]{4})?[)]/",
        "try_cast(regexp_extract(CELL, '-?[0-9]+') AS BIGINT) * 1000000",
    ),
)
