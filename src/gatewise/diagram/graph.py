"""A cell's program as a graph of what is drawn: learned layers, pointwise operations, and the lines between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from ..compiler.lower import program_of
from ..equation import Cell, Gate, previous
from .facts import Facts
from .fold import Fold, Folding
from .symbol import marks, notes, symbol

INPUT = "x of this step"  # the line that brings x; no value of a program can be called so
BOTH = "x and h"  # the line where x and the output of one step ago run together


class Node(NamedTuple):
    """One figure of the drawing. name: the value that leaves it. reads: the lines that enter it, by value name.

    inside: the other values that are computed within it. note: what else happens in a learned layer.
    text: the computation written out. marks: what stands where a line enters, if its arguments cannot be exchanged.
    """

    name: str
    learned: bool
    symbol: str
    note: str
    reads: tuple[str, ...]
    inside: tuple[str, ...]
    text: str
    marks: Mapping[str, str] = {}


class Graph(NamedTuple):
    """Nodes in the order in which they are computed, and the value that holds each new state.

    lanes: for each state that is carried along a line of its own, the nodes on that line.
    """

    cell: Cell
    nodes: dict[str, Node]
    outputs: dict[str, str]
    lanes: dict[str, tuple[str, ...]]

    @property
    def sources(self) -> tuple[str, ...]:
        """The values that enter the cell and are read: x, and states one step ago."""
        read = {name for node in self.nodes.values() for name in node.reads}
        read |= {INPUT, previous(self.cell.state[0])} if BOTH in read else set[str]()
        read |= set(self.outputs.values())
        return tuple(name for name in (INPUT, *map(previous, self.cell.state)) if name in read)

    @property
    def output_is_memory(self) -> bool:
        """Whether the output travels on a line of its own to the next step."""
        return self.cell.state[0] in self.lanes

    def readers(self, name: str) -> tuple[str, ...]:
        """The nodes that read a line."""
        return tuple(node.name for node in self.nodes.values() if name in node.reads)


_CARRYING = ("add", "sub", "mul", "div", "maximum", "minimum")


@cache
def graph_of(cell: Cell) -> Graph:
    """What is drawn of a cell."""
    facts = Facts(cell)
    nodes = {fold.name: _node(facts, fold) for fold in Folding(facts).folds()}
    outputs = dict(program_of(cell).outputs)
    memories = cell.state[1:] or cell.state
    carried = {state: _carry(facts, nodes, previous(state), outputs[state]) for state in memories}
    lanes: dict[str, tuple[str, ...]] = {}
    for state, lane in carried.items():
        if lane and not any(set(lane) & set(other) for other in lanes.values()):
            lanes[state] = lane
    return Graph(cell, nodes, outputs, lanes)


def _node(facts: Facts, fold: Fold) -> Node:
    program = facts.program
    instruction = program.by_name.get(fold.name)
    return Node(
        fold.name,
        bool(fold.gates),
        symbol(facts, fold),
        notes(facts, fold) if fold.gates else "",
        _lines(facts.cell, fold),
        tuple(name for name in fold.inside if name != fold.name),
        f"{fold.name} = {program.expression(fold.name, top=True)}" if instruction else _written(fold.gates),
        marks(facts, fold) | _read_inputs(facts.cell, fold),
    )


def _written(gates: Iterable[Gate]) -> str:
    return ", ".join(f"{gate.preactivation}: {gate.name}" for gate in gates)


def _read_inputs(cell: Cell, fold: Fold) -> dict[str, str]:
    """Which numbers of the input an operation reads, beside the line that brings them with x."""
    read = [name for name in cell.row_inputs if name in fold.reads]
    return {INPUT: ", ".join(read)} if read and not fold.gates else {}


def _lines(cell: Cell, fold: Fold) -> tuple[str, ...]:
    """The lines that enter: those of values, before them that of x, of h, or of both together."""
    takes_x = any(gate.has_input for gate in fold.gates)
    output = previous(cell.state[0])
    takes_h = any(gate.recurrent == "h" for gate in fold.gates) or (bool(fold.gates) and output in fold.reads)
    reads = [INPUT if name in cell.inputs else name for name in fold.reads]
    takes_x = takes_x or (takes_h and INPUT in reads)
    common = [BOTH] if takes_x and takes_h else [INPUT] if takes_x else [output] if takes_h else []
    others = (name for name in reads if not (takes_h and name == output) and not (takes_x and name == INPUT))
    return tuple(dict.fromkeys((*common, *others)))


def _carry(facts: Facts, nodes: dict[str, Node], start: str, end: str) -> tuple[str, ...]:
    """The longest way of a state from one step to the next over operations that carry it, in order."""
    longest: dict[str, tuple[str, ...]] = {start: ()}
    for node in nodes.values():
        if node.learned or not (facts.op(node.name) in _CARRYING or node.symbol == "norm"):
            continue
        ways = [longest[name] for name in node.reads if name in longest]
        if ways:
            longest[node.name] = (*max(ways, key=len), node.name)
    return longest.get(end, ())
