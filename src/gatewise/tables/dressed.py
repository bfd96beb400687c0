"""Numbers as people dress them: thousands apart, with a currency or a unit, negative in parentheses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, argument
from ..words import listed
from .panel import Floats
from .table import Table, how_many

CURRENCIES = (
    *("$", "US$", "A$", "C$", "R$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₴"),
    *("Fr.", "Rs", "Rs.", "kr", "kr.", "zł", "Kč", "Ft"),
    *("USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF"),
    *("BRL", "MXN", "ZAR", "KRW", "RUB", "TRY"),
)  # fmt: skip
_UNITS = (
    *("%", "‰", "°", "°C", "°F", "kWh", "MWh", "GWh", "Wh", "kW", "MW", "GW", "W", "kg", "g", "mg", "t"),
    *("l", "ml", "hl", "pcs", "units", "Stk", "Stück"),
    *("m", "cm", "mm", "km", "m2", "m3", "m²", "m³", "s", "ms", "min", "h", "V", "A", "Hz", "ppm", "ppb", "hPa", "bar"),
)  # fmt: skip
_SPACES = "[\u00a0\u2007\u2009\u202f\t]"
_GROUPS = {"a comma": ",", "a point": "[.]", "a space": " ", "an apostrophe": "['\u2019]"}
_BETWEEN = {".": ("a comma", "a space", "an apostrophe"), ",": ("a point", "a space", "an apostrophe")}
_PARTS = ("open", "sign", "before", "inner", "number", "after", "minus", "close")
_UNIT = '[^0-9<>~*#=?!(){}\\[\\]|"+-]'
_SCALES = {"k": 1e3, "K": 1e3, "Tsd": 1e3, "M": 1e6, "Mio": 1e6, "B": 1e9, "bn": 1e9, "Mrd": 1e9, "G": 1e9, "T": 1e12}
"""What words for thousands, millions and so on multiply a number by; they are no units where they differ."""
_REMARKS = frozenset("bdefiprsu")
"""Letters by which statistical offices mark a few values as provisional, revised, estimated and the like."""


def _number(mark: str) -> str:
    """The pattern of a number whose decimal mark this is, in one group, thousands apart or not."""
    apart = [f"[1-9][0-9]{{0,2}}(?:{_GROUPS[name]}[0-9]{{3}})+" for name in _BETWEEN[mark]]
    if mark == ".":
        apart.append("[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")  # lakh and crore
    decimal = "[.]" if mark == "." else ","
    return f"(?:{'|'.join(apart)}|[0-9]+)(?:{decimal}[0-9]*)?|{decimal}[0-9]+"


def _pattern(mark: str, before: str, after: str) -> str:
    # A unit begins with no mark of a number, so that what stands before it is all of the number.
    return f"([(])? ?([+-])? ?({before})? ?([+-])?({_number(mark)}) ?({after})?([-])?([)])?"


def _sql(pattern: str) -> str:
    return pattern.replace("'", "''")


def plain(cell: str) -> str:
    """SQL: the text cell with one kind of space and of minus, no dash for decimals, and parentheses around a unit."""
    alike = f"regexp_replace(regexp_replace(trim({cell}), '{_SPACES}', ' ', 'g'), '[\u2212\u2013\u2014]', '-', 'g')"
    # 900,- and 900.- are prices without cents, not numbers below zero.
    whole = f"regexp_replace({alike}, '([0-9])[.,]-{{1,2}}([^0-9]|$)', '\\1\\2')"
    return f"regexp_replace({whole}, '^([^0-9()+-]+)[(](.*)[)]$', '(\\1\\2)')"


def is_dressed(cell: str) -> str:
    """SQL: whether the text cell is a number in some country's spelling, with a known unit or none."""
    currency, unit = ("|".join(map(re.escape, words)) for words in (CURRENCIES, (*CURRENCIES, *_UNITS)))
    both = "|".join(f"(?:{_pattern(mark, currency, unit)})" for mark in ".,")
    return f"regexp_full_match({plain(cell)}, '{_sql(both)}')"


@dataclass(frozen=True)
class _Dress:
    """SQL for the parts of the cells of a column."""

    cell: str
    mark: str

    def part(self, name: str) -> str:
        """A part of the cell, empty where it has none."""
        unit = f"(?:[^0-9., '\u2019+<>~*#=?!()|\"-]{_UNIT}*?)"
        pattern = _pattern(self.mark, unit, unit)
        return f"regexp_extract({plain(self.cell)}, '^(?:{_sql(pattern)})$', {_PARTS.index(name) + 1})"

    @property
    def unit(self) -> str:
        """The unit, before or after the number."""
        return f"trim({self.part('before')} || {self.part('after')})"

    @property
    def negative(self) -> str:
        """Whether the number is below zero."""
        return f"'-' IN ({self.part('sign')}, {self.part('inner')}, {self.part('minus')}) OR {self.part('open')} <> ''"

    @property
    def holds(self) -> str:
        """Whether the cell is a number: signed once, and parentheses closed."""
        signs = ", ".join(self.part(name) for name in ("sign", "inner", "minus", "open"))
        closed = f"({self.part('open')} = '') = ({self.part('close')} = '')"
        return f"({self.part('number')} <> '' AND length(concat({signs})) <= 1 AND {closed})"

    def scale(self, scales: Mapping[str, float]) -> str:
        """What the number is multiplied by, by its unit."""
        cases = " ".join(f"WHEN '{unit}' THEN {by!r}" for unit, by in scales.items())
        return f"CASE {self.unit} {cases} ELSE 1 END" if cases else "1"

    @property
    def value(self) -> str:
        """The number, as DOUBLE."""
        digits = f"regexp_replace({self.part('number')}, '[^0-9{self.mark}]', '', 'g')"
        number = f"try_cast(replace({digits}, ',', '.') AS DOUBLE)"
        return f"CASE WHEN {self.holds} THEN if({self.negative}, -1, 1) * {number} END"


