"""The exported model, run by ONNX Runtime, compared with the module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...nn.maps import Standardize
from .interface import INPUT, LENGTHS, OUTPUT, Interface, initial_states, state_of

TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-12}
"""Relative to the largest number of each output, or to 1: what sums in another order and other functions for tanh make
of a few steps."""

_SIZES = ((7, 3), (1, 1))  # (T, B), both run through the same file
_FATAL = 4  # the level of its log; its exceptions say the rest


class Sample(NamedTuple):
    """Inputs of the model by name, and the module's outputs for them. rows: of y that hold steps, if there is a y."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    rows: Any = None


def samples(interface: Interface, dtype: torch.dtype) -> list[Sample]:
    """Random inputs and the module's own outputs, in evaluation mode. Raises InputError where its parts do not fit."""
    with torch.no_grad(), _Evaluating(interface.chain):
        return [_sample(interface, dtype, steps, batch) for steps, batch in _SIZES]


def largest_difference(data: bytes, expected: Sequence[Sample]) -> float:
    """The largest difference between ONNX Runtime and the module; infinite where only one of them is NaN."""
    session = _session(data)
    return max(_difference(session, sample) for sample in expected)


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, _FATAL
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base class
        raise _refused(error) from error


def _refused(error: Exception) -> InputError:
    reason = str(error).strip()
    return InputError(
        f"ONNX Runtime cannot run the model, and nothing was written: {reason}",
        hint="it has fewer operators for float64 than for float32: model.float()",
    )


def _difference(session: Any, sample: Sample) -> float:
    names = list(sample.outputs)
    try:
        results = session.run(names, sample.inputs)
    except Exception as error:
        raise _refused(error) from error
    return max(
        _between(computed[sample.rows], exact[sample.rows]) if name == OUTPUT else _between(computed, exact)
        for name, computed, exact in zip(names, results, sample.outputs.values(), strict=True)
    )


def _between(computed: Any, exact: Any) -> float:
    if computed.shape != exact.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        gap = np.where(computed == exact, 0.0, np.abs(computed - exact))
    finite = np.abs(exact[np.isfinite(exact)])
    largest = float(np.max(gap, initial=0.0)) / max(1.0, float(np.max(finite, initial=0.0)))
    return largest if largest >= 0.0 else float("inf")


def _sample(interface: Interface, dtype: torch.dtype, steps: int, batch: int) -> Sample:
    generator = torch.Generator().manual_seed(steps)
    before, x = (_random(interface, dtype, steps, batch, generator) for _ in range(2))
    # once from states that the model itself reaches, once from those it starts from
    hx = interface.chain(before)[1] if steps > 1 else None
    lengths = _lengths(steps, batch) if interface.ragged else None
    y, last = interface.chain(x, hx, lengths=lengths)
    order = {part: at for at, part in enumerate(dict.fromkeys(state.part for state in interface.states))}
    inputs = {INPUT: x, **({} if lengths is None else {LENGTHS: lengths})}
    outputs = {OUTPUT: y}
    for part, module, group in interface.states:
        start = initial_states(module, group).expand(-1, batch, -1)
        inputs[group.initial] = start if hx is None else state_of(module, hx[order[part]], group)
        outputs[group.last] = state_of(module, last[order[part]], group)
    running = torch.arange(steps)[:, None] < (torch.full((batch,), steps) if lengths is None else lengths)
    return Sample(arrays(inputs), arrays(outputs), (running.t() if interface.batch_first else running).numpy())


def _lengths(steps: int, batch: int) -> Tensor:
    """From all steps to none."""
    return steps - torch.arange(batch) * steps // max(1, batch - 1)


def arrays(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The tensors as ONNX Runtime takes them."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _random(interface: Interface, dtype: torch.dtype, steps: int, batch: int, generator: torch.Generator) -> Tensor:
    """Standard normal numbers, scaled to the model's data where its first part standardises them."""
    first = interface.chain.parts[0]
    shape = (batch, steps) if interface.batch_first else (steps, batch)
    x = torch.randn(*shape, interface.features, dtype=dtype, generator=generator)
    x = next((x.to(weight.device) for weight in interface.chain.parameters()), x)
    return x * first.scale + first.mean if type(first) is Standardize else x


class _Evaluating:
    """A block in which a model is in evaluation mode; afterwards each of its modules is in the mode it had before."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.modes = [(module, module.training) for module in model.modules()]
        self.model = model

    def __enter__(self) -> None:
        self.model.eval()

    def __exit__(self, *_: object) -> None:
        for module, training in self.modes:
            module.training = training
