"""The sums of products of a stage, for a few rows and one block of units, in registers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from ...compiler.render.llvm_math import I64, Lanes
from ...compiler.stages import INPUT, Product, Stage
from .loops import loop
from .tile import Tile
from .writer import POINTER, Writer


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
