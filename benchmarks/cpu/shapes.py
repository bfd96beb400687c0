"""The sizes that recurrent layers are measured at: from one sensor's stream to a language model."""

from __future__ import annotations

from typing import NamedTuple

from gatewise.equation import Cell


class Shape(NamedTuple):
    """T, B, I, H."""

    steps: int
    batch: int
    inputs: int
    units: int

    def __str__(self) -> str:
        return f"{self.steps} x {self.batch} x {self.inputs} -> {self.units}"

    def operations(self, cell: Cell, *, training: bool) -> float:
        """Multiplications and additions in the cell's matrix products; backward has twice those of forward."""
        width = sum(gate.has_input for gate in cell.gates) * self.inputs
        width += sum(bool(gate.recurrent) for gate in cell.gates) * self.units
        return 2.0 * self.steps * self.batch * self.units * width * (3 if training else 1)

    @property
    def is_large(self) -> bool:
        """Whether the products are large enough for the speed of matrix products to be the measure."""
        return self.batch >= 32 and self.units >= 128


SHAPES = (
    Shape(1000, 1, 1, 32),
    Shape(1000, 1, 64, 128),
    Shape(100, 32, 32, 64),
    Shape(100, 32, 128, 128),
    Shape(200, 64, 128, 256),
    Shape(50, 64, 512, 512),
    Shape(784, 128, 1, 128),
    Shape(35, 20, 650, 650),
)
SMALL, LARGEST, MIDDLE = (SHAPES[0], SHAPES[2]), SHAPES[5], SHAPES[3]
