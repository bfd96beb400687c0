"""From the nodes of a recording to statements.

A function of entries is computed where it is needed, in the loop of what reads it, unless several do. What only moves
entries costs nothing: whoever reads them is told other places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...recording import ONE_BY_ONE, Node, Recorded, Recording, Value
from .expressions import Apply, Expression, Load, Places, broadcast, whole
from .statements import OVER, Each, Keep, Over, Pick, Product, Scan, Statement, flat, row_of

MOST_LOADS = 12
"""Loads in one loop."""


class Lowered:
    """A program as statements.

    statements: in order. sizes, dtypes: of what is stored, inputs and outputs included. inputs, outputs: which of the
    values are those, by name.
    """

    def __init__(self, recording: Recording, inputs: Mapping[str, Recorded], outputs: Mapping[str, Recorded]) -> None:
        self.constants = recording.constants
        self.dtypes: dict[Value, np.dtype[Any]] = {}
        self.sizes: dict[Value, int] = {}
        self._known: dict[Value, Expression] = {}
        self._block_now = list[Statement]()
        self._next, self._scans = max([0, *_all_values(recording.nodes), *recording.constants]), 0
        self._uses = Counter([*_used(recording.nodes), *(one.value for one in outputs.values())])
        self.inputs = {name: one.value for name, one in inputs.items()}
        for one in inputs.values():
            self._given(one.value, one.shape, one.dtype)
        self.statements = self._block(recording.nodes)
        self.outputs = {name: self._ended(one) for name, one in outputs.items()}
        self._keep_what_is_read()

    def _ended(self, one: Recorded) -> Value:
        target = self._new(one.shape, one.dtype)
        self.statements.append(Each(target, self._of(one.value)))
        return target.value

    def _given(self, value: Value, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._known[value] = whole(value, shape, dtype)
        self.sizes[value], self.dtypes[value] = int(np.prod(shape)), dtype

    def _new(self, shape: tuple[int, ...], dtype: Any) -> Load:
        """A further stored value."""
        self._next += 1
        self._given(self._next, shape, np.dtype(dtype))
        return whole(self._next, shape, np.dtype(dtype))

    def _of(self, value: Value) -> Expression:
        if value not in self._known:
            array = self.constants[value]
            self._known[value] = whole(value, array.shape, array.dtype)
        return self._known[value]

    def _stored(self, value: Value) -> Load:
        """A value that can be read any number of times."""
        found = self._of(value)
        if isinstance(found, Apply):
            found = self._known[value] = self._store(found)
        return found

    def _store(self, expression: Apply) -> Load:
        target = self._new(expression.shape, expression.dtype)
        self._block_now.append(Each(target, expression))
        return target

    def _block(self, nodes: list[Node]) -> list[Statement]:
        """The statements of some nodes."""
        outside, found = self._block_now, list[Statement]()
        self._block_now = found
        for node in nodes:
            if node.op == "scan":
                self._scan(node)
                continue
            (result,) = node.results
            lower = _entries if node.op in ONE_BY_ONE else _LOWERED[node.op]
            expression = lower(self, node)
            if isinstance(expression, Apply) and self._is_better_stored(expression, result):
                expression = self._store(expression)
            self._known[result] = expression
        self._block_now = outside
        return found

    def _is_better_stored(self, expression: Apply, result: Value) -> bool:
        return self._uses[result] != 1 or sum(1 for _ in expression.loads) > MOST_LOADS

    def moved(self, value: Value, move: Callable[[Places], Places], *, repeats: bool) -> Expression:
        """A value in another shape or order; one that is read more than once is stored before."""
        return (self._stored(value) if repeats else self._of(value)).moved(move)

    def together(self, op: str, values: Iterable[Value], dtype: Any = None) -> Apply:
        """A function of entries of several values."""
        values = list(values)
        shape = np.broadcast_shapes(*(self._of(one).shape for one in values))
        size = int(np.prod(shape))
        inputs = []
        for one in values:
            repeats = int(np.prod(self._of(one).shape)) < size
            inputs.append(broadcast(self._stored(one) if repeats else self._of(one), shape))
        return Apply(op, tuple(inputs), _dtype(op, inputs) if dtype is None else np.dtype(dtype))

    def over(self, op: str, value: Value, axis: int) -> Load:
        """A sum and the like over an axis."""
        source = self._of(value).moved(lambda places: np.moveaxis(places, axis, -1))
        dtype = OVER[op](np.empty(1, source.dtype)).dtype
        if op == "cumsum":
            target = self._new(self._of(value).shape, dtype)
            self._block_now.append(Over(target.moved(lambda places: np.moveaxis(places, axis, -1)), source, op))
        else:
            target = self._new(source.shape[:-1], dtype)
            self._block_now.append(Over(target, source, op))
        return target

    def product(self, left: Value, right: Value) -> Load:
        """See `numpy.matmul`."""
        a, b = self._stored(left), self._stored(right)
        first = a.moved(lambda places: places[None]) if len(a.shape) == 1 else a
        second = b.moved(lambda places: places[:, None]) if len(b.shape) == 1 else b
        batch = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
        shape = (*batch, first.shape[-2], second.shape[-1])
        target = self._new(shape, np.result_type(a.dtype, b.dtype))
        first = first.moved(lambda places: np.broadcast_to(places, (*batch, *places.shape[-2:])))
        second = second.moved(lambda places: np.broadcast_to(places, (*batch, *places.shape[-2:])))
        self._block_now.append(Product(target, first, second))
        drop = tuple(axis for axis, one in ((-2, a), (-1, b)) if len(one.shape) == 1)
        return target.moved(lambda places: np.squeeze(places, drop)) if drop else target

    def pick(self, table: Value, places: Value) -> Load:
        """Entries of a table at places that are computed."""
        found = self._stored(table)
        if found.value in self.constants or (found.places.ravel() != np.arange(self.sizes[found.value])).any():
            found = self._store(_same(found))
        target = self._new(self._of(places).shape, found.dtype)
        self._block_now.append(Pick(target, self._of(places), found))
        return target

    def join(self, values: Iterable[Value]) -> Load:
        """Flat arrays behind each other."""
        parts = [self._of(value) for value in values]
        starts = np.cumsum([0, *(part.shape[0] for part in parts)])
        target = self._new((int(starts[-1]),), parts[0].dtype)
        for part, start in zip(parts, starts, strict=False):
            place = replace(target, places=start + np.arange(part.shape[0]))
            if part.shape[0]:
                self._block_now.append(Each(place, part))
        return target

    def _scan(self, node: Node) -> None:
        attributes = node.attributes
        inner, ends, shapes = attributes["inner"], attributes["ends"], attributes["shapes"]
        for value in set(_used(attributes["body"])) | {*ends}:
            if value in self._known and value not in inner:
                self._stored(value)
        *starts, rows = node.inputs
        self._scans += 1
        scan = Scan(self._scans, self._stored(rows).shape[0])
        row = row_of(self._stored(rows), scan.number)
        if row is None:
            row = row_of(self._store(_same(self._stored(rows))), scan.number)
        assert row is not None
        self._known[inner[-1]] = row
        states = self._begin(starts, inner[:-1], shapes, {*_used(attributes["body"]), *ends})
        scan.body.extend(self._block(attributes["body"]))
        outside, self._block_now = self._block_now, scan.body
        after = [self._apart(self._stored(end), states.values()) for end in ends]
        for result, source in zip(node.results, after, strict=True):
            if self._uses[result]:
                scan.body.append(Keep(result, source, scan.number, np.arange(scan.count), scan.count))
        scan.body.extend(Each(state, after[at]) for at, state in states.items())
        self._block_now = outside
        outside.append(scan)
        for result, source in zip(node.results, after, strict=True):
            self._given(result, (scan.count, *source.shape), source.dtype)

    def _apart(self, end: Load, states: Iterable[Load]) -> Load:
        """What a state becomes, apart from the states, which are written one after another."""
        return self._store(_same(end)) if any(end.value == state.value for state in states) else end

    def _begin(self, starts: Any, inner: Any, shapes: Any, used: set[Value]) -> dict[int, Load]:
        """The states of a scan that its body reads, set to where they begin; by their number."""
        states: dict[int, Load] = {}
        for at, (start, value, (shape, dtype)) in enumerate(zip(starts, inner, shapes, strict=False)):
            if value in used:
                self._given(value, shape, dtype)
                states[at] = whole(value, shape, dtype)
                self._block_now.append(Each(states[at], self._of(start)))
        return states

    def _keep_what_is_read(self) -> None:
        """Of the results of scans, drop the rows that nobody reads, and say where the others are.

        Of one that another scan goes along, all are kept.
        """
        self.statements, kept = _only_needed(self.statements, {*self.outputs.values()}), dict[Value, Any]()
        for one in flat(self.statements):
            if isinstance(one, Keep):
                size = int(np.prod(one.source.shape))
                read = [load for other in flat(self.statements) for load in other.reads if load.value == one.value]
                rows = np.unique(np.concatenate([load.places.ravel() // size for load in read]))
                rows = one.rows if any(load.along for load in read) else rows
                kept[one.value] = size, rows
                self.sizes[one.value] = size * len(rows)
        self.statements = [_with_rows(one, kept) for one in self.statements]


def _same(load: Load) -> Apply:
    return Apply("copy", (load,), load.dtype)


def _only_needed(statements: list[Statement], needed: set[Value]) -> list[Statement]:
    """Statements without those whose results nobody reads; ``needed`` is added to."""
    found: list[Statement] = []
    for one in reversed(statements):
        if isinstance(one, Scan):
            if body := _needed_in_steps(one.body, needed):
                found.append(replace(one, body=body))
        elif one.writes.value in needed:
            needed |= {load.value for load in one.reads}
            found.append(one)
    return found[::-1]


def _needed_in_steps(body: list[Statement], needed: set[Value]) -> list[Statement]:
    """The same of the body of a scan, of which a later step may read what a statement behind wrote."""
    before = -1
    found = body
    while before != len(needed):
        before = len(needed)
        found = _only_needed(body, needed)
    return found


def _with_rows(statement: Statement, kept: Mapping[Value, Any]) -> Statement:
    """A statement that reads of the results of scans what is kept of them."""

    def read(load: Load) -> Load:
        if load.value not in kept:
            return load
        size, rows = kept[load.value]
        return load.moved(lambda places: np.searchsorted(rows, places // size) * size + places % size)

    def expression(one: Expression) -> Expression:
        return (
            read(one) if isinstance(one, Load) else replace(one, inputs=tuple(expression(part) for part in one.inputs))
        )

    match statement:
        case Scan():
            return replace(statement, body=[_with_rows(one, kept) for one in statement.body])
        case Keep():
            return replace(statement, source=read(statement.source), rows=kept[statement.value][1])
        case Pick():
            return replace(statement, source=expression(statement.source), table=read(statement.table))
        case Product():
            return replace(statement, left=read(statement.left), right=read(statement.right))
        case _:
            return replace(statement, source=expression(statement.source))


def _dtype(op: str, inputs: Iterable[Expression]) -> np.dtype[Any]:
    """Of what a function of entries gives."""
    with np.errstate(all="ignore"):
        return getattr(np, op)(*(np.ones(1, one.dtype) for one in inputs)).dtype


def _used(nodes: Iterable[Node]) -> Iterable[Value]:
    """The values that nodes read, as often as they do."""
    for node in nodes:
        yield from node.inputs
        if node.op == "scan":
            yield from _used(node.attributes["body"])
            yield from node.attributes["ends"]


def _all_values(nodes: Iterable[Node]) -> Iterable[Value]:
    for node in nodes:
        yield from (*node.inputs, *node.results)
        if node.op == "scan":
            yield from (*_all_values(node.attributes["body"]), *node.attributes["inner"])


def _entries(lowered: Lowered, node: Node) -> Expression:
    return lowered.together(node.op, node.inputs)


def _take(lowered: Lowered, node: Node) -> Expression:
    indices = node.attributes["indices"]
    repeats = len(np.unique(indices)) < indices.size
    return lowered.moved(node.inputs[0], lambda places: places.ravel()[indices], repeats=repeats)


def _reshape(lowered: Lowered, node: Node) -> Expression:
    return lowered.moved(node.inputs[0], lambda places: places.reshape(node.attributes["shape"]), repeats=False)


_LOWERED: Mapping[str, Callable[[Lowered, Node], Expression]] = {
    "where": _entries,
    "cast": lambda lowered, node: lowered.together("cast", node.inputs, node.attributes["dtype"]),
    "take": _take,
    "pick": lambda lowered, node: lowered.pick(*node.inputs),
    "reshape": _reshape,
    "join": lambda lowered, node: lowered.join(node.inputs),
    "sum": lambda lowered, node: lowered.over("sum", node.inputs[0], node.attributes["axis"]),
    "least": lambda lowered, node: lowered.over("least", node.inputs[0], node.attributes["axis"]),
    "cumsum": lambda lowered, node: lowered.over("cumsum", node.inputs[0], node.attributes["axis"]),
    "matmul": lambda lowered, node: lowered.product(*node.inputs),
}
"""What is no function of entries, and what is one of another name in NumPy."""
