"""Where figures stand: in columns from left to right in the order of computation, in rows from the learned layers up.

The learned layers stand in the lowest row above the line that brings x and h; each operation one row above what it
reads; the states that are carried along have their lines on top. An operation that can stand straight above or
below what it reads shares its column.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..equation import previous
from .graph import BOTH, INPUT, Graph

BUS, BOTTOM = 1, 0  # rows: that of the line of x and h, and below it where x enters
LEFT, JOIN = 0, 1  # columns: where states enter, and where x and h run together


class GridCell(NamedTuple):
    """A column and a row of the drawing."""

    column: int
    row: int


class End(NamedTuple):
    """Where a value leaves the drawing, as the new value of a state. up: at the top, towards the layer above."""

    state: str
    value: str
    up: bool


class Placement(NamedTuple):
    """Where everything stands. sources: where lines from outside begin. columns, rows: how many there are."""

    nodes: dict[str, GridCell]
    sources: dict[str, GridCell]
    ends: dict[End, GridCell]
    columns: int
    rows: int


def placed(graph: Graph, *, shallow_first: bool = True) -> Placement:
    """Where everything stands. shallow_first: of what an operation reads, the quickly computed stands left."""
    rows = _rows(graph)
    nodes = _Columns(graph, rows, _ordered(graph, shallow_first=shallow_first)).places
    columns = max(place.column for place in nodes.values()) + 3
    loose = [state for state in graph.cell.state if state not in graph.lanes and state != graph.cell.state[0]]
    above = max([*rows.values(), BUS + 2]) + 1
    height = above + len(loose) + 1
    entry = {graph.cell.state[0]: BUS} | {state: rows[way[0]] for state, way in graph.lanes.items()}
    entry |= {state: above + at for at, state in enumerate(loose)}
    sources = {previous(state): GridCell(LEFT, row) for state, row in entry.items()} | {INPUT: GridCell(JOIN, BOTTOM)}
    if graph.readers(BOTH):
        sources[BOTH] = GridCell(JOIN, BUS)
    ends = {End(state, value, False): GridCell(columns - 1, entry[state]) for state, value in graph.outputs.items()}
    ends[End(graph.cell.state[0], graph.outputs[graph.cell.state[0]], True)] = GridCell(columns - 2, height - 1)
    entered = {name: place for name, place in sources.items() if name in (*graph.sources, BOTH)}
    return Placement(nodes, entered, ends, columns, height)


def _rows(graph: Graph) -> dict[str, int]:
    """The row of every node."""
    on_lane = {name for lane in graph.lanes.values() for name in lane}
    level: dict[str, int] = {}
    for node in graph.nodes.values():
        below = [level[name] for name in node.reads if name in level]
        if node.learned:
            level[node.name] = 0
        elif node.name not in on_lane and below:
            level[node.name] = max(below) + 1
    for node in reversed(graph.nodes.values()):  # what reads the lines on top only hangs from them
        if node.name not in level and node.name not in on_lane:
            above = [level[name] for name in graph.readers(node.name) if name in level]
            level[node.name] = max(above, default=0) + 1
    top = max(level.values(), default=0)
    rows = {name: BUS + 1 + at for name, at in level.items()}
    for place, lane in enumerate(reversed(graph.lanes.values())):
        rows |= dict.fromkeys(lane, BUS + 2 + top + place)
    return rows


def _ordered(graph: Graph, *, shallow_first: bool) -> list[str]:
    """The nodes, each after what it reads; the states on top first, the output last."""
    order: list[str] = []
    on_lane = {name for lane in graph.lanes.values() for name in lane}

    def needed(name: str) -> int:
        node = graph.nodes.get(name)
        return 0 if node is None or name in order else 1 + sum(needed(read) for read in node.reads)

    def visit(name: str) -> None:
        if name in order or name not in graph.nodes:
            return
        sign = 1 if shallow_first else -1
        reads = graph.nodes[name].reads
        hanging = {read: read in graph.nodes and not graph.nodes[read].learned and needed(read) == 1 for read in reads}
        for read in sorted(reads, key=lambda read: (read not in on_lane, sign * needed(read), hanging[read])):
            visit(read)
        order.append(name)

    for lane in graph.lanes.values():
        visit(lane[-1])
    for value in graph.outputs.values():
        visit(value)
    return order


class _Columns:
    """Columns given out from left to right."""

    def __init__(self, graph: Graph, rows: dict[str, int], order: Iterable[str]) -> None:
        self.graph, self.rows = graph, rows
        self.places: dict[str, GridCell] = {}
        self._column = JOIN
        self._taken: set[int] = set()  # rows of the last column with a figure or a straight line
        for name in order:
            self._place(name)

    def _place(self, name: str) -> None:
        row = self.rows[name]
        under = [read for read in self.graph.nodes[name].reads if self._is_last(read)]
        between = {at for read in under for at in self._between(self.rows[read], row)}
        if not under or self.graph.nodes[name].learned or row in self._taken or between & self._taken:
            self._column += 1
            self._taken = set()
        else:
            self._taken |= between
        self._taken.add(row)
        self.places[name] = GridCell(self._column, row)

    def _is_last(self, name: str) -> bool:
        return name in self.places and self.places[name].column == self._column

    @staticmethod
    def _between(a: int, b: int) -> range:
        return range(min(a, b) + 1, max(a, b))
