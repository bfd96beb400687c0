"""Register tiles: sums of products that stay in registers while one loop adds to them, for many rows and for few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial, reduce
from itertools import groupby
from typing import Any, NamedTuple

from llvmlite import ir

from ...compiler.render.llvm_math import I64, Lanes
from ...compiler.stages import INPUT, Product, Stage
from .blocking import Tile
from .loops import carrying
from .writer import POINTER, Writer


class TileProduct(NamedTuple):
    """One product of a register tile: rows of an operand times packed weights.

    rows: where each row of the operand starts. panels: where weights start; those of one k lie side by side, vector
    after vector. sums: for each panel and each of its vectors, the keys of the sums that it feeds, one for each row.
    distance: elements from one k of a row to the next; None where they lie side by side. Where lanes take pairs, a pair
    is one k.
    """

    rows: Sequence[Any]
    panels: Sequence[Any]
    sums: Sequence[Sequence[Sequence[Any]]]
    distance: Any = None


def add_products(lanes: Lanes, length: Any, products: Sequence[TileProduct], sums: dict[Any, Any]) -> None:
    """Add to every sum its row times its vector of weights, for all k below ``length``, in order."""
    with carrying(lanes.builder, I64(0), length, 1, sums) as k:
        for product in products:
            _add_product(lanes, k, product, sums)


def _add_product(lanes: Lanes, k: Any, product: TileProduct, sums: dict[Any, Any]) -> None:
    """The part of one k. Whichever are fewer are held in registers, the rows' numbers or the weights of a panel, and
    the others pass by."""
    builder = lanes.builder
    rows, vectors = range(len(product.rows)), range(len(product.sums[0]))
    by_vector, by_row = [(r, v) for v in vectors for r in rows], [(r, v) for r in rows for v in vectors]
    place = k if product.distance is None else builder.mul(k, product.distance)
    offset = builder.mul(k, I64(len(vectors) * lanes.count))
    number = cache(lambda r: _splat(lanes, _element(lanes, product.rows[r], place)))
    for panel, keys in zip(product.panels, product.sums, strict=True):
        weight = cache(partial(_weight, lanes, _element(lanes, panel, offset)))
        for r, v in by_vector if len(rows) < len(vectors) else by_row:
            sums[keys[v][r]] = lanes.add_product(number(r), weight(v), sums[keys[v][r]])


def _splat(lanes: Lanes, address: Any) -> Any:
    return lanes.splat(lanes.builder.load(address, typ=lanes.format.scalar))


def _weight(lanes: Lanes, start: Any, vector: int) -> Any:
    return load_vector(lanes, _element(lanes, start, I64(vector * lanes.count)))


def _element(lanes: Lanes, base: Any, offset: Any) -> Any:
    return lanes.builder.gep(base, [offset], source_etype=lanes.format.scalar)


def load_vector(lanes: Lanes, address: Any) -> Any:
    """The vector that begins at an address of elements."""
    return lanes.builder.load(address, typ=lanes.vector, align=lanes.format.bytes)


def spilled(lanes: Lanes, totals: Sequence[Any]) -> Any:
    """Where these vectors now lie one after another."""
    with lanes.builder.goto_entry_block():  # elsewhere it would move the stack as it runs
        place = lanes.builder.alloca(lanes.vector, I64(len(totals)))
    for index, total in enumerate(totals):
        lanes.builder.store(total, lanes.builder.gep(place, [I64(index)], source_etype=lanes.vector))
    return place


def later_products(stage: Stage) -> list[Product]:
    """The products of a stage that have to wait for the step before: all but that of the input."""
    return [product for product in stage.products if product.operand != INPUT]


def early_products(stage: Stage) -> list[Product]:
    """The product of the input, which can be had for many steps at once."""
    return [product for product in stage.products if product.operand == INPUT]


class EarlySums:
    """Sums of the input's product for some rows and one block of units, stored where :class:`Strips` begin."""

    def __init__(self, writer: Writer, stage: Stage, tile: Tile, rows: int, index: int) -> None:
        self.writer, self.stage, self.tile, self.rows = writer, stage, tile, rows
        self.function, self.builder = writer.function(f"early{index}_{rows}", *(POINTER,) * 3, I64, POINTER)
        self.lanes = Lanes(self.builder, writer.format, tile.lanes, pairs=writer.pairs)

    def emit(self) -> ir.Function:
        """The function of (table, panel, first row of x, distance between its rows, where the sums go)."""
        builder, lanes, element = self.builder, self.lanes, self.writer.element
        table, panel, x, distance, target = self.function.args
        (product,) = early_products(self.stage)
        keys = [[(name, r) for r in range(self.rows)] for name in product.feeds]
        fed = dict.fromkeys(_in_a_row(keys), lanes.constant(0.0))
        rows = [element(builder, x, builder.mul(I64(r), distance)) for r in range(self.rows)]
        length = self.writer.terms(builder, self.writer.slot(builder, table, "inputs"))
        add_products(lanes, length, [TileProduct(rows, [panel], [keys])], fed)
        for r in range(self.rows):
            for index, name in enumerate(self.stage.starts):
                total = fed.get((name, r), lanes.constant(0.0))
                place = element(builder, target, I64((r * self.tile.sums + index) * lanes.count))
                builder.store(total, place, align=lanes.format.bytes)
        builder.ret_void()
        return self.function