def is_number_dressed(cell: str, mark: str) -> str:
    """SQL: whether the text cell is a number with this decimal mark, however it is dressed."""
    return _Dress(cell, mark).holds


def read_dressed(table: Table, column: int, mark: str, missing: str) -> tuple[Floats, list[str]] | None:
    """The column of ``rows`` as float64 with NaN for missing values, and notes; None where a cell is no number.

    mark: the decimal one. missing: SQL for whether the cell is a missing value. Raises InputError for cells of
    different units.
    """
    dress = _Dress(f"c{column}", mark)
    known = f"NOT {missing}"
    if table.first(f"{known} AND NOT {dress.holds}") is not None:
        return None
    units = table.connection.execute(
        f"SELECT {dress.unit}, min(rowid), {how_many(f'{dress.value} <> 0')} "
        f"FROM rows WHERE {known} GROUP BY 1 ORDER BY 2"
    ).fetchall()
    names = {unit for unit, _, _ in units if unit}
    scales = {unit: _SCALES[unit] for unit in names} if len(names) > 1 and names <= {*_SCALES} else {}
    if scales:
        notes = [f"{listed([repr(unit) for unit in sorted(names)])} read as thousands, millions and the like"]
    else:
        notes = _without_units(table, column, units)
    number = f"{dress.value} * {dress.scale(scales)}" if scales else dress.value
    (values,) = table.arrays([f"coalesce(CASE WHEN {known} THEN {number} END, 'nan'::DOUBLE)"])
    return values.astype(np.float64, copy=False), [*notes, *_notes(table, dress, known)]


def _without_units(table: Table, column: int, units: list[tuple[str, int, int]]) -> list[str]:
    """Notes on what is left out: letters that mark some of the cells, or the unit of all."""
    names = {unit for unit, _, _ in units if unit}
    glued = table.first(f"regexp_matches({plain(f'c{column}')}, '^[a-z]|[0-9][a-z]$')")  # 1e, e5 are parts of numbers
    if names and names <= _REMARKS and len(names) < len(units) and glued is None:
        return [f"remarks left out of the numbers: {listed([repr(name) for name in sorted(names)])}"]
    unit = _one_unit(table, column, units)
    return [f"{unit!r} left out of the numbers"] if unit else []


def _one_unit(table: Table, column: int, units: list[tuple[str, int, int]]) -> str:
    """The unit of all cells, of which zeros may have none, and those of a currency too."""
    named = [(unit, row) for unit, row, _ in units if unit]
    if len(named) > 1:
        (first, _), (second, row) = named[:2]
        what = f"the unit of {table.cell(row, column)!r} is {second!r}, and was {first!r} above"
        raise table.error(what, row=row, column=column, hint="give all numbers of the column in one unit")
    bare = [row for unit, row, other in units if not unit and other]
    if named and bare and named[0][0] not in CURRENCIES:
        row = max(bare[0], named[0][1])
        what = f"{table.cell(row, column)!r}: some cells of the column have the unit {named[0][0]!r}, others have none"
        raise table.error(what, row=row, column=column, hint="give all numbers of the column with a unit, or none")
    return named[0][0] if named else ""


def _notes(table: Table, dress: _Dress, known: str) -> list[str]:
    marks = {name: f"regexp_matches({dress.part('number')}, '{_sql(_GROUPS[name])}')" for name in _BETWEEN[dress.mark]}
    wrapped = f"{dress.part('open')} <> '' OR {dress.part('minus')} <> ''"
    counts = table.one(
        f"SELECT {', '.join(how_many(condition) for condition in (*marks.values(), wrapped))} FROM rows WHERE {known}"
    )
    apart = [name for name, count in zip(marks, counts, strict=False) if count]
    notes = [f"thousands set apart by {listed(apart)}"] if apart else []
    return [*notes, "numbers in parentheses, or before a minus, read as negative"] if counts[-1] else notes


def ambiguous_mark(table: Table, row: int, column: int, mark: str) -> InputError:
    """The error for a mark that may be the decimal one or set thousands apart."""
    cell, other = table.cell(row, column).strip(), "," if mark == "." else "."
    return table.error(
        f"{cell!r} may mean {cell.replace(mark, '.', 1)} or {cell.replace(mark, '')}",
        row=row,
        column=column,
        hint=f"use {argument('decimal', mark)} if the {'point' if mark == '.' else 'comma'} is the decimal mark, "
        f"{argument('decimal', other)} if it sets thousands apart",
    )
