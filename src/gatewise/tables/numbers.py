"""From cells to numbers: which mark is the decimal one, what counts as missing, and what is refused."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import InputError, argument
from ..words import count, listed
from .dressed import ambiguous_mark, is_dressed, is_number_dressed, read_dressed
from .options import DEFAULTS, ReadOptions
from .panel import Floats
from .sentinels import without_said
from .table import Table, holds_numbers, how_many

MISSING = (
    *(
        "",
        "-",
        "--",
        "---",
        "\u2013",
        "\u2014",
        ".",
        "..",
        "...",
        "\u2026",
        ":",
        ":c",
        ": c",
        ":u",
        ": u",
        ":z",
        ": z",
        "?",
    ),
    *("na", "n/a", "n.a.", "<na>", "nan", "nat", "null", "(null)", "none", "nil", "\\n", "n/d", "s/d", "k.a.", "k. a."),
    *("missing", "#na", "#n/a", "#nv", "#n/d", "#value!", "#valeur!", "#wert!", "#div/0!", "#ref!", "#num!", "#name?"),
)
"""Spellings, in lower case, of a missing value."""

_NUMBER = r"\s*[+-]?(?:[0-9]+{mark}?[0-9]*|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?\s*"
_CORE = (
    "regexp_extract(regexp_replace({cell}, '[ \u00a0\u2007\u2009\u202f''\u2019]', '', 'g'), '[0-9.,]*[0-9][0-9.,]*')"
)
_GROUPED = r"\s*[+-]?[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+\s*"
_MARKS = {".": r"[.]", ",": ","}
_WORDS = {".": "point", ",": "comma"}
_OTHER = {".": ",", ",": "."}


def missing(cell: str, said: Collection[str] = ()) -> str:
    """SQL: whether the text cell is a missing value. said: other words for one, in lower case."""
    spellings = ", ".join("'{}'".format(spelling.replace("'", "''")) for spelling in (*MISSING, *sorted(said)))
    return f"({cell} IS NULL OR lower(trim({cell})) IN ({spellings}))"


def looks_numeric(cell: str) -> str:
    """SQL: whether the text cell is a number in some country's spelling, with thousands apart, a unit or a currency."""
    return f"({is_number(cell, '.')} OR {is_number(cell, ',')} OR {is_dressed(cell)})"


def is_number(cell: str, decimal: str) -> str:
    """SQL: whether the text cell is a number without thousands separators."""
    return f"regexp_full_match({cell}, '{_NUMBER.format(mark=_MARKS[decimal])}')"


def is_grouped(cell: str, mark: str) -> str:
    """SQL: whether the mark stands where a thousands separator would."""
    return f"regexp_full_match({cell}, '{_GROUPED.format(mark=_MARKS[mark])}')"


class Advice(NamedTuple):
    """What to do about a cell, or a column, that is not a number, and about a cell that is infinite."""

    word: str
    infinite: str


FOR_TARGETS = Advice(
    f"correct the cell, or name another column with {argument('target')}",
    f"correct the cell, or empty it and use {argument('fill', 'linear')}",
)


def read_numbers(
    table: Table, columns: Sequence[int], options: ReadOptions = DEFAULTS, advice: Advice = FOR_TARGETS
) -> tuple[list[Floats], list[str]]:
    """Each column of ``rows`` as float64 with NaN for missing values, and notes.

    options: the decimal mark, and what else is missing. Raises InputError for the first cell that is no finite number,
    and where the decimal mark is ambiguous.
    """
    for column in columns:
        if not table.is_text(column) and not holds_numbers(table.types[column]):
            what = f"the column holds {table.types[column]}, not numbers"
            raise table.error(what, column=column, hint=advice.word)
    texts = [column for column in columns if table.is_text(column)]
    said = options.missing_words
    mark = options.decimal or _decimal_mark(table, texts)
    expressions = [
        f"try_cast(CASE WHEN {is_number(f'c{column}', mark)} THEN replace(c{column}, ',', '.') END AS DOUBLE)"
        if column in texts
        else f"CAST(c{column} AS DOUBLE)"
        for column in columns
    ]
    arrays = table.arrays([f"coalesce({number}, 'nan'::DOUBLE)" for number in expressions])
    numbers = dict(zip(columns, (values.astype(np.float64, copy=False) for values in arrays), strict=True))
    notes = ["decimal comma"] if mark == "," and options.decimal is None else []
    unread = _unread(table, {column: numbers[column] for column in texts}, mark, said)
    notes += _dressed(table, numbers, unread, mark, said, advice)
    notes += _left_out(numbers, _numbers_in(said))
    _refuse_infinite(table, numbers, advice.infinite)
    if any(np.nanmax(np.abs(values), initial=0) > 2**53 for values in numbers.values()):
        notes.append("numbers beyond 2^53 are rounded to the nearest float64")
    return list(numbers.values()), notes