class Strips:
    """Some rows and some neighbouring blocks of units: all later products in one loop over k, then the body."""

    def __init__(
        self, writer: Writer, stage: Stage, tile: Tile, rows: int, blocks: int, index: int, body: ir.Function
    ) -> None:
        self.writer, self.stage, self.tile, self.body = writer, stage, tile, body
        self.rows, self.blocks, self.products = rows, blocks, later_products(stage)
        kinds = (POINTER, POINTER, POINTER, I64, POINTER, I64, I64, I64)
        self.function, self.builder = writer.function(f"stage{index}_strips{rows}x{blocks}", *kinds)
        self.lanes = Lanes(self.builder, writer.format, tile.lanes, pairs=writer.pairs)

    def emit(self) -> ir.Function:
        """The function of (table, places, panel, size of a block there, early sums, size of a block there, first unit,
        first row)."""
        builder, lanes = self.builder, self.lanes
        table, places, panel, size, early, early_size, unit, row = self.function.args
        keys = [
            (p, name, r, j)
            for p, product in enumerate(self.products)
            for name in product.feeds
            for r in range(self.rows)
            for j in range(self.blocks)
        ]
        sums: dict[tuple[int, str, int, int], Any] = {}
        begun: set[tuple[str, int, int]] = set()
        for key in keys:
            sums[key] = lanes.constant(0.0) if key[1:] in begun else self._early(early, early_size, *key[1:])
            begun.add(key[1:])
        if self.products:
            self._multiply(sums, table, places, panel, size, row)
        totals = [
            self._total(sums, early, early_size, name, r, j)
            for j in range(self.blocks)
            for r in range(self.rows)
            for name in self.stage.starts
        ]
        end = builder.add(unit, I64(self.blocks * lanes.count))
        builder.call(self.body, (table, places, spilled(lanes, totals), unit, end, row, I64(self.rows)))
        builder.ret_void()
        return self.function

    def _early(self, early: Any, size: Any, name: str, r: int, j: int) -> Any:
        """The sum of the input's product, zero where the stage has none."""
        if not early_products(self.stage):
            return self.lanes.constant(0.0)
        offset = I64((r * self.tile.sums + list(self.stage.starts).index(name)) * self.lanes.count)
        address = self.writer.element(self.builder, early, self.builder.mul(I64(j), size), offset)
        return load_vector(self.lanes, address)

    def _total(self, sums: dict[Any, Any], early: Any, size: Any, name: str, r: int, j: int) -> Any:
        """The parts of all products that feed a sum, in order."""
        parts = [total for key, total in sums.items() if key[1:] == (name, r, j)]
        return reduce(self.builder.fadd, parts) if parts else self._early(early, size, name, r, j)

    def _multiply(self, sums: dict[Any, Any], table: Any, places: Any, panel: Any, size: Any, row: Any) -> None:
        builder, writer, count = self.builder, self.writer, self.lanes.count
        slots = [writer.slot(builder, table, name) for name in ("units", "inputs")]
        units, inputs = (writer.terms(builder, length) for length in slots)
        start: Any = builder.mul(inputs, I64(sum(len(early.feeds) for early in early_products(self.stage)) * count))
        products: list[TileProduct] = []
        for p, product in enumerate(self.products):
            operand = writer.sweep.multiplied(product.operand)
            rows = [writer.row(builder, places, operand, builder.add(row, I64(r))) for r in range(self.rows)]
            panels = [writer.element(builder, panel, builder.mul(I64(j), size), start) for j in range(self.blocks)]
            keys = [[[(p, name, r, j) for r in range(self.rows)] for name in product.feeds] for j in range(self.blocks)]
            products.append(TileProduct(rows, panels, keys))
            start = builder.add(start, builder.mul(units, I64(len(product.feeds) * count)))
        add_products(self.lanes, units, products, sums)


