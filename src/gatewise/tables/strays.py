"""What a text file holds beside its table: remarks below it, empty rows and columns, and its header once more."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from ..words import count
from .forms import likely_forms
from .heading import DATA, Heading
from .table import Table, how_many
from .text_file import TextFile

_MOST = 40
"""Records below a table that may be remarks."""
_REMARK = re.compile(r"\s*(?:[*#\u00a9\u2020\u2021]|//|--|\(c\)|[^\W\d_][\w ]{1,30}:(?=\s*[^\W\d]))", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2}")


def remarks_below(file: TextFile, delimiter: str, heading: Heading) -> list[str]:
    """The first filled cells of the records at the end of the file that are sources, notes and the like, not rows.

    A record is one where the first column holds times or numbers, and it has words in its only cell or a sign of a
    remark before them. Where that column holds names, such a sign has to stand in a record of too few cells.
    """
    width = len(heading.names)
    first = next((fields for _, fields in islice(file.records(delimiter), heading.above + 1 + heading.units, None)), [])
    dated = bool(first) and _is_dated(first[0])
    if width < 2 or not _is_remark(_last_record(file, delimiter), width, dated=dated):
        return []
    # Only now is the whole file worth a look at its records.
    last = deque((fields for _, fields in islice(file.records(delimiter), heading.above + 1, None)), maxlen=_MOST + 1)
    below: list[str] = []
    while last and (not any(map(str.strip, last[-1])) or _is_remark(last[-1], width, dated=dated)):
        below.insert(0, next((cell.strip() for cell in last.pop() if cell.strip()), ""))
    return below if last else []


def _last_record(file: TextFile, delimiter: str) -> list[str]:
    """The last line of the file in which a cell is filled, as far as the end that was kept tells."""
    for line in reversed(file.ending.split("\n")):
        fields = next(csv.reader([line], delimiter=delimiter), [])
        if any(map(str.strip, fields)):
            return fields
    return []


def _is_dated(cell: str) -> bool:
    return bool(DATA.match(cell)) or bool(likely_forms([cell]))


def _is_remark(fields: Sequence[str], width: int, *, dated: bool) -> bool:
    filled = [cell for cell in fields if cell.strip()]
    if not filled or likely_forms(filled[:1]) or _WORD.search(filled[0]) is None:
        return False
    marked = _REMARK.match(filled[0]) is not None
    return marked or len(filled) == 1 if dated else marked and len(fields) < width


def without_strays(table: Table) -> Table:
    """The table of text without empty columns that have no name, without empty rows, and without its header again."""
    table = _without_blank_columns(table)
    if len(table.names) < 2:
        return table
    header, empty = _conditions(table.names[:1])
    # One column takes less time than all, and most tables are done with it.
    if not table.one(f"SELECT {how_many(f'{header} OR {empty}')} FROM {table.relation}")[0]:
        return table
    header, empty = _conditions(table.names)
    rows = f"(SELECT row_number() OVER () - 1 AS place, ({header}) AS header, ({empty}) AS empty FROM {table.relation})"
    found = table.connection.execute(
        f"SELECT place, header FROM {rows} WHERE header OR empty ORDER BY place"
    ).fetchall()
    if not found:
        return table
    relation, spot = f"{table.relation}_filled", table.spot
    table.connection.execute(
        f"CREATE TEMP TABLE {relation} AS SELECT * FROM {table.relation} WHERE NOT ({header}) AND NOT ({empty})"
    )
    places = np.array([place for place, _ in found])
    # Each of these rows that lies before moves the others one down.
    before = places - np.arange(len(places))
    made = replace(table, relation=relation, spot=lambda row: spot(row + int(np.searchsorted(before, row, "right"))))
    again = sum(is_header for _, is_header in found)
    notes = [f"the header, which stands {count(again, 'time')} more, left out"] if again else []
    blank = len(found) - again
    return made.noting(*notes, *([f"{count(blank, 'empty row')} left out"] if blank else []))


def _conditions(names: Sequence[str]) -> tuple[str, str]:
    """SQL: whether the first cells of a row are these names, and whether they are empty."""
    cells = [f"trim(coalesce(c{i}, ''), ' \t\ufeff')" for i in range(len(names))]
    spelled = ["'{}'".format(name.strip().replace("'", "''")) for name in names]
    header = " AND ".join(f"{cell} = {name}" for cell, name in zip(cells, spelled, strict=True))
    return header, " AND ".join(f"{cell} = ''" for cell in cells)


def _without_blank_columns(table: Table) -> Table:
    """The table without its nameless columns in which nothing stands, where several have no name."""
    nameless = [i for i, name in enumerate(table.names) if not name]
    if len(nameless) < 2:
        return table
    counts = ", ".join(how_many(f"trim(c{i}) <> ''") for i in nameless)
    blank = {
        i for i, cells in zip(nameless, table.one(f"SELECT {counts} FROM {table.relation}"), strict=True) if not cells
    }
    kept = [i for i in range(len(table.names)) if i not in blank]
    relation = f"{table.relation}_named"
    selected = ", ".join(f"c{old} AS c{new}" for new, old in enumerate(kept))
    table.connection.execute(f"CREATE TEMP VIEW {relation} AS SELECT {selected} FROM {table.relation}")
    names, types = (tuple(of[i] for i in kept) for of in (table.names, table.types))
    made = replace(table, names=names, types=types, relation=relation)
    return made.noting(f"{count(len(blank), 'empty column')} without a name left out") if blank else made
