"""The cases that tests run over, derived from the cells there are: a new cell is tested untouched."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.equation import Cell
from gatewise.kernels.dispatch import FUSED_DTYPES
from gatewise.kernels.layer import Layer

from .user_cells import USER_CELLS

ALL_CELLS = {**CELLS, **USER_CELLS}

every_cell = pytest.mark.parametrize("cell", ALL_CELLS.values(), ids=ALL_CELLS)
every_dtype = pytest.mark.parametrize("dtype", FUSED_DTYPES, ids=lambda dtype: str(dtype).removeprefix("torch."))


def random_layer(
    cell: Cell,
    steps: int,
    rows: int,
    inputs: int,
    units: int,
    *,
    dtype: torch.dtype = torch.float64,
    reverse: bool = False,
) -> Layer:
    """A layer with random weights, input and initial states; products of the size of what they multiply."""
    generator = torch.Generator().manual_seed(units + 100 * rows)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=dtype, generator=generator)

    return Layer(
        random(steps, rows, inputs),
        random(units * sum(gate.has_input for gate in cell.gates), inputs) / max(1, inputs) ** 0.5,
        random(units * sum(bool(gate.recurrent) for gate in cell.gates), units) / units**0.5,
        random(units * sum(gate.has_bias for gate in cell.gates)),
        random(len(cell.per_unit), units),
        random(len(cell.state), rows, units),
        reverse,
    )


def relative_error(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest number expected."""
    assert found.shape == expected.shape
    if expected.numel() == 0:
        return 0.0
    found, expected = found.detach(), expected.detach()
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
