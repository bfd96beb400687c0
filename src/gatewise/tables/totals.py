"""Rows and series that are totals of the others, which would be counted twice: they are left out, with a note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..words import count, unaccented
from .columns import Kind, kinds_of
from .panel import Floats, Panel
from .table import Table, quoted

_NAMES = (
    *("total", "totals", "subtotal", "sum", "overall", "gesamt", "insgesamt", "summe", "gesamtsumme", "zwischensumme"),
    *("somme", "ensemble", "totale", "somma", "totales", "suma", "soma", "totais", "totaal", "som", "razem", "ogolem"),
    *("celkem", "spolu", "yhteensa", "totalt", "summa", "sammanlagt", "ialt", "toplam", "itogo", "vsego"),
)
_MEANS = ("mean", "average", "durchschnitt", "mittelwert", "mittel", "moyenne", "promedio", "media", "gemiddelde")
_ANY, _TOTAL = (rf"(.*[\W_])?({'|'.join(names)})([\W_].*)?" for names in ((*_NAMES, *_MEANS), _NAMES))
_YEARLY = ("M13", "Q05", "S03")
_CODES = "[MQS][0-9]{2}"
"""What offices for statistics number by: after the months, quarters or halves of a year comes its mean."""
_MOST_COLUMNS = 50
"""Columns in which rows of totals are looked for."""
_EXACT, _FINEST = 1e-9, 6
"""How far a sum may be off, relative to its largest value; and the most digits after the point of rounded values."""


def without_total_rows(table: Table) -> Table:
    """The table without rows that have a word for a sum or a mean where others have a time or a number."""
    kinds = kinds_of(table)
    columns = [i for i, kind in enumerate(kinds) if kind in ("time", "integer", "number") and table.is_text(i)]
    # Letters come after digits: most cells are passed over without a look at their words.
    is_total = [f"(c{i} >= 'A' AND regexp_full_match(lower(trim(c{i})), '{_ANY}'))" for i in columns[:_MOST_COLUMNS]]
    is_total = dict(zip(columns, is_total, strict=False)) | _are_yearly(table, kinds)
    if not is_total:
        return table
    cell = f"CASE {' '.join(f'WHEN {one} THEN c{i}' for i, one in is_total.items())} END"
    found = table.connection.execute(
        f"SELECT place, total FROM (SELECT row_number() OVER () - 1 AS place, {cell} AS total FROM {table.relation}) "
        "WHERE total IS NOT NULL ORDER BY place"
    ).fetchall()
    rows = table.one(f"SELECT count(*) FROM {table.relation}")[0] if found else 0
    if not found or 2 * len(found) > rows:
        return table
    relation = f"{table.relation}_parts"
    table.connection.execute(f"CREATE TEMP TABLE {relation} AS SELECT * FROM {table.relation} WHERE {cell} IS NULL")
    kept, spot = np.delete(np.arange(rows), [place for place, _ in found]), table.spot
    names = quoted(list(dict.fromkeys(total.strip() for _, total in found)))
    made = replace(table, relation=relation, spot=lambda row: spot(int(kept[row])))
    return made.noting(f"{count(len(found), 'row that sums', 'rows that sum')} up others left out: {names}")


def _are_yearly(table: Table, kinds: Sequence[Kind]) -> dict[int, str]:
    """SQL for whether the row holds the mean of a year, by the column that numbers the parts of years."""
    texts = [i for i, kind in enumerate(kinds) if kind == "text" and table.is_text(i)][:_MOST_COLUMNS]
    if not texts:
        return {}
    coded = ", ".join(f"bool_and(regexp_full_match(c{i}, '{_CODES}'))" for i in texts)
    answer = table.one(f"SELECT {coded} FROM {table.relation}")
    return {i: f"c{i} IN {_YEARLY}" for i, is_coded in zip(texts, answer, strict=True) if is_coded}


def without_total_series(panel: Panel) -> Panel:
    """The panel without series that are called totals and are the sums of the others at every step."""
    is_total = re.compile(_TOTAL).fullmatch
    called = np.array([is_total(unaccented(name.strip().lower())) is not None for name in panel.ids])
    others = np.flatnonzero(~called)
    if not called.any() or len(others) < 2:
        return panel
    with np.errstate(over="ignore", invalid="ignore"):
        totals = [row for row in np.flatnonzero(called).tolist() if _is_sum(panel, row, others.tolist())]
    if not totals:
        return panel
    names = quoted([panel.ids[row] for row in totals])
    is_are = "is the sum of the others and was" if len(totals) == 1 else "are sums of the others and were"
    kept = panel.select([row for row in range(len(panel)) if row not in totals])
    return replace(kept, notes=(*panel.notes, f"{names} {is_are} left out"))


def _is_sum(panel: Panel, row: int, others: list[int]) -> bool:
    """Whether a series has at each of its steps the sum of those others that are there, as far as they are rounded.

    One of zeros alone tells nothing, and sums beyond the largest number are none.
    """
    times, total = panel.times[row], panel.values[row]
    if not total.any():
        return False
    added, seen = np.zeros(len(times)), np.zeros(len(times), np.bool_)
    for other in others:
        places = np.searchsorted(times, panel.times[other])
        inside = (places < len(times)) & (times[np.minimum(places, len(times) - 1)] == panel.times[other])
        added[places[inside]] += panel.values[other][inside]
        seen[places[inside]] = True
    rounded = 0.5 * (len(others) + 1) * max(_rounded_to(panel.values[one]) for one in (row, *others))
    slack = _EXACT * float(np.abs(total).max(initial=0.0)) + (rounded if rounded < np.abs(total).mean() / 20 else 0.0)
    return bool(seen.all() and (np.abs(added - total) <= slack).all())


def _rounded_to(values: Floats) -> float:
    """The step of numbers with so many digits after the point; 0 where they have more."""
    for digits in range(_FINEST + 1):
        if np.array_equal(np.round(values, digits), values):
            return 10.0**-digits
    return 0.0
