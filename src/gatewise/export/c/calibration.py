"""What calibration data says: the ranges of a model's numbers, and how far an int8 file is from the model."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...nn.chain import Chain
from .arrays import Array, Numbers
from .draft import Draft
from .twin import Seen


def checked(calibration: Tensor | None, inputs: int) -> Numbers:
    """(T, B, I) in float32. Raises InputError for what no file can be calibrated with."""
    what = f"(T, {inputs}) or (T, B, {inputs})"
    if calibration is None:
        raise InputError(
            "int8 needs inputs like those the model will see", where="calibration", hint=f"a tensor of shape {what}"
        )
    if not isinstance(calibration, Tensor) or not calibration.is_floating_point():  # pyright: ignore[reportUnnecessaryIsInstance]
        kind = str(calibration.dtype) if isinstance(calibration, Tensor) else type(calibration).__name__  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"it is {kind}, not a tensor of floats", where="calibration")
    shape = tuple(calibration.shape)
    if len(shape) not in (2, 3) or shape[-1] != inputs or 0 in shape:
        raise InputError(f"it has shape {shape}, not {what} with at least one step", where="calibration")
    x = calibration.detach().float().cpu()
    wrong = int((~torch.isfinite(x)).sum())
    if wrong:
        raise InputError(f"{wrong} of its {x.numel()} numbers are NaN or infinite as float32", where="calibration")
    return x.reshape(shape[0], -1, inputs).numpy()


def seen(draft: Draft, y: Array, x: Numbers) -> Seen:
    """The sizes of states and of what is multiplied, of a draft in floats."""
    return draft.twin.run(x, y)[1]


@torch.no_grad()
def said(chain: Chain, x: Numbers) -> Numbers:
    """What the module says of (T, B, I) in evaluation mode, row by row."""
    parameter, training = next(iter(chain.parameters()), None), chain.training
    rows = [torch.from_numpy(np.ascontiguousarray(x[:, row])) for row in range(x.shape[1])]
    rows = rows if parameter is None else [row.to(parameter) for row in rows]
    try:
        chain.eval()
        found = [chain(row)[0].float().cpu() for row in rows]
    finally:
        chain.train(training)
    return torch.stack(found, 1).numpy()


def signal_to_noise(expected: Numbers, found: Numbers) -> float:
    """In dB; infinite where there is no difference."""
    signal, noise = (float(np.square(each, dtype=np.float64).sum()) for each in (expected, expected - found))
    return math.inf if not noise else 10 * math.log10(signal / noise) if signal else -math.inf
