"""What a notebook shows of an object: small pieces of HTML, in which text from data is text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .escape import visible


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{_text(text)}</p>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: names on the left, figures flush right."""
    head = _row("th", heads)
    return f"<table><thead>{head}</thead><tbody>{''.join(_row('td', row) for row in rows)}</tbody></table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    sides = ("left", *["right"] * (len(cells) - 1))
    written = (
        f'<{tag} style="text-align: {side}">{_text(cell)}</{tag}>' for side, cell in zip(sides, cells, strict=True)
    )
    return f"<tr>{''.join(written)}</tr>"


def _text(text: str) -> str:
    return escape(visible(text))
