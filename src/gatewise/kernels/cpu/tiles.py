"""Register tiles: sums of products for many rows, and for few."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I64, Lanes
from ...compiler.stages import INPUT, Product, Stage
from .blocking import Tile
from .loops import loop
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
        places = {(name, r): builder.alloca(lanes.vector) for name in names for r in range(self.rows)}
        for place in places.values():
            builder.store(lanes.constant(0.0), place)
        rows = [self.writer.element(builder, x, builder.mul(I64(r), distance)) for r in range(self.rows)]
        with loop(builder, I64(0), self.writer.slot(builder, table, "inputs"), 1) as k:
            at = self.writer.element(builder, panel, builder.mul(k, I64(len(names) * self.tile.lanes)))
            weights = [self._load(self.writer.element(builder, at, I64(i * lanes.count))) for i in range(len(names))]
            for r, row in enumerate(rows):
                scalar = builder.load(self.writer.element(builder, row, k), typ=self.writer.format.scalar)
                operand = lanes.splat(scalar)
                for name, weight in zip(names, weights, strict=True):
                    total = builder.load(places[name, r], typ=lanes.vector)
                    builder.store(lanes.fma(operand, weight, total), places[name, r])
        for r in range(self.rows):
            for index, name in enumerate(self.stage.starts):
                value = builder.load(places[name, r], typ=lanes.vector) if name in names else lanes.constant(0.0)
                offset = (r * self.tile.sums + index) * lanes.count
                builder.store(value, self.writer.element(builder, target, I64(offset)), align=self.writer.format.bytes)
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
        keys = [
            (p, name, r, j)
            for p, product in enumerate(self.products)
            for name in product.feeds
            for r in range(self.rows)
            for j in range(self.blocks)
        ]
        sums = {key: builder.alloca(lanes.vector) for key in keys}
        begun: dict[tuple[str, int, int], Any] = {}
        for key, place in sums.items():
            begin = None if key[1:] in begun else self._early(early, early_size, *key[1:])
            begun[key[1:]] = True
            builder.store(lanes.constant(0.0) if begin is None else begin, place)
        if self.products:
            self._multiply(sums, table, places, panel, size, row)
        spill = builder.alloca(lanes.vector, I64(self.rows * self.tile.sums * self.blocks))
        for j in range(self.blocks):
            for r in range(self.rows):
                for index, name in enumerate(self.stage.starts):
                    total = self._total(sums, early, early_size, name, r, j)
                    position = (j * self.rows + r) * self.tile.sums + index
                    builder.store(total, builder.gep(spill, [I64(position)], source_etype=lanes.vector))
            mine = builder.gep(spill, [I64(j * self.rows * self.tile.sums)], source_etype=lanes.vector)
            first = builder.add(unit, I64(j * lanes.count))
            builder.call(self.body, (table, places, mine, first, row, I64(self.rows)))
        builder.ret_void()
        return self.function

    def _early(self, early: Any, size: Any, name: str, r: int, j: int) -> Any:
        """The sum of the input's product, None where the stage has none."""
        if not early_products(self.stage):
            return None
        offset = I64((r * self.tile.sums + list(self.stage.starts).index(name)) * self.lanes.count)
        address = self.writer.element(self.builder, early, self.builder.mul(I64(j), size), offset)
        return self.builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)

    def _total(self, sums: dict[Any, Any], early: Any, size: Any, name: str, r: int, j: int) -> Any:
        """The parts of all products that feed a sum, in order."""
        parts = [place for key, place in sums.items() if key[1:] == (name, r, j)]
        if not parts:
            begin = self._early(early, size, name, r, j)
            return self.lanes.constant(0.0) if begin is None else begin
        total = self.builder.load(parts[0], typ=self.lanes.vector)
        for part in parts[1:]:
            total = self.builder.fadd(total, self.builder.load(part, typ=self.lanes.vector))
        return total

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
        with loop(builder, I64(0), units, 1) as k:
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
                            place = sums[p, name, r, j]
                            total = lanes.fma(value, weight, builder.load(place, typ=lanes.vector))
                            builder.store(total, place)


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
        sums = {key: builder.alloca(self.lanes.vector, name=key[0]) for key in self._keys()}
        for place in sums.values():
            builder.store(self.lanes.constant(0.0), place)
        for product in self.stage.products:
            panel = self._product(product, sums, table, places, panel, row)
        spill = builder.alloca(self.lanes.vector, I64(len(sums)))
        for position, place in enumerate(sums.values()):
            address = builder.gep(spill, [I64(position)], source_etype=self.lanes.vector)
            builder.store(builder.load(place, typ=self.lanes.vector), address)
        builder.call(self.body, (table, places, spill, unit, row, I64(self.rows)))
        builder.ret_void()
        return self.function

    def _keys(self) -> list[tuple[str, int, int]]:
        """(sum, row, vector), in the order in which the body reads them."""
        return [(s, r, v) for r in range(self.rows) for v in range(self.tile.vectors) for s in self.stage.starts]

    def _product(self, product: Product, sums: dict[Any, Any], table: Any, places: Any, panel: Any, row: Any) -> Any:
        """Add one product; the place in the panel where the next one starts."""
        builder, tile = self.builder, self.tile
        length = self.writer.slot(builder, table, "inputs" if product.operand == INPUT else "units")
        width = len(product.feeds) * tile.units
        rows = [self.writer.row(builder, places, product.operand, builder.add(row, I64(r))) for r in range(self.rows)]
        with loop(builder, I64(0), length, 1) as k:
            at = self.writer.element(builder, panel, builder.mul(k, I64(width)))
            weights = {
                (name, v): self._weight(at, (position * tile.vectors + v) * tile.lanes)
                for position, name in enumerate(product.feeds)
                for v in range(tile.vectors)
            }
            for r, start in enumerate(rows):
                scalar = builder.load(self.writer.element(builder, start, k), typ=self.writer.format.scalar)
                operand = self.lanes.splat(scalar)
                for (name, v), weight in weights.items():
                    place = sums[name, r, v]
                    total = self.lanes.fma(operand, weight, builder.load(place, typ=self.lanes.vector))
                    builder.store(total, place)
        return self.writer.element(builder, panel, builder.mul(length, I64(width)))

    def _weight(self, at: Any, offset: int) -> Any:
        address = self.writer.element(self.builder, at, I64(offset))
        return self.builder.load(address, typ=self.lanes.vector, align=self.writer.format.bytes)