class _Loop(NamedTuple):
    """What products have in common that one loop can do one after another.

    length: the name of how many k there are. names: the sums that each feeds.
    """

    length: str
    names: tuple[str, ...]


class Sums:
    """The tile function: every product in order, summed in registers; then the body, which adds the biases."""

    def __init__(self, writer: Writer, stage: Stage, tile: Tile, rows: int, index: int, body: ir.Function) -> None:
        self.writer, self.stage, self.tile, self.rows, self.body = writer, stage, tile, rows, body
        kinds = (POINTER, POINTER, POINTER, I64, I64)
        self.function, self.builder = writer.function(f"stage{index}_tile{rows}", *kinds)
        self.lanes = Lanes(self.builder, writer.format, tile.lanes, pairs=writer.pairs)

    def emit(self) -> ir.Function:
        """The function of (table, places, panel, first unit, first row)."""
        builder = self.builder
        table, places, panel, unit, row = self.function.args
        sums = dict.fromkeys(self._keys(), self.lanes.constant(0.0))
        for alike, products in groupby(self.stage.products, key=self._loop_of):
            fed = {key: total for key, total in sums.items() if key[0] in alike.names}
            panel = self._products(alike, [product.operand for product in products], fed, table, places, panel, row)
            sums.update(fed)
        end = builder.add(unit, I64(self.tile.units))
        totals = spilled(self.lanes, list(sums.values()))
        builder.call(self.body, (table, places, totals, unit, end, row, I64(self.rows)))
        builder.ret_void()
        return self.function

    def _keys(self) -> list[tuple[str, int, int]]:
        """(sum, row, vector), in the order in which the body reads them."""
        return [(s, r, v) for v in range(self.tile.vectors) for r in range(self.rows) for s in self.stage.starts]

    @staticmethod
    def _loop_of(product: Product) -> _Loop:
        return _Loop("inputs" if product.operand == INPUT else "units", tuple(product.feeds))

    def _products(
        self, alike: _Loop, operands: list[str], fed: dict[Any, Any], table: Any, places: Any, panel: Any, row: Any
    ) -> Any:
        """Add neighbouring products that one loop can do; the place in the panel where the next one starts."""
        builder, name = self.builder, f"{self.function.name}_{operands[0]}"
        length = self.writer.terms(builder, self.writer.slot(builder, table, alike.length))
        operands = [self.writer.sweep.multiplied(operand) for operand in operands]
        width = I64(len(alike.names) * self.tile.units)
        if len(operands) == 1:
            self._product(alike, self._starts(places, self.writer.index(operands[0]), row), fed, panel, length)
            return self.writer.element(builder, panel, builder.mul(length, width))
        indices = self.writer.constant(name, [self.writer.index(operand) for operand in operands])
        carried = {**fed, "panel": panel}
        with carrying(builder, I64(0), I64(len(operands)), 1, carried) as p:
            index = builder.load(builder.gep(indices, [p], source_etype=I64), typ=I64)
            starts = self._starts(places, index, row)
            self._product(alike, starts, carried, carried["panel"], length)
            carried["panel"] = self.writer.element(builder, carried["panel"], builder.mul(length, width))
        panel = carried.pop("panel")
        fed.update(carried)
        return panel

    def _starts(self, places: Any, index: Any, row: Any) -> list[Any]:
        """Where the rows of an operand start."""
        rows = [self.builder.add(row, I64(r)) for r in range(self.rows)]
        return [self.writer.row_at(self.builder, places, index, at) for at in rows]

    def _product(self, alike: _Loop, starts: list[Any], fed: dict[Any, Any], panel: Any, length: Any) -> None:
        vectors = [(name, v) for name in alike.names for v in range(self.tile.vectors)]
        keys = [[(name, r, v) for r in range(self.rows)] for name, v in vectors]
        sums = {key: fed[key] for key in _in_a_row(keys)}
        add_products(self.lanes, length, [TileProduct(starts, [panel], [keys])], sums)
        fed.update(sums)


def _in_a_row(keys: Iterable[Iterable[Any]]) -> list[Any]:
    return [key for some in keys for key in some]
