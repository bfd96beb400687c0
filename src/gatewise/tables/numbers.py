"""From cells to numbers: which mark is the decimal one, what counts as missing, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import InputError, argument
from .panel import Floats
from .table import Table, holds_numbers, how_many

MISSING = ("", "-", "?", "na", "n/a", "n.a.", "#na", "#n/a", "nan", "null", "none", "nil")
"""Spellings, in lower case, of a missing value."""

_NUMBER = r"\s*[+-]?(?:[0-9]+{mark}?[0-9]*|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?\s*"
_GROUPED = r"\s*[+-]?[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+\s*"
_SEPARATED = r"\s*[+-]?[1-9][0-9]{0,2}(?:[., _][0-9]{3})+(?:[.,][0-9]+)?\s*"
_MARKS = {".": r"[.]", ",": ","}
_WORDS = {".": "point", ",": "comma"}


def missing(cell: str) -> str:
    """SQL: whether the text cell is a missing value."""
    spellings = ", ".join(f"'{spelling}'" for spelling in MISSING)
    return f"({cell} IS NULL OR lower(trim({cell})) IN ({spellings}))"


def looks_numeric(cell: str) -> str:
    """SQL: whether the text cell is a number in some country's spelling, thousands separators included."""
    return f"({is_number(cell, '.')} OR {is_number(cell, ',')} OR regexp_full_match({cell}, '{_SEPARATED}'))"


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
    table: Table, columns: Sequence[int], decimal: str | None, advice: Advice = FOR_TARGETS
) -> tuple[list[Floats], list[str]]:
    """Each column of ``rows`` as float64 with NaN for missing values, and notes.

    Raises InputError for the first cell that is no finite number, and where the decimal mark is ambiguous.
    """
    for column in columns:
        if not table.is_text(column) and not holds_numbers(table.types[column]):
            what = f"the column holds {table.types[column]}, not numbers"
            raise table.error(what, column=column, hint=advice.word)
    texts = [column for column in columns if table.is_text(column)]
    mark = decimal or _decimal_mark(table, texts)
    expressions = [
        f"try_cast(CASE WHEN {is_number(f'c{column}', mark)} THEN replace(c{column}, ',', '.') END AS DOUBLE)"
        if column in texts
        else f"CAST(c{column} AS DOUBLE)"
        for column in columns
    ]
    arrays = table.arrays([f"coalesce({number}, 'nan'::DOUBLE)" for number in expressions])
    numbers = dict(zip(columns, (values.astype(np.float64, copy=False) for values in arrays), strict=True))
    _refuse_words(table, {column: numbers[column] for column in texts}, mark, advice.word)
    _refuse_infinite(table, numbers, advice.infinite)
    notes = ["decimal comma"] if mark == "," and decimal is None else []
    if any(np.nanmax(np.abs(values), initial=0) > 2**53 for values in numbers.values()):
        notes.append("numbers beyond 2^53 are rounded to the nearest float64")
    return list(numbers.values()), notes


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
    """In how many cells a mark can only be the decimal one (1.5), only separate thousands (1.234.567), or either."""

    decimal: int
    thousands: int
    either: int


def _count_marks(table: Table, columns: Sequence[int], mark: str) -> _Marks:
    number, grouped = is_number("cell", mark), is_grouped("cell", mark)
    kinds = (f"{number} AND NOT {grouped}", f"{grouped} AND NOT {number}", f"{number} AND {grouped}")
    counts = ", ".join(how_many(kind) for kind in kinds)
    return _Marks(*table.one(f"SELECT {counts} FROM {table.pooled(columns)} WHERE contains(cell, '{mark}')"))


def _decimal_mark(table: Table, columns: Sequence[int]) -> str:
    if not columns:
        return "."
    commas = _count_marks(table, columns, ",")
    # Where a semicolon separates the cells, the comma is likely the decimal mark and 1.234 a thousand.
    if commas == _Marks(0, 0, 0) and table.delimiter != ";":
        return "."
    points = _count_marks(table, columns, ".")
    if commas.decimal or points.decimal or commas.thousands:
        return "," if commas.decimal and not points.decimal else "."
    if commas.either and points == _Marks(0, 0, 0):
        raise _ambiguous(table, columns, ",")
    if points.either and not points.thousands and not commas.either:
        raise _ambiguous(table, columns, ".")
    return "," if points.thousands else "."


def _ambiguous(table: Table, columns: Sequence[int], mark: str) -> InputError:
    firsts = ((table.first(is_grouped(f"c{column}", mark)), column) for column in columns)
    row, column = min((row, column) for row, column in firsts if row is not None)
    cell = table.cell(row, column).strip()
    return table.error(
        f"{cell!r} may mean {cell.replace(mark, '.', 1)} or {cell.replace(mark, '')}",
        row=row,
        column=column,
        hint=f"use {argument('decimal', mark)} if the {_WORDS[mark]} is the decimal mark; "
        "otherwise write the numbers without thousands separators",
    )


def _refuse_words(table: Table, numbers: Mapping[int, Floats], mark: str, advice: str) -> None:
    doubtful = [column for column, values in numbers.items() if np.isnan(values).any()]
    if not doubtful:
        return
    bad = "NOT {missing} AND NOT {number}"
    pooled = bad.format(missing=missing("cell"), number=is_number("cell", mark))
    if not table.one(f"SELECT {how_many(pooled)} FROM {table.pooled(doubtful)}")[0]:
        return
    places: list[tuple[int, int]] = []
    for column in doubtful:
        row = table.first(bad.format(missing=missing(f"c{column}"), number=is_number(f"c{column}", mark)))
        places += [] if row is None else [(row, column)]
    raise _not_a_number(table, *min(places), mark, advice)


def _refuse_infinite(table: Table, numbers: Mapping[int, Floats], advice: str) -> None:
    for column, values in numbers.items():
        infinite = np.isinf(values)
        if infinite.any():
            row = int(np.argmax(infinite))
            what = f"{table.cell(row, column)!r} is not a finite number"
            raise table.error(what, row=row, column=column, hint=advice)


def _not_a_number(table: Table, row: int, column: int, mark: str, advice: str) -> InputError:
    cell = table.cell(row, column)
    other = "," if mark == "." else "."
    if table.first(f"rowid = {row} AND ({looks_numeric(f'c{column}')})") is None:
        what = f"{cell!r} is not a finite number" if _is_infinite(cell) else f"{cell!r} is not a number"
        return table.error(what, row=row, column=column, hint=advice)
    return table.error(
        f"{cell!r} is not a number with a decimal {_WORDS[mark]}; thousands separators are not read",
        row=row,
        column=column,
        hint=f"write it without thousands separators, or use {argument('decimal', other)} if that is the decimal mark",
    )


def _is_infinite(cell: str) -> bool:
    return cell.strip().lstrip("+-").lower() in ("inf", "infinity")
