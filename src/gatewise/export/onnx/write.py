"""Models as ONNX files that are known to compute what the module computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...errors import InputError
from ...extras import how_to_install
from ...files import atomic_write, check_writable
from ..accept import Limit, accepted
from .plan import started_states

LIMIT = Limit("a file of ONNX", 2_000_000_000)
"""It is one message of protobuf, which ends at 2 GiB."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    operators: what stands for each layer or part, ``{"l0": "LSTM", "l1": "Scan"}`` for one recurrent module,
    ``{"part0.l0": "LSTM", "part1": "Linear"}`` for a chain. inputs, outputs: name -> shape. difference: the largest
    between ONNX Runtime and the module, relative to the largest number of an output or to 1; None where it was not
    checked. starts: what each state starts from, as arrays (L * D, 1, H) by the names of inputs.
    """

    path: Path
    opset: int
    operators: Mapping[str, str]
    inputs: Mapping[str, tuple[int | str, ...]]
    outputs: Mapping[str, tuple[int | str, ...]]
    difference: float | None
    starts: Mapping[str, Any]


def write(
    model: nn.Module,
    path: str | Path,
    *,
    lengths: bool,
    optional_states: bool,
    name: str,
    check: bool,
    tolerance: float | None,
) -> Exported:
    """See :func:`gatewise.export.to_onnx`."""
    check_writable(path)
    chain, dtype = accepted(model, LIMIT)
    _check_installed(checked=check)
    from onnx.checker import check_model

    from .check import TOLERANCE, largest_difference, samples
    from .parts import OPSET, assembled_model
    from .plan import planned

    allowed = TOLERANCE[dtype] if tolerance is None else tolerance
    if not allowed >= 0.0:
        raise InputError(f"a tolerance must be at least 0, not {allowed}")
    plan = planned(chain, ragged=lengths, optional=optional_states)
    found = samples(plan, dtype)
    with torch.no_grad():
        proto, operators = assembled_model(plan, torch.empty(0, dtype=dtype).numpy().dtype, name)
    LIMIT.check(sum(len(tensor.raw_data) for tensor in proto.graph.initializer))
    check_model(proto, full_check=True)
    data = proto.SerializeToString()
    difference = largest_difference(data, found) if check else None
    if difference is not None and not difference <= allowed:
        raise InputError(
            f"ONNX Runtime differs from the module by {difference:.1e}, more than {allowed:.1e}; nothing was written",
            hint="allow a larger tolerance, if the model magnifies rounding",
        )
    atomic_write(path, data)
    starts = {state.given: started_states(module, state).cpu().numpy() for _, module, state in plan.states}
    shapes = {kind: _shapes(getattr(proto.graph, kind)) for kind in ("input", "output")}
    return Exported(Path(path), OPSET, operators, shapes["input"], shapes["output"], difference, starts)


def _check_installed(*, checked: bool) -> None:
    """Raises ModuleNotFoundError that says how to get what is missing."""
    from importlib.util import find_spec

    for needed in ("onnx", *(["onnxruntime"] if checked else [])):
        if find_spec(needed) is None:
            without = "; check=False exports without it" if needed == "onnxruntime" else ""
            raise ModuleNotFoundError(
                f"exporting to ONNX needs {needed}: {how_to_install(needed)}{without}", name=needed
            )


def _shapes(values: Any) -> dict[str, tuple[int | str, ...]]:
    return {
        value.name: tuple(size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in values
    }
