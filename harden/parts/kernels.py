"""The kernels of the CPU, with every array between guard pages: sizes of all kinds, ragged batches, odd layouts."""

from __future__ import annotations

import math
import random
from unittest import mock

import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.equation import Cell
from gatewise.kernels import operator
from gatewise.kernels.cpu import memory, threads
from gatewise.kernels.layer import Layer
from gatewise.kernels.registry import register
from gatewise.transforms import layer_norm, recurrent_dropout, zoneout

from ..guard import GuardPages
from ..part import Report

NIGHTLY, QUICK = 20_000, 1_500

# Cells that kernels are made for in different ways. Making them takes long, so short runs have the first few.
KINDS = (
    CELLS["lstm"],
    CELLS["gru_reset_before"],
    CELLS["slstm"],
    zoneout(layer_norm(CELLS["lstm"]), {"c": 0.3, "h": 0.1}),
    CELLS["lstm_1997"],
    CELLS["peephole_lstm"],
    recurrent_dropout(CELLS["rnn"], 0.3),
)
CALLS_FOR_A_KIND = 750
CALLS_WITH_AS_MANY_THREADS = 250
UNITS = (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 33, 48, 63, 65, 100)
INPUTS = (0, 1, 2, 3, 5, 8, 9, 16, 17, 31, 40)
BATCHES = (1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 24, 33)


def run(seed: int, count: int) -> Report:
    """Make so many calls of kernels, forward and backward."""
    draw, report = random.Random(seed), Report()
    torch.manual_seed(seed)
    kinds = KINDS[: max(2, count // CALLS_FOR_A_KIND)]
    before = torch.get_num_threads()
    with (
        mock.patch.object(memory, "_WORTH_LENDING", math.inf),
        mock.patch.object(threads, "_WORTH_SHARING", 1),
        mock.patch.object(threads, "_WORTH_WAITING", 1),
        torch.no_grad(),
        GuardPages(draw) as pages,
    ):
        while report.calls < count:
            if report.calls % CALLS_WITH_AS_MANY_THREADS < 2:
                torch.set_num_threads(draw.choice([1, 1, 2, 3]))
            _run_one(draw, draw.choice(kinds), report)
    torch.set_num_threads(before)
    report.remarks.append(f"{pages.count:,} guarded arrays, {len(kinds)} cells")
    return report


def _run_one(draw: random.Random, cell: Cell, report: Report) -> None:
    layer, keep = _layer(draw, cell), draw.random() < 0.75
    key = register(cell).key
    told = f"call {report.calls}, {cell.name}: x {tuple(layer.x.shape)}, states {tuple(layer.states.shape)}"
    y, last, gates, histories = operator.run_forward(key, *layer, keep)
    report.outcomes["forward"] += 1
    _expect_finite(report, f"{told}, forward", y, last)
    if keep:
        d_histories = torch.randn(histories.shape, dtype=y.dtype) if draw.random() < 0.4 else None
        seeds = (_disguised(draw, torch.randn_like(y)), _disguised(draw, torch.randn_like(last)), d_histories)
        gradients = operator.run_backward(key, *layer, y, gates, histories, *seeds, draw.random() < 0.7)
        report.outcomes["backward"] += 1
        _expect_finite(report, f"{told}, backward", *gradients)


def _expect_finite(report: Report, told: str, *tensors: Tensor) -> None:
    """NaN is what lies beside arrays, and in those that nobody has written to."""
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
        report.findings.append(f"{told}: a number that is not finite")


def _layer(draw: random.Random, cell: Cell) -> Layer:
    dtype = draw.choice([torch.float32, torch.float32, torch.float64]) if cell is KINDS[0] else torch.float32
    steps, inputs, units = draw.choice([0, 1, 1, 2, 3, 4, 5, 9]), draw.choice(INPUTS), draw.choice(UNITS)
    rows = draw.randint(1, 3) if draw.random() < 0.4 else draw.choice(BATCHES)
    sizes = _batch_sizes(draw, steps, rows) if draw.random() < 0.45 else None
    count = steps * rows if sizes is None else int(sizes.sum()) + draw.choice([0, 0, 1, 3])
    return Layer(
        *(_disguised(draw, tensor) for tensor in _tensors(draw, cell, count, rows, inputs, units, dtype)), sizes
    )


def _tensors(
    draw: random.Random, cell: Cell, count: int, rows: int, inputs: int, units: int, dtype: torch.dtype
) -> list[Tensor]:
    gates, noise = cell.gates, [each.each for each in cell.noise]
    shapes = [
        (count, inputs),
        (units * sum(gate.has_input for gate in gates), inputs),
        (units * sum(bool(gate.recurrent) for gate in gates), units),
        (units * sum(gate.has_bias for gate in gates),),
        (len(cell.per_unit), units),
        (len(cell.state), rows, units),
        (noise.count("step"), draw.choice([1, count]), units),
        (noise.count("sequence"), draw.choice([1, rows]), units),
    ]
    x, W, U, b, per_unit, states, *drawn = (torch.randn(shape, dtype=dtype) for shape in shapes)
    if any(math.isinf(start) for start in cell.initial):  # a normaliser of zero or less would mean nothing
        states = states.abs() + 1
    return [x, W / max(1, inputs) ** 0.5, U / units**0.5, b, per_unit, states, *drawn]


def _batch_sizes(draw: random.Random, steps: int, rows: int) -> Tensor:
    sizes = sorted((draw.randint(0, rows) for _ in range(steps)), reverse=True)
    tensor = torch.tensor(sizes, dtype=torch.int64)
    return torch.stack([tensor, tensor], 1)[:, 0] if draw.random() < 0.2 else tensor


def _disguised(draw: random.Random, tensor: Tensor) -> Tensor:
    """Mostly the tensor itself; or numbers of the same shape in another layout."""
    way = draw.randrange(20)
    if way == 0 and tensor.dim() >= 2:
        return tensor.transpose(0, -1).contiguous().transpose(0, -1)
    if way == 1 and tensor.dim():
        return torch.cat([tensor, tensor], -1)[..., : tensor.shape[-1]]
    if way == 2 and len(tensor):
        return tensor[:1].expand(tensor.shape)
    return tensor