def _dressed(
    table: Table,
    numbers: dict[int, Floats],
    unread: Mapping[int, int],
    mark: str,
    said: Collection[str],
    advice: Advice,
) -> list[str]:
    """Put what columns with more than plain numbers hold into ``numbers``; notes. unread: a row in question of each."""
    notes: list[str] = []
    refused: list[tuple[int, int]] = []
    for column, row in unread.items():
        answer = read_dressed(table, column, mark, missing(f"c{column}", said))
        if answer is None:
            refused.append((row, column))
        else:
            numbers[column] = answer[0]
            notes += answer[1]
    if refused:
        raise _not_a_number(table, *min(_first_refused(table, mark, said, refused)), mark, advice.word)
    return list(dict.fromkeys(notes))


def _first_refused(
    table: Table, mark: str, said: Collection[str], refused: Sequence[tuple[int, int]]
) -> Generator[tuple[int, int]]:
    """In each column the first cell that is no number however it is dressed."""
    for row, column in refused:
        bad = table.first(f"NOT {missing(f'c{column}', said)} AND NOT {is_number_dressed(f'c{column}', mark)}")
        yield row if bad is None else bad, column


def _left_out(numbers: dict[int, Floats], said: Sequence[float]) -> list[str]:
    """Put NaN in place of numbers that are said to be missing; a note where there are some."""
    left = 0
    for column, values in numbers.items():
        numbers[column] = without_said(values, said)
        left += int((np.isnan(numbers[column]) & ~np.isnan(values)).sum())
    named = listed([f"{number:g}" for number in sorted(said)]) if left else ""
    return [f"{count(left, 'cell')} with {named} read as missing"] if left else []


def _numbers_in(words: Collection[str]) -> list[float]:
    """Those of the words that are finite numbers."""
    found: list[float] = []
    for word in words:
        with suppress(ValueError):
            found.append(float(word))
    return [number for number in found if np.isfinite(number)]


def spellings(table: Table, columns: Sequence[int], number: int) -> str:
    """How that many missing values are spelled, such as ``2 empty, 1 'NA'``; else empty."""
    seen: dict[str, int] = {}
    for column in columns:
        if table.is_text(column):
            cell = f"c{column}"
            query = f"SELECT coalesce(trim({cell}), ''), count(*) FROM rows WHERE {missing(cell)} GROUP BY 1"
            for spelling, count in table.connection.execute(query).fetchall():
                seen[spelling] = seen.get(spelling, 0) + count
    if sum(seen.values()) != number:
        return ""
    ranked = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {spelling!r}" if spelling else f"{count} empty" for spelling, count in ranked)


@dataclass(frozen=True)
class _Marks:
    """In how many cells a mark can only be the decimal one (1.5), only set thousands apart (1.234.567), or either."""

    decimal: int
    thousands: int
    either: int

    @property
    def any(self) -> bool:
        """Whether the mark stands in a number at all."""
        return self != _Marks(0, 0, 0)


def _count_marks(table: Table, columns: Sequence[int], mark: str) -> _Marks:
    other = _OTHER[mark]
    core = _CORE.format(cell="cell")
    number, grouped = is_number("core", mark), is_grouped("core", mark)
    # 1.234,5 shows both marks: the last is the decimal one.
    last = f"regexp_full_match(core, '[1-9][0-9]{{0,2}}(?:{_MARKS[other]}[0-9]{{2,3}})+{_MARKS[mark]}[0-9]*')"
    power = "regexp_matches(cell, '[0-9][eE][+-]?[0-9]')"
    kinds = (
        f"{last} OR {number} AND (NOT {grouped} OR {power})",
        f"{grouped} AND NOT {number}",
        f"{number} AND {grouped} AND NOT {power}",
    )
    counts = ", ".join(how_many(kind) for kind in kinds)
    cells = f"(SELECT cell, {core} AS core FROM {table.pooled(columns)} WHERE contains(cell, '{mark}'))"
    return _Marks(*table.one(f"SELECT {counts} FROM {cells}"))


