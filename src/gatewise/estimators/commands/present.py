"""A judgement for a reader at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...escape import visible
from .classify import Outcome
from .judgement import Judgement

_WIDEST = 16  # classes in a table of confusions


def present(outcome: Outcome) -> None:
    """Print what was read, the accuracy, each class, and what is taken for what."""
    console = Console(highlight=False, markup=False, emoji=False)
    for line in (*outcome.about, outcome.learned):
        console.print(Text(visible(line)))
    if outcome.judgement is None:
        return
    found = outcome.judgement
    console.print(Text(f"\nAccuracy {found.accuracy:.2%} ({found.right} of {found.total})\n", "bold"))
    console.print(_scores(found))
    if len(found.classes) <= _WIDEST:
        console.print(Text("\nRows are actual labels, columns predicted ones", "dim"))
        console.print(_confusion(found))


def _scores(found: Judgement) -> Table:
    table = _table("class", "precision", "recall", "F1", "sequences")
    for each in found.classes:
        figures = ("-" if value is None else f"{value:.3f}" for value in each[1:4])
        table.add_row(visible(each.label), *figures, str(each.sequences))
    return table


def _confusion(found: Judgement) -> Table:
    labels = [visible(each.label) for each in found.classes]
    table = _table("", *labels)
    for label, counts in zip(labels, found.confusion, strict=True):
        table.add_row(label, *(str(count) if count else "." for count in counts))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(first), no_wrap=True)
    for name in others:
        table.add_column(Text(name), justify="right", no_wrap=True)
    return table
