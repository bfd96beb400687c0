"""Statements as loops of C."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from .accesses import Access, Accesses, Terms, array_of, field_of, step_of
from .constants import C_TYPES
from .expressions import Apply, Expression, Load
from .operations import operation
from .statements import Each, Keep, Over, Pick, Product, Scan, Statement

_LOOPS = "ijklmnopqr"
WIDEST = 16
"""Sums that a product has at a time."""


class Renderer:
    """The text of statements. accesses: where everything is."""

    def __init__(self, accesses: Accesses) -> None:
        self.accesses = accesses

    def lines(self, statements: Sequence[Statement]) -> Iterator[list[str]]:
        """The lines of each statement."""
        for one in statements:
            match one:
                case Scan():
                    yield self._scan(one)
                case Keep():
                    yield self._keep(one)
                case Product():
                    yield self._product(one)
                case Over():
                    yield self._over(one)
                case Pick():
                    yield self._pick(one)
                case Each():
                    yield self._each(one)

    def _pick(self, one: Pick) -> list[str]:
        body = _Body(self.accesses)
        place = body.of(one.source)
        target, begin = body.access(one.target), self.accesses.of(one.table.moved(lambda places: places.ravel()[:1]))
        loops = body.loops(one.target.shape)
        table = replace(begin, step=loops.text(place))
        return _nested(loops.heads, [*loops.lines(body), f"{loops.text(target)} = {table.text([''])};"])

    def _each(self, one: Each) -> list[str]:
        body = _Body(self.accesses)
        value = body.of(one.source)
        target = body.access(one.target)
        loops = body.loops(one.target.shape)
        return _nested(loops.heads, [*loops.lines(body), f"{loops.text(target)} = {loops.text(value)};"])

    def _over(self, one: Over) -> list[str]:
        body = _Body(self.accesses)
        value = body.of(one.source)
        target = one.target if one.op == "cumsum" else replace(one.target, places=one.target.places[..., None])
        target = replace(target, places=np.broadcast_to(target.places, one.source.shape))
        place = body.access(target)
        loops = body.loops(one.source.shape, apart=1)
        c, dtype = C_TYPES[one.target.dtype.name], one.target.dtype
        each, place, inner = loops.text(value), loops.text(place), loops.names[-1]
        if one.op == "least":
            less = operation("minimum", ["found", "next"], [dtype, dtype], dtype)
            step = [f"const {c} next = {each};", f"found = {inner} == 0 ? next : ({less});"]
        else:
            step = [f"found += {each};", *([f"{place} = found;"] if one.op == "cumsum" else [])]
        inside = [f"{c} found = 0;", *_nested(loops.heads[-1:], [*loops.lines(body), *step])]
        if one.op != "cumsum":
            inside.append(f"{place} = found;")
        return _nested(loops.heads[:-1], inside, braces=True)

    def _product(self, one: Product) -> list[str]:
        """Sums for some columns at a time; their loops are: matrices, rows, groups of columns; terms; columns."""
        columns, terms = one.right.shape[-1], one.left.shape[-1]
        width = next(width for width in range(min(WIDEST, columns), 0, -1) if columns % width == 0)
        batch, rows = one.target.shape[:-2], one.target.shape[-2]
        whole = (*batch, rows, columns // width, terms, width)
        target = one.target.moved(lambda places: places.reshape(*batch, rows, columns // width, 1, width))
        left = one.left.moved(lambda places: places.reshape(*batch, rows, 1, terms, 1))
        right = one.right.moved(lambda places: places.reshape(*batch, 1, terms, columns // width, width))
        right = right.moved(lambda places: np.swapaxes(places, -2, -3))
        body = _Body(self.accesses)
        parts = [
            body.access(load.moved(lambda places: np.broadcast_to(places, whole))) for load in (left, right, target)
        ]
        loops = body.loops(whole, apart=2)
        a, b, place = (loops.text(part) for part in parts)
        *outer, middle, inner = loops.heads
        c, name = C_TYPES[one.target.dtype.name], loops.names[-1]
        inside = [
            f"{c} sums[{width}] = {{0}};",
            *_nested([middle], [f"const {c} factor = {a};", *_nested([inner], [f"sums[{name}] += factor * {b};"])]),
            *_nested([inner], [f"{place} = sums[{name}];"]),
        ]
        return _nested(outer, inside, braces=True)

    def _keep(self, one: Keep) -> list[str]:
        step, size = step_of(one.scan), int(np.prod(one.source.shape))
        body = _Body(self.accesses)
        value = body.of(one.source)
        begin = self.accesses.arena.offsets[one.value]
        strides = tuple(np.cumprod([1, *one.source.shape[:0:-1]])[::-1].tolist())[: len(one.source.shape)]
        loops = body.loops(one.source.shape, (strides,))
        if one.tail is None:
            table = self.accesses.rows(one.rows, int(one.rows[-1]) + 1)
            test, row = f"{step} <= {one.rows[-1]} && {table}[{step}] < {len(one.rows)}", f"{table}[{step}]"
        else:
            test = f"{step} >= {one.tail}" if one.tail else ""
            row = f"({step} - {one.tail})" if one.tail else step
        place = Access(array_of(one.source.dtype), Terms(begin, strides), step=f"{size}u * {row}")
        place = place.over(loops.groups)
        stored = f"{place.text(loops.names)} = {loops.text(value)};"
        return _nested([*([f"if ({test})"] if test else []), *loops.heads], [*loops.lines(body), stored])

    def _scan(self, one: Scan) -> list[str]:
        name = step_of(one.number)
        inside = [line for lines in self.lines(one.body) for line in lines]
        return _nested([f"for (size_t {name} = 0; {name} < {one.count}; ++{name})"], inside, braces=True)


class _Body:
    """What is loaded and computed for one entry, a name for each. kept: by name the access, or a function of names."""

    def __init__(self, accesses: Accesses) -> None:
        self.accesses = accesses
        self.seen: list[Access] = []
        self.names: list[tuple[str, str, Access | str]] = []

    def access(self, load: Load) -> Access:
        """Where a load is."""
        found = self.accesses.of(load)
        self.seen.append(found)
        return found

    def of(self, expression: Expression) -> Access | str:
        """The name of what an expression gives, or where it is."""
        if isinstance(expression, Load):
            return self.access(expression)
        arguments = [self._named(one) for one in expression.inputs]
        return self._assign(self._call(expression, arguments), C_TYPES[expression.dtype.name])

    def _call(self, expression: Apply, arguments: Sequence[str]) -> str:
        dtypes = [one.dtype for one in expression.inputs]
        return operation(expression.op, arguments, dtypes, expression.dtype)

    def _named(self, expression: Expression) -> str:
        found = self.of(expression)
        if isinstance(found, str):
            return found
        if not found.array:
            return found.text([""] * len(found.terms.strides))
        for name, _, known in self.names:
            if known == found:
                return name
        return self._assign(found, C_TYPES[expression.dtype.name])

    def _assign(self, what: Access | str, c: str) -> str:
        name = f"x{len(self.names)}"
        self.names.append((name, c, what))
        return name

    def loops(self, shape: tuple[int, ...], more: Sequence[tuple[int, ...]] = (), apart: int = 0) -> _Loops:
        """The loops over a shape; neighbours are one where that is the same, but for the last ``apart``."""
        strides = [access.strides for access in self.seen] + [tuple((one, 0) for one in each) for each in more]
        groups: list[list[int]] = []
        for axis, size in enumerate(shape):
            last = axis >= len(shape) - apart
            if size == 1 and not last:
                continue
            joined = groups and not last and all(_follow(each, groups[-1][-1], axis, size) for each in strides)
            groups[-1].append(axis) if joined else groups.append([axis])
        return _Loops(shape, groups)


def _follow(strides: Sequence[tuple[int, int]], axis: int, after: int, size: int) -> bool:
    """Whether one step of an axis is as all of the axis after it."""
    return all(one == size * other for one, other in zip(strides[axis], strides[after], strict=True))


class _Loops:
    """Loops, each over a group of neighbouring axes. names: of their variables. heads: their first lines."""

    def __init__(self, shape: tuple[int, ...], groups: Sequence[Sequence[int]]) -> None:
        self.groups, self.names = groups, list(_LOOPS[: len(groups)])
        sizes = [int(np.prod([shape[axis] for axis in group])) for group in groups]
        pairs = zip(self.names, sizes, strict=True)
        self.heads = [f"for (size_t {name} = 0; {name} < {size}; ++{name})" for name, size in pairs]

    def text(self, what: Access | str) -> str:
        """An access in these loops; a name is one already."""
        return what if isinstance(what, str) else what.over(self.groups).text(self.names)

    def lines(self, body: _Body) -> list[str]:
        """All that is loaded and computed for an entry."""
        return [f"const {c} {name} = {self.text(what)};" for name, c, what in body.names]


def _nested(heads: Sequence[str], inside: Sequence[str], *, braces: bool = False) -> list[str]:
    """Lines in loops; in braces where there are several, or at any rate."""
    lines, alone = list(inside), len(inside) == 1 and not braces
    for head in reversed(heads):
        indented = [f"    {line}" for line in lines]
        lines, alone = [head, *indented] if alone else [f"{head} {{", *indented, "}"], True
    return lines if alone else ["{", *(f"    {line}" for line in lines), "}"]


def declared(lengths: Mapping[np.dtype, int]) -> list[str]:
    """The fields of the struct, the widest first."""
    ordered = sorted(lengths.items(), key=lambda one: (-one[0].itemsize, one[0].name))
    return [f"{C_TYPES[dtype.name]} {field_of(dtype)}[{length}];" for dtype, length in ordered]
