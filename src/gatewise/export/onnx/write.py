"""Models as ONNX files that are known to compute what the module computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from ...errors import InputError
from ...extras import how_to_install
from ...files import atomic_write, check_writable
from ..accept import SizeLimit, accepted
from .interface import initial_states

if TYPE_CHECKING:
    from onnx import ModelProto

    from .check import Sample

LIMIT = SizeLimit("an ONNX file", 2_000_000_000)
"""A file is one protobuf message, which ends at 2 GiB."""


@dataclass(frozen=True)
class ExportedOnnx:
    """What `to_onnx` has written.

    Attributes:
        path: The file.
        opset: The version of ONNX's operators.
        operators: The operator that computes each layer or part: ``{"l0": "LSTM", "l1": "Scan"}`` for one recurrent
            module, ``{"part0.l0": "LSTM", "part1": "Linear"}`` for a chain.
        inputs: The shape of each input, by name.
        outputs: The shape of each output, by name.
        difference: The largest difference between ONNX Runtime and the module, relative to the largest number of an
            output or to 1; None where it was not checked.
        starts: The initial value of each state, an array (L * D, 1, H), by the name of its input.
    """

    path: Path
    opset: int
    operators: Mapping[str, str]
    inputs: Mapping[str, tuple[int | str, ...]]
    outputs: Mapping[str, tuple[int | str, ...]]
    difference: float | None
    starts: Mapping[str, Any]

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    @property
    def parts(self) -> Mapping[str, ExportedOnnx]:
        """Itself, which needs no name among others."""
        return {"": self}


class Assembled(NamedTuple):
    """A model of ONNX that is not written yet. operators: of each layer or part. samples: what it has to compute."""

    proto: ModelProto
    operators: Mapping[str, str]
    samples: Sequence[Sample]


def to_onnx(
    model: nn.Module,
    path: str | Path,
    *,
    lengths: bool = False,
    optional_states: bool = False,
    name: str = "model",
    check: bool = True,
    tolerance: float | None = None,
) -> ExportedOnnx:
    """Write a model as an ONNX file (opset 17) that computes what the module computes in evaluation mode.

    Layers whose cell is one of ONNX's recurrent operators in float32 become that operator, ``LSTM``, ``GRU`` or
    ``RNN``; every other cell, float64, and projections inside the step become a ``Scan`` over the step's own operators.

    Inputs of the file are ``x``, (T, B, I), or (B, T, I) where parts are ``batch_first``, for any T and B; and the
    initial states in torch's layout (L * D, B, H): ``h_0``, ``c_0`` and whatever states the cell has. Outputs are
    ``y``, laid out like x, and the last states ``h_n``, ``c_n``. Layers of different sizes have separate states,
    ``h_0_l0`` of (D, B, H) and so on; in a chain with several recurrent parts names begin with the part,
    ``part0_h_0``.

    Args:
        model: A `gatewise.nn.chain.Chain`, a recurrent module, or ``torch.nn.LSTM``, ``GRU`` or ``RNN``, in
            float32 or float64.
        path: The file to write.
        lengths: Whether the file has a further input ``lengths``, (B,) int64 from 0 to T. Last states are then those
            after each sequence's own last step, recurrent outputs beyond it are zero, and a backward direction begins
            at it.
        optional_states: Whether the initial states may be left out; the file then starts from the module's own
            initial states, zero or learned. Some runtimes warn about such inputs. Otherwise ``starts`` of the result
            holds those initial states.
        name: The graph's name; characters other than letters and digits of ASCII become ``_``.
        check: Whether to compare the file in ONNX Runtime with the module on random inputs before it is written.
        tolerance: The largest difference allowed in that check, relative to the largest number of an output or to 1;
            by default 2e-6 in float32 and 1e-12 in float64.

    Returns:
        The file, its inputs and outputs, and the difference that the check measured.

    Raises:
        InputError: For a part that cannot be exported, a weight that is empty or not finite, more weights than a file
            can hold, a path that cannot be written, or a difference beyond the tolerance. Nothing is written then.
        ModuleNotFoundError: Where ``onnx`` or ``onnxruntime`` is missing (``pip install 'gatewise[export]'``).
    """
    check_writable(path)
    chain, dtype = accepted(model, LIMIT)
    check_installed(checked=check)
    from .check import samples
    from .interface import interface_of
    from .parts import assembled_model

    interface = interface_of(chain, ragged=lengths, optional=optional_states)
    expected = samples(interface, dtype)
    with torch.no_grad():
        assembled = Assembled(*assembled_model(interface, torch.empty(0, dtype=dtype).numpy().dtype, name), expected)
    data, difference = proven(assembled, allowed(tolerance, dtype), check=check)
    atomic_write(path, data)
    starts = {group.initial: initial_states(module, group).cpu().numpy() for _, module, group in interface.states}
    return exported(path, assembled, difference, starts)


def allowed(tolerance: float | None, dtype: torch.dtype) -> float:
    """The largest difference allowed, by default that of the dtype. Raises InputError for one below 0."""
    from .check import TOLERANCE

    if tolerance is not None and not tolerance >= 0.0:
        raise InputError(f"a tolerance must be at least 0, not {tolerance}")
    return TOLERANCE[dtype] if tolerance is None else tolerance


def proven(model: Assembled, tolerance: float, *, check: bool = True) -> tuple[bytes, float | None]:
    """What a file holds, and how far ONNX Runtime is from the samples. Raises InputError beyond the tolerance."""
    from onnx.checker import check_model

    from .check import largest_difference

    LIMIT.check(sum(len(tensor.raw_data) for tensor in model.proto.graph.initializer))
    check_model(model.proto, full_check=True)
    data = model.proto.SerializeToString()
    difference = largest_difference(data, model.samples) if check else None
    if difference is not None and not difference <= tolerance:
        raise InputError(
            f"ONNX Runtime differs from the module by {difference:.1e}, more than {tolerance:.1e}; nothing was written",
            hint="allow a larger tolerance, if the model magnifies rounding",
        )
    return data, difference


def exported(path: str | Path, model: Assembled, difference: float | None, starts: Mapping[str, Any]) -> ExportedOnnx:
    """What is said of a model that was written there."""
    from .parts import OPSET

    shapes = {kind: _shapes(getattr(model.proto.graph, kind)) for kind in ("input", "output")}
    return ExportedOnnx(Path(path), OPSET, model.operators, shapes["input"], shapes["output"], difference, starts)


def check_installed(*, checked: bool) -> None:
    """Raises ModuleNotFoundError that says how to install what is missing."""
    from importlib.util import find_spec

    for package in ("onnx", *(["onnxruntime"] if checked else [])):
        if find_spec(package) is None:
            without = "; check=False exports without it" if package == "onnxruntime" else ""
            raise ModuleNotFoundError(
                f"exporting to ONNX needs {package}: {how_to_install(package)}{without}", name=package
            )


def _shapes(values: Any) -> dict[str, tuple[int | str, ...]]:
    return {
        value.name: tuple(size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in values
    }
