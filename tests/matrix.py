"""The cases that tests run over, derived from the cells there are: a new cell is tested untouched."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.equation import Cell
from gatewise.kernels.dispatch import FUSED_DTYPES
from gatewise.kernels.layer import Layer
from gatewise.transforms import candidate_dropout, clip_gates, clip_memory, layer_norm, recurrent_dropout, zoneout

from .user_cells import USER_CELLS

# Every transformation of a cell, over cells of every kind, some on top of each other.
DERIVED = (
    zoneout(candidate_dropout(clip_memory(CELLS["peephole_lstm"], 0.7), 0.3), {"h": 0.2, "c": 0.6}),
    recurrent_dropout(clip_gates(CELLS["gru_reset_before"], 0.8), 0.4),
    layer_norm(CELLS["slstm"]),
    recurrent_dropout(layer_norm(CELLS["lstm"], "memory"), 0.4, tied=False),
)
DERIVED_CELLS = {cell.name: cell for cell in DERIVED}
ALL_CELLS = {**CELLS, **USER_CELLS, **DERIVED_CELLS}

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
    batch_sizes: Tensor | None = None,
) -> Layer:
    """A layer with random weights, input and initial states; products of the size of what they multiply."""
    generator = torch.Generator().manual_seed(units + 100 * rows)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=dtype, generator=generator)

    total = steps * rows if batch_sizes is None else int(batch_sizes.sum())
    kinds = [noise.each for noise in cell.noise]
    states = random(len(cell.state), rows, units)
    if any(math.isinf(start) for start in cell.initial):  # a normaliser of zero or less would mean nothing
        states = states.abs() + 1
    return Layer(
        random(total, inputs),
        random(units * sum(gate.has_input for gate in cell.gates), inputs) / max(1, inputs) ** 0.5,
        random(units * sum(bool(gate.recurrent) for gate in cell.gates), units) / units**0.5,
        random(units * sum(gate.has_bias for gate in cell.gates)),
        random(len(cell.per_unit), units),
        states,
        random(kinds.count("step"), total, units),
        random(kinds.count("sequence"), rows, units),
        batch_sizes,
    )


def relative_error(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest number expected."""
    assert found.shape == expected.shape
    if expected.numel() == 0:
        return 0.0
    found, expected = found.detach(), expected.detach()
    return float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
