"""Register tiles: sums of products for many rows, and for few."""

from __future__ import annotations

from functools import reduce
from itertools import groupby
from typing import Any, NamedTuple

from llvmlite import ir

from ...compiler.render.llvm_math import I64, Lanes
from ...compiler.stages import INPUT, Product, Stage
from .blocking import Tile
from .loops import carrying
from .writer import POINTER, Writer


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
        self.lanes = Lanes(self.builder, writer.format, tile.lanes)

    def emit(self) -> ir.Function:
        """The function of (table, panel, first row of x, distance between its rows, where the sums go)."""
        builder, lanes = self.builder, self.lanes
        table, panel, x, distance, target = self.function.args
        (product,) = early_products(self.stage)
        names = list(product.feeds)
        sums = {(name, r): lanes.constant(0.0) for name in self.stage.starts for r in range(self.rows)}
        fed = {key: total for key, total in sums.items() if key[0] in names}
        rows = [self.writer.element(builder, x, builder.mul(I64(r), distance)) for r in range(self.rows)]
        with carrying(builder, I64(0), self.writer.slot(builder, table, "inputs"), 1, fed) as k:
            at = self.writer.element(builder, panel, builder.mul(k, I64(len(names) * self.tile.lanes)))
            weights = [self._load(self.writer.element(builder, at, I64(i * lanes.count))) for i in range(len(names))]
            for r, row in enumerate(rows):
                scalar = builder.load(self.writer.element(builder, row, k), typ=self.writer.format.scalar)
                operand = lanes.splat(scalar)
                for name, weight in zip(names, weights, strict=True):
                    fed[name, r] = lanes.fma(operand, weight, fed[name, r])
        sums.update(fed)
        for r in range(self.rows):
            for index, name in enumerate(self.stage.starts):
                offset = (r * self.tile.sums + index) * lanes.count
                place = self.writer.element(builder, target, I64(offset))
                builder.store(sums[name, r], place, align=self.writer.format.bytes)
        builder.ret_void()
        return self.function

    def _load(self, address: Any) -> Any:
        return self.builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)