def _decimal_mark(table: Table, columns: Sequence[int]) -> str:
    """The mark that every number with a mark has for its decimals; InputError where it may be either."""
    if not columns:
        return "."
    commas = _count_marks(table, columns, ",")
    # In a table with commas between its cells, the point is the decimal mark.
    if not commas.any and table.delimiter not in (";", "\t", "|"):
        return "."
    points = _count_marks(table, columns, ".")
    comma, point = commas.decimal or points.thousands, points.decimal or commas.thousands
    if comma or point:
        return "." if point else ","
    if commas.either and points.either:
        raise _ambiguous(table, columns, ",")
    mark = "," if commas.either else "."
    if (commas.either or points.either) and not _surely_thousands(table, columns, mark):
        raise _ambiguous(table, columns, mark)
    return _OTHER[mark] if commas.either or points.either else "."


def _surely_thousands(table: Table, columns: Sequence[int], mark: str) -> bool:
    """Whether what has the mark, 1.040, stands beside 942 and no 1040.

    Who writes 942 without decimals would not write 1.04 with a zero behind.
    """
    hundreds, thousands = "regexp_full_match(core, '[1-9][0-9]{2}')", "regexp_full_match(core, '[0-9]{4,}')"
    zeros = f"{is_grouped('core', mark)} AND core LIKE '%0'"
    counted = ", ".join(how_many(condition) for condition in (hundreds, thousands, zeros))
    cells = f"(SELECT {_CORE.format(cell='cell')} AS core FROM {table.pooled(columns)})"
    some, plain, round = table.one(f"SELECT {counted} FROM {cells}")
    return bool(some and round and not plain)


def _ambiguous(table: Table, columns: Sequence[int], mark: str) -> InputError:
    grouped = ((table.first(is_grouped(_CORE.format(cell=f"c{column}"), mark)), column) for column in columns)
    row, column = min((row, column) for row, column in grouped if row is not None)
    return ambiguous_mark(table, row, column, mark)


def _unread(table: Table, numbers: Mapping[int, Floats], mark: str, said: Collection[str]) -> dict[int, int]:
    """The columns in which cells are neither missing nor plain numbers, and the first such row of each."""
    doubtful = [column for column, values in numbers.items() if np.isnan(values).any()]
    if not doubtful:
        return {}
    bad = "NOT {missing} AND NOT {number}"
    pooled = bad.format(missing=missing("cell", said), number=is_number("cell", mark))
    if not table.one(f"SELECT {how_many(pooled)} FROM {table.pooled(doubtful)}")[0]:
        return {}
    rows = {
        column: table.first(bad.format(missing=missing(f"c{column}", said), number=is_number(f"c{column}", mark)))
        for column in doubtful
    }
    return {column: row for column, row in rows.items() if row is not None}


def _refuse_infinite(table: Table, numbers: Mapping[int, Floats], advice: str) -> None:
    for column, values in numbers.items():
        infinite = np.isinf(values)
        if infinite.any():
            row = int(np.argmax(infinite))
            what = f"{table.cell(row, column)!r} is not a finite number"
            raise table.error(what, row=row, column=column, hint=advice)


def _not_a_number(table: Table, row: int, column: int, mark: str, advice: str) -> InputError:
    cell = table.cell(row, column)
    other = _OTHER[mark]
    if table.first(f"rowid = {row} AND ({is_number_dressed(f'c{column}', other)})") is None:
        what = f"{cell!r} is not a finite number" if _is_infinite(cell) else f"{cell!r} is not a number"
        return table.error(what, row=row, column=column, hint=advice)
    words = f"{cell!r} is not a number with a decimal {_WORDS[mark]}, which others of these cells have"
    return table.error(words, row=row, column=column, hint="write all numbers with the same decimal mark")


def _is_infinite(cell: str) -> bool:
    return cell.strip().lstrip("+-").lower() in ("inf", "infinity")
