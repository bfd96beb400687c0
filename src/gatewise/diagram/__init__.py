"""The picture of a cell, drawn from its program in the notation of Olah, Understanding LSTM Networks, 2015.

Learned layers are boxes, operations taken unit by unit are circles; lines that run together are concatenated, lines
that fork are copied; the memory travels along the top.
"""

from __future__ import annotations

from ..equation import Cell
from .graph import graph_of
from .layout import layout_of
from .svg import svg


def drawn_values(cell: Cell) -> frozenset[str]:
    """The values of the cell's program that its picture shows, each by a line or a figure of its own.

    They are known before anything is laid out.
    """
    graph = graph_of(cell)
    return frozenset(graph.nodes) | {name for name in graph.sources if name.isidentifier()}


def diagram(cell: Cell, *, numbers: bool = False) -> str:
    """The cell's picture as the text of one self-contained SVG file.

    What belongs to a value of the cell's program says so: ``data-value="c_prev"``. numbers: with an empty
    ``<text class="number" data-value="...">`` beside each line that has a name, for a number such as -0.123.
    """
    steps = "; ".join(node.text for node in graph_of(cell).nodes.values())
    return svg(layout_of(cell, numbers), f"The cell {cell.name}", f"One step of time: {steps}.")
