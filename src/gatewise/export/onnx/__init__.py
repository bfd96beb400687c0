"""Models as ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from .write import Exported


def to_onnx(
    model: nn.Module,
    path: str | Path,
    *,
    lengths: bool = False,
    optional_states: bool = False,
    name: str = "model",
    check: bool = True,
    tolerance: float | None = None,
) -> Exported:
    """Write a model as an ONNX file (opset 17) that computes what the module computes in evaluation mode.

    model: a :class:`gatewise.nn.chain.Chain`, a recurrent module, or ``torch.nn.LSTM``, ``GRU``, ``RNN``, float32 or
    float64. Layers whose cell is one of ONNX's recurrent operators in float32 become that operator, ``LSTM``, ``GRU``
    or ``RNN``; every other cell, float64, and projections inside the step become a ``Scan`` over the step's own
    operators.

    Inputs: ``x``, (T, B, I), or (B, T, I) where parts are ``batch_first``, for any T and B; the initial states, in
    torch's form (L * D, B, H): ``h_0``, ``c_0`` and whatever states the cell has. Outputs: ``y``, formed like x, and
    the last states ``h_n``, ``c_n``. Layers of different sizes have states of their own, ``h_0_l0`` of (D, B, H) and
    so on; in a chain with several recurrent parts names begin with the part, ``part0_h_0``.
    lengths: the file takes ``lengths`` too, (B,) int64 from 0 to T: last states are those after each sequence's own
    last step, recurrent outputs beyond are zero, and a backward direction begins at it.
    optional_states: states need not be given, and start from what the module starts from, zero or learned; some
    runtimes warn about that. Otherwise ``starts`` of the result has what they start from.
    name: the graph's, in which other characters than letters and digits of ASCII become ``_``.
    check: run the file in ONNX Runtime on random inputs beside the module before it is written. tolerance: how far they
    may be apart, relative to the largest number of an output or to 1; by default 2e-6 in float32, 1e-12 in float64.

    Raises InputError, and writes nothing, for a part that cannot be exported, a weight that is empty or not finite,
    more weights than a file can hold, a path that cannot be written, or a difference beyond the tolerance;
    ModuleNotFoundError where ``onnx`` or ``onnxruntime`` is missing (``pip install 'gatewise[export]'``).
    """
    from .write import write

    return write(
        model,
        path,
        lengths=lengths,
        optional_states=optional_states,
        name=name,
        check=check,
        tolerance=tolerance,
    )
