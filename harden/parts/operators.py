"""The operators of torch, called directly with tensors of wrong ranks, dtypes, layouts, strides and lengths."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.compiler.gradient import kept_width
from gatewise.errors import ShapeError
from gatewise.kernels import operator
from gatewise.kernels.registry import register

from ..part import Report

NIGHTLY, QUICK = 50_000, 2_000

CELL = CELLS["lstm"]
REFUSALS = (ShapeError, RuntimeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError)
"""What a caller may be told: by our checks, or by torch's for operators, which also see what no driver takes."""
DTYPES = (torch.float64, torch.float16, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn)


def run(seed: int, count: int) -> Report:
    """Make so many calls."""
    draw, report = random.Random(seed), Report()
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    for number in range(count):
        way, call = _call(draw)
        try:
            call()
            outcome = f"ran {way}"
        except REFUSALS as error:
            outcome = f"refused {way} with {type(error).__name__}"
        except Exception as error:
            outcome = f"failed {way}"
            report.findings.append(f"call {number}, {way}: {type(error).__name__}: {error}")
        report.outcomes[outcome] += 1
    return report


def _call(draw: random.Random) -> tuple[str, Callable[[], Any]]:
    steps, rows, inputs, units = draw.randint(0, 4), draw.randint(1, 5), draw.randint(0, 4), draw.randint(1, 5)
    layer = _spoilt(draw, _layer(steps * rows, rows, inputs, units))
    sizes = _batch_sizes(draw, steps, rows)
    key = draw.choice([register(CELL).key] * 9 + ["nothing"])
    if draw.random() < 0.5:
        run = draw.choice([torch.ops.gatewise.sequence, operator.run_forward])
        keep = draw.random() < 0.5
        return "forward", lambda: run(key, *layer, sizes, keep)
    run = draw.choice([torch.ops.gatewise.sequence_backward, operator.run_backward])
    saved = _saved(draw, steps * rows, rows, units)
    input_gradient = draw.random() < 0.5
    return "backward", lambda: run(key, *layer, sizes, *saved, input_gradient)


def _layer(count: int, rows: int, inputs: int, units: int) -> list[Tensor]:
    gates = len(CELL.gates) * units
    shapes = [(count, inputs), (gates, inputs), (gates, units), (gates,), (0, units), (len(CELL.state), rows, units)]
    return [torch.randn(shape) for shape in [*shapes, (0, 1, units), (0, 1, units)]]


def _saved(draw: random.Random, count: int, rows: int, units: int) -> list[Tensor | None]:
    """y, gates and histories, and gradients of y, the last states and, mostly, histories."""
    shapes = [(count, units), (count, kept_width(CELL, units)), (1, count, units), (count, units), (2, rows, units)]
    tensors = _spoilt(draw, [torch.randn(shape) for shape in [*shapes, (1, count, units)]])
    return [*tensors[:-1], None if draw.random() < 0.5 else tensors[-1]]


def _batch_sizes(draw: random.Random, steps: int, rows: int) -> Tensor | None:
    if draw.random() < 0.5:
        return None
    sizes = [draw.choice([rows, rows, rows - 1, 0, -1, rows + 1, 2**62]) for _ in range(steps)]
    tensor = torch.tensor(sizes).to(draw.choice([*[torch.int64] * 6, torch.int32, torch.float32]))
    return tensor.unsqueeze(0) if draw.random() < 0.1 else tensor


def _spoilt(draw: random.Random, tensors: list[Tensor]) -> list[Tensor]:
    """Each with a small chance in another form, not all of which are wrong."""
    return [draw.choice(SPOIL)(draw, tensor) if draw.random() < 0.12 else tensor for tensor in tensors]


def _cut_short(draw: random.Random, tensor: Tensor) -> Tensor:
    """One whose memory is too short for it, as some code for sharded training leaves weights."""
    tensor = tensor.clone()
    tensor.untyped_storage().resize_(draw.choice([0, tensor.untyped_storage().nbytes() // 2]))
    return tensor


SPOIL: list[Callable[[random.Random, Tensor], Tensor]] = [
    lambda draw, t: t[:-1] if t.dim() and len(t) else t,
    lambda draw, t: torch.cat([t, t]),
    lambda draw, t: t.unsqueeze(0),
    lambda draw, t: t.reshape(-1),
    lambda draw, t: t.to(draw.choice(DTYPES)),
    lambda draw, t: t.to("meta"),
    lambda draw, t: t[..., :0],
    lambda draw, t: t[:0],
    lambda draw, t: torch.empty(0),
    lambda draw, t: t.transpose(0, -1),
    lambda draw, t: t.to_sparse() if t.numel() else t,
    lambda draw, t: t.expand(2, *t.shape),
    lambda draw, t: t.flip(0),
    lambda draw, t: torch.as_strided(t, (max(1, t.numel()),), (0,)) if t.numel() else t,
    lambda draw, t: torch._neg_view(t),
    lambda draw, t: torch._efficientzerotensor(t.shape),
    _cut_short,
]