class Strips:
    """Some rows and some neighbouring blocks of units: all later products in one loop over k, then the body."""

    def __init__(
        self, writer: Writer, stage: Stage, tile: Tile, rows: int, blocks: int, index: int, body: ir.Function
    ) -> None:
        self.writer, self.stage, self.tile, self.body = writer, stage, tile, body
        self.rows, self.blocks, self.products = rows, blocks, later_products(stage)
        kinds = (POINTER, POINTER, POINTER, I64, POINTER, I64, I64, I64)
        self.function, self.builder = writer.function(f"stage{index}_strips{rows}x{blocks}", *kinds)
        self.lanes = Lanes(self.builder, writer.format, tile.lanes)

    def emit(self) -> ir.Function:
        """The function of (table, places, panel, size of a block there, early sums, size of a block there, first unit,
        first row)."""
        builder, lanes = self.builder, self.lanes
        table, places, panel, size, early, early_size, unit, row = self.function.args
        order = [(j, r, name) for j in range(self.blocks) for r in range(self.rows) for name in self.stage.starts]
        spill = builder.alloca(lanes.vector, I64(len(order)))
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
        for position, (j, r, name) in enumerate(order):
            total = self._total(sums, early, early_size, name, r, j)
            builder.store(total, builder.gep(spill, [I64(position)], source_etype=lanes.vector))
        end = builder.add(unit, I64(self.blocks * lanes.count))
        builder.call(self.body, (table, places, spill, unit, end, row, I64(self.rows)))
        builder.ret_void()
        return self.function

    def _early(self, early: Any, size: Any, name: str, r: int, j: int) -> Any:
        """The sum of the input's product, zero where the stage has none."""
        if not early_products(self.stage):
            return self.lanes.constant(0.0)
        offset = I64((r * self.tile.sums + list(self.stage.starts).index(name)) * self.lanes.count)
        address = self.writer.element(self.builder, early, self.builder.mul(I64(j), size), offset)
        return self.builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)

    def _total(self, sums: dict[Any, Any], early: Any, size: Any, name: str, r: int, j: int) -> Any:
        """The parts of all products that feed a sum, in order."""
        parts = [total for key, total in sums.items() if key[1:] == (name, r, j)]
        return reduce(self.builder.fadd, parts) if parts else self._early(early, size, name, r, j)

    def _multiply(self, sums: dict[Any, Any], table: Any, places: Any, panel: Any, size: Any, row: Any) -> None:
        builder, lanes, count = self.builder, self.lanes, self.tile.lanes
        units, inputs = (self.writer.slot(builder, table, name) for name in ("units", "inputs"))
        width = sum(len(product.feeds) for product in early_products(self.stage)) * count
        start: Any = builder.mul(inputs, I64(width))
        starts: list[Any] = []
        for product in self.products:
            starts.append(start)
            start = builder.add(start, builder.mul(units, I64(len(product.feeds) * count)))
        operands = {
            (p, r): self.writer.row(builder, places, product.operand, builder.add(row, I64(r)))
            for p, product in enumerate(self.products)
            for r in range(self.rows)
        }
        panels = {
            (p, j): self.writer.element(builder, panel, builder.mul(I64(j), size), starts[p])
            for p in range(len(self.products))
            for j in range(self.blocks)
        }
        with carrying(builder, I64(0), units, 1, sums) as k:
            for p, product in enumerate(self.products):
                offset = builder.mul(k, I64(len(product.feeds) * count))
                values = [
                    lanes.splat(
                        builder.load(self.writer.element(builder, operands[p, r], k), typ=self.writer.format.scalar)
                    )
                    for r in range(self.rows)
                ]
                for j in range(self.blocks):
                    at = self.writer.element(builder, panels[p, j], offset)
                    for index, name in enumerate(product.feeds):
                        address = self.writer.element(builder, at, I64(index * count))
                        weight = builder.load(address, typ=lanes.vector, align=self.writer.format.bytes)
                        for r, value in enumerate(values):
                            sums[p, name, r, j] = lanes.fma(value, weight, sums[p, name, r, j])


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
        self.lanes = Lanes(self.builder, writer.format, tile.lanes)

    def emit(self) -> ir.Function:
        """The function of (table, places, panel, first unit, first row)."""
        builder = self.builder
        table, places, panel, unit, row = self.function.args
        sums = dict.fromkeys(self._keys(), self.lanes.constant(0.0))
        spill = builder.alloca(self.lanes.vector, I64(len(sums)))
        for alike, products in groupby(self.stage.products, key=self._loop_of):
            fed = {key: total for key, total in sums.items() if key[0] in alike.names}
            panel = self._products(alike, [product.operand for product in products], fed, table, places, panel, row)
            sums.update(fed)
        for position, total in enumerate(sums.values()):
            builder.store(total, builder.gep(spill, [I64(position)], source_etype=self.lanes.vector))
        end = builder.add(unit, I64(self.tile.units))
        builder.call(self.body, (table, places, spill, unit, end, row, I64(self.rows)))
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
        length = self.writer.slot(builder, table, alike.length)
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
        builder, tile = self.builder, self.tile
        keys = [(name, r, v) for name in alike.names for r in range(self.rows) for v in range(tile.vectors)]
        sums = {key: fed[key] for key in keys}
        with carrying(builder, I64(0), length, 1, sums) as k:
            at = self.writer.element(builder, panel, builder.mul(k, I64(len(alike.names) * tile.units)))
            weights = {
                (name, v): self._weight(at, (position * tile.vectors + v) * tile.lanes)
                for position, name in enumerate(alike.names)
                for v in range(tile.vectors)
            }
            for r, start in enumerate(starts):
                scalar = builder.load(self.writer.element(builder, start, k), typ=self.writer.format.scalar)
                operand = self.lanes.splat(scalar)
                for (name, v), weight in weights.items():
                    sums[name, r, v] = self.lanes.fma(operand, weight, sums[name, r, v])
        fed.update(sums)

    def _weight(self, at: Any, offset: int) -> Any:
        address = self.writer.element(self.builder, at, I64(offset))
        return self.builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)
