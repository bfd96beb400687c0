"""What is printed for a reader at a terminal; without colour it says the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..escape import visible

_GAP = 2
_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDEST_SPARKLINE = 72


class Screen:
    """A terminal, or the file or pipe in its place.

    No text can steer it: what is not plainly printable is spelled out, and nothing is taken for markup.

    Args:
        console: Arguments of ``rich.console.Console``, such as ``file`` or ``width``.
    """

    def __init__(self, **console: Any) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False, **console)

    def say(self, text: str = "", style: str = "") -> None:
        """Print a paragraph, wrapped to the width."""
        self._console.print(Text(visible(text), style))

    def head(self, text: str, style: str = "bold") -> None:
        """Print a heading below an empty line."""
        self._console.print()
        self.say(text, style)

    def line(self, text: str) -> None:
        """Print a line as it is, however long."""
        print(visible(text), file=self._console.file)

    def raw(self, text: str) -> None:
        """Print text of our own as it is, with its line breaks and signs."""
        print(text, file=self._console.file)

    def bullet(self, text: str) -> None:
        """Print a paragraph as an item of a list."""
        paragraph = fill(
            visible(text), self._console.width, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False
        )
        self._console.print(Text(paragraph))

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, wrap_names: bool = False) -> None:
        """Print a plain table: names on the left, figures flush right.

        wrap_names: whether a long name may take several lines.
        """
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        for place, head in enumerate(heads):
            table.add_column(
                Text(visible(head)), justify="right" if place else "left", no_wrap=bool(place) or not wrap_names
            )
        for cells in rows:
            table.add_row(*(Text(visible(cell)) for cell in cells))
        self._console.print(table)

    def columns(self, columns: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Print columns, each a heading and its cells, as a table; if the screen is too narrow, without the last."""
        widths = [max(cell_len(cell) for cell in (head, *cells)) + _GAP for head, cells in columns]
        room = int(np.sum(np.cumsum(widths) - _GAP <= self._console.width))
        fitting = columns[: max(room, 2)]
        self.table([head for head, _ in fitting], list(zip(*(cells for _, cells in fitting), strict=True)))

    def sparkline(self, past: NDArray[np.float64], ahead: NDArray[np.float64]) -> None:
        """Draw a curve in one line: what was, (T,), and in colour what is forecast, (H,).

        Nothing is drawn where the terminal lacks the letters.
        """
        if "utf" not in self._console.encoding.lower():
            return
        values = np.concatenate([past, ahead])
        width = min(len(values), self._console.width - 1, _WIDEST_SPARKLINE)
        edge = round(width * len(past) / len(values))
        letters = _blocks(np.array([part.mean() for part in np.array_split(values, width)]))
        self._console.print(Text.assemble(letters[:edge], ("|", "dim"), (letters[edge:], "bold cyan")))


def _blocks(values: NDArray[np.float64]) -> str:
    low, high = values.min(), values.max()
    heights = (values - low) / (high - low) * (len(_BLOCKS) - 1) if high > low else np.zeros(len(values))
    return "".join(_BLOCKS[height] for height in heights.round().astype(int))
