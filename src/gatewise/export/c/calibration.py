"""Calibration data: the ranges of a model's numbers on it, and how far an int8 file is from the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError, argument
from ...nn.chain import Chain
from .arrays import CArray, Numbers
from .builder import FileBuilder
from .numpy_model import Statistics

Batches = Sequence[Numbers]
"""Sequences (T, B, I) in float32, each of which begins in the model's initial state; T and B may differ."""


def checked(calibration: Tensor | Sequence[Tensor] | None, inputs: int) -> Batches:
    """The sequences, those of equal length in one batch. Raises InputError for anything else than sequences."""
    several = isinstance(calibration, list | tuple)
    tensors = list(calibration) if several else [] if calibration is None else [calibration]
    if not tensors:
        raise InputError(
            "int8 needs inputs like those the model will see",
            where=argument("calibration"),
            hint=f"a tensor of shape {_shapes(inputs)}",
        )
    batches = [
        _batch(tensor, f"calibration[{at}]" if several else "calibration", inputs) for at, tensor in enumerate(tensors)
    ]
    by_length: dict[int, list[Numbers]] = {}
    for batch in batches:
        by_length.setdefault(len(batch), []).append(batch)
    return [np.concatenate(equal, axis=1) for equal in by_length.values()]


def _shapes(inputs: int) -> str:
    return f"(T, {inputs}) or (T, B, {inputs})"


def _batch(x: Any, where: str, inputs: int) -> Numbers:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = str(x.dtype) if isinstance(x, Tensor) else type(x).__name__
        raise InputError(f"it is {kind}, not a tensor of floats", where=where)
    shape = tuple(x.shape)
    if len(shape) not in (2, 3) or shape[-1] != inputs or 0 in shape:
        raise InputError(f"it has shape {shape}, not {_shapes(inputs)} with at least one step", where=where)
    x = x.detach().float().cpu()
    wrong = int((~torch.isfinite(x)).sum())
    if wrong:
        raise InputError(f"{wrong} of its {x.numel()} numbers are NaN or infinite as float32", where=where)
    return x.reshape(shape[0], -1, shape[-1]).numpy()


def statistics_of(builder: FileBuilder, y: CArray, batches: Batches) -> Statistics:
    """The ranges of states and of what is multiplied, of a file in floats. y: where its output is."""
    statistics = Statistics({}, {})
    for x in batches:
        statistics.add(builder.numpy_model.run(x, y)[1])
    return statistics


def steps_of(batches: Batches) -> int:
    """How many steps there are in all."""
    return sum(x.shape[0] * x.shape[1] for x in batches)


@torch.no_grad()
def outputs_of(chain: Chain, x: Numbers) -> Numbers:
    """The module's outputs for (T, B, I) in evaluation mode, computed row by row."""
    parameter, training = next(iter(chain.parameters()), None), chain.training
    rows = [torch.from_numpy(np.ascontiguousarray(x[:, row])) for row in range(x.shape[1])]
    rows = rows if parameter is None else [row.to(parameter) for row in rows]
    try:
        chain.eval()
        outputs = [chain(row)[0].float().cpu() for row in rows]
    finally:
        chain.train(training)
    return torch.stack(outputs, 1).numpy()


def signal_to_noise(expected: Sequence[Numbers], computed: Sequence[Numbers]) -> float:
    """In dB, of all batches together; infinite where there is no difference."""
    pairs = list(zip(expected, computed, strict=True))
    signal = sum(_power(exact) for exact, _ in pairs)
    noise = sum(_power(exact - approximate) for exact, approximate in pairs)
    return math.inf if not noise else 10 * math.log10(signal / noise) if signal else -math.inf


def _power(numbers: Numbers) -> float:
    return float(np.square(numbers, dtype=np.float64).sum())
