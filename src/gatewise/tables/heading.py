"""Where a text file's table begins: below titles, remarks and what else stands above the names of the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from .text_file import TextFile

_LOOKED_AT = 60  # records
DATA = re.compile(r"[\s$€£¥(+\u2212-]*[.,]?\d")
"""What a cell that is a time or a value begins with."""
_UNSEEN = "\ufeff\u200b\u200e\u200f"
"""Marks without a width, which other programs leave before a name."""
_SEPARATOR = re.compile(r"[\"']?sep=(.)[\"']?", re.IGNORECASE)
_UNIT = re.compile(r"\s*|[(\[].*[)\]]|utc|gmt|cet|local|[ymdhs:/.\- ]+|date|time", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    """The names of the columns and where they stand.

    line: the line of the file, from 1. names: none where the file holds nothing. above: records above it.
    units: whether the record below it holds no data but units.
    """

    line: int
    names: tuple[str, ...]
    above: int = 0
    units: bool = False


def said_separator(file: TextFile) -> str | None:
    """The character that a first line ``sep=;``, as Excel writes it, says to stand between cells."""
    match = _SEPARATOR.fullmatch(file.first_line().strip())
    return match[1] if match else None


def find_heading(file: TextFile, delimiter: str, skip: int | None) -> Heading:
    """The heading of the table. skip: how many lines of the file stand above it, None to find out."""
    records = list(islice(file.records(delimiter), _LOOKED_AT if skip is None else _LOOKED_AT + skip))
    if skip is not None:
        above = sum(line <= skip for line, _ in records)
        return _at(records, above) if above < len(records) else Heading(1, ())
    if not records:
        return Heading(1, ())
    rows = [[cell.strip() for cell in fields] for _, fields in records]
    above = _first_full(rows)
    units = False
    if above is None or (above and DATA.match(rows[above][0])):
        above = 0
    elif not _is_data(rows[above]):
        above, units = _last_of_words(rows, above)
    elif len(rows[above]) == 2:
        above = _below_pairs(rows, above)
    return _at(records, above, units=units)


def _at(records: Sequence[tuple[int, list[str]]], above: int, *, units: bool = False) -> Heading:
    line, names = records[above]
    return Heading(line, tuple(name.strip(_UNSEEN) for name in names), above, units)


def _is_data(row: Sequence[str]) -> bool:
    """Whether a cell begins with a number, as a time or a value does."""
    return any(DATA.match(cell) for cell in row)


def _first_full(rows: Sequence[Sequence[str]]) -> int | None:
    """The first row that is as wide as most; None where none above data is."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    for i, row in enumerate(rows):
        filled = sum(bool(cell) for cell in row)
        titled = width > 1 and (len(row) < width - 1 or filled <= width // 2 or len(row) == 1)
        remark = row[0].startswith(("#", "//", "%")) and not (i + 1 < len(rows) and _is_data(rows[i + 1]))
        if not (titled or remark or row[0].lower().startswith("sep=")):
            return i
    return None


def _last_of_words(rows: Sequence[Sequence[str]], first: int) -> tuple[int, bool]:
    """The last full row above data, and whether what follows it is a row of units."""
    data = next((i for i in range(first, len(rows)) if _is_data(rows[i])), None)
    if data is None:
        return first, False
    last = data - 1
    is_unit = last > first and len(rows[last]) == len(rows[first]) and _UNIT.fullmatch(rows[last][0]) is not None
    if is_unit and any(rows[last]):
        return last - 1, True
    return (last, False) if len(rows[last]) >= len(rows[first]) and all(rows[last]) else (first, False)


def _below_pairs(rows: Sequence[Sequence[str]], first: int) -> int:
    """The header of two columns below pairs such as ``Station, 12``: the words above the first times."""
    words = max((i for i in range(first + 1, len(rows)) if not _is_data(rows[i])), default=len(rows) - 1)
    below = rows[words + 1 :]
    if not below or any(DATA.match(row[0]) for row in rows[first:words]):
        return first
    return words if all(DATA.match(row[0]) for row in below) else first
