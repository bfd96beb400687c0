"""Models as one C file and its header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .write import Exported

DTYPE, TARGET = "float32", "generic"
"""What is written unless something else is asked for."""


def to_c(
    model: nn.Module,
    path: str | Path,
    *,
    name: str = "model",
    dtype: str = DTYPE,
    target: str = TARGET,
    calibration: Tensor | Sequence[Tensor] | None = None,
) -> Exported:
    """Write a model as ``name.c`` and ``name.h``, C99, which compute step by step what the module computes.

    model: a :class:`gatewise.nn.Chain`, a recurrent module in one direction, or ``torch.nn.LSTM``, ``GRU``, ``RNN``;
    weights of float64 are rounded to float32. path: the folder. name: what the files, types and functions are called.
    target: ``generic``; ``simd`` for processors with wide vectors; ``cortex-m4`` for scalar cores with a float unit;
    ``cortex-m55`` for Helium. They differ in the order of weights in memory and in speed, not in results.

    dtype: ``float32``, or ``int8``: weights of int8 with a scale for each row, outputs of layers in int16, memories in
    int32, sums in int32 that are proven not to overflow, gates in float. calibration: for int8, inputs like those the
    model will see, (T, I) or (T, B, I), or a list of such, from which inputs and states get their ranges; the header
    and ``quality`` say how far the file is from the model on them.

    The functions: ``model_reset(model_state *)``, ``model_step(model_state *, const float *x, float *y)``,
    ``model_run(..., size_t steps)``, ``model_get_state``, ``model_set_state``, and with ``MODEL_SELFTEST`` defined
    ``int model_selftest(void)``. A recurrent module's y is the output of its last layer.
    Raises InputError, and writes nothing, for a part that cannot be exported, a weight that is empty or not finite,
    more weights than 64 MiB, a row of int8 weights whose sum could overflow, calibration that is missing, not finite or
    of another shape, a name that C does not take, or a folder that cannot be written.
    """
    from .write import write

    return write(model, path, name=name, target=target, dtype=dtype, calibration=calibration)
