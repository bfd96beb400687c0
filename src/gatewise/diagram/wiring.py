"""All lines of a drawing, laid between the figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from ..equation import Cell, previous
from .graph import BOTH, INPUT, Graph, graph_of
from .place import BOTTOM, LEFT, End, GridCell, Placement, placed
from .route import SHUT, Connection, Pin, Router, Spot

_FREE = 3  # tracks between two columns or rows of figures
_ROUNDS = 1
_CLEARLY = 0.95

# what it costs to enter or to leave on the east, north, west and south
_OPERATION = Pin((0, 0), (4.0, 0.0, 0.0, 0.0), (0.0, 0.0, 5.0, 1.0))
_LAYER = Pin((0, 0), (5.0, SHUT, 2.0, 0.0), (4.0, 0.0, SHUT, SHUT))
_ENTRY = Pin((0, 0), (SHUT,) * 4, (0.0, SHUT, SHUT, SHUT))
_INPUT = Pin((0, 0), (SHUT,) * 4, (SHUT, 0.0, SHUT, SHUT))
_JOIN = Pin((0, 0), (SHUT, 1.0, 0.0, 0.0), (0.0, SHUT, SHUT, SHUT))
_EXIT = Pin((0, 0), (SHUT, SHUT, 0.0, SHUT), (SHUT,) * 4)
_TOP = Pin((0, 0), (SHUT, SHUT, SHUT, 0.0), (SHUT,) * 4)


class RoutedPlacement(NamedTuple):
    """A placement and the lines in it."""

    placement: Placement
    router: Router
    cost: float


def pin_name(end: End) -> str:
    """How an end is called among the pins; no value has a blank in its name."""
    return f"{end.state} {'up' if end.up else 'on'}"


def track(index: int) -> int:
    """The track of the grid that runs through a column or row of figures."""
    return index * (_FREE + 1) + _FREE


@cache
def wired(cell: Cell) -> RoutedPlacement:
    """The lines of a cell's drawing, in the usual order of columns or one that is clearly better."""
    graph = graph_of(cell)
    usual, other = (_wired(graph, placed(graph, shallow_first=first)) for first in (True, False))
    return other if other.cost < _CLEARLY * usual.cost else usual


def _wired(graph: Graph, placement: Placement) -> RoutedPlacement:
    connections = _connections(graph, placement)
    sources = {connection.line: connection.line for connection in connections}
    low, high = (track(LEFT), track(BOTTOM)), (track(placement.columns - 1), track(placement.rows - 1))
    router = Router(low, high, _pins(graph, placement), sources)
    missed = [connection for connection in connections if not router.connect(connection)]
    readers = {line: [c.reader for c in connections if c.line == line] for line in sources}
    for _ in range(_ROUNDS):
        for line, names in readers.items():
            router.reroute(line, names)
    return RoutedPlacement(placement, router, router.cost + SHUT * len(missed))


def _pins(graph: Graph, placement: Placement) -> dict[str, Pin]:
    def at(place: GridCell) -> Spot:
        return track(place.column), track(place.row)

    pins = {
        name: (_LAYER if graph.nodes[name].learned else _OPERATION)._replace(at=at(place))
        for name, place in placement.nodes.items()
    }
    kinds = {INPUT: _INPUT, BOTH: _JOIN}
    pins |= {name: kinds.get(name, _ENTRY)._replace(at=at(place)) for name, place in placement.sources.items()}
    return pins | {
        pin_name(end): (_TOP if end.up else _EXIT)._replace(at=at(place)) for end, place in placement.ends.items()
    }


def _connections(graph: Graph, placement: Placement) -> list[Connection]:
    """All that is to be connected: straight lines first, then the short ones."""
    connections = [Connection(read, node.name) for node in graph.nodes.values() for read in node.reads]
    if graph.readers(BOTH):
        connections += [Connection(INPUT, BOTH), Connection(previous(graph.cell.state[0]), BOTH)]
    connections += [Connection(end.value, pin_name(end)) for end in placement.ends]
    places = placement.nodes | placement.sources | {pin_name(end): place for end, place in placement.ends.items()}
    return sorted(connections, key=_order(places))


def _order(places: dict[str, GridCell]) -> Callable[[Connection], tuple[bool, int]]:
    def order(connection: Connection) -> tuple[bool, int]:
        a, b = places[connection.line], places[connection.reader]
        across, along = abs(a.column - b.column), abs(a.row - b.row)
        # the line of x and h runs on to the last layer, and the others branch off it
        return bool(across and along), -across if connection.line == BOTH else across + along

    return order
