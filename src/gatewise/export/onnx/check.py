"""The exported model beside the module, computed by ONNX Runtime."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...nn.maps import Standardize
from .plan import INPUT, LENGTHS, OUTPUT, Plan, started_states, state_of

TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-12}
"""Relative to the largest number of each output, or to 1. Sums in another order, and other functions for tanh, over a
few steps."""

_SIZES = ((7, 3), (1, 1))  # (T, B) of one and the same file
_FATAL = 4  # what it logs otherwise, its errors say too


class Sample(NamedTuple):
    """Inputs of the model by name, and what the module gives for them. rows: which rows of y mean something."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]
    rows: Any


def samples(plan: Plan, dtype: torch.dtype) -> list[Sample]:
    """What the module itself says about random inputs, in evaluation mode. Raises InputError where its parts do not
    fit one another."""
    with torch.no_grad(), _Evaluating(plan.chain):
        return [_sample(plan, dtype, steps, batch) for steps, batch in _SIZES]


def largest_difference(data: bytes, found: list[Sample]) -> float:
    """The largest difference between ONNX Runtime and the module; infinite where either is no number alone."""
    session = _session(data)
    return max(_difference(session, sample) for sample in found)


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, _FATAL
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no class of their own in common
        raise _refused(error) from error


def _refused(error: Exception) -> InputError:
    reason = str(error).strip()
    return InputError(
        f"ONNX Runtime cannot run the model, and nothing was written: {reason}",
        hint="of float64 it knows fewer operators than of float32: model.float()",
    )


def _difference(session: Any, sample: Sample) -> float:
    names = list(sample.outputs)
    try:
        results = session.run(names, sample.inputs)
    except Exception as error:
        raise _refused(error) from error
    return max(
        _between(found[sample.rows], wanted[sample.rows]) if name == OUTPUT else _between(found, wanted)
        for name, found, wanted in zip(names, results, sample.outputs.values(), strict=True)
    )


def _between(found: Any, wanted: Any) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        gap = np.where(found == wanted, 0.0, np.abs(found - wanted))
    finite = np.abs(wanted[np.isfinite(wanted)])
    largest = float(np.max(gap, initial=0.0)) / max(1.0, float(np.max(finite, initial=0.0)))
    return largest if largest >= 0.0 else float("inf")


def _sample(plan: Plan, dtype: torch.dtype, steps: int, batch: int) -> Sample:
    generator = torch.Generator().manual_seed(steps)
    before, x = (_random(plan, dtype, steps, batch, generator) for _ in range(2))
    hx = plan.chain(before)[1] if steps > 1 else None  # states that the model itself comes to, and those it starts from
    lengths = _lengths(steps, batch) if plan.ragged else None
    y, last = plan.chain(x, hx, lengths=lengths)
    order = {part: at for at, part in enumerate(dict.fromkeys(each.part for each in plan.states))}
    inputs = {INPUT: x, **({} if lengths is None else {LENGTHS: lengths})}
    outputs = {OUTPUT: y}
    for part, module, state in plan.states:
        start = started_states(module, state).expand(-1, batch, -1)
        inputs[state.given] = start if hx is None else state_of(module, hx[order[part]], state)
        outputs[state.last] = state_of(module, last[order[part]], state)
    running = torch.arange(steps)[:, None] < (torch.full((batch,), steps) if lengths is None else lengths)
    return Sample(_arrays(inputs), _arrays(outputs), (running.t() if plan.batch_first else running).numpy())


def _lengths(steps: int, batch: int) -> Tensor:
    """From all steps to none."""
    return steps - torch.arange(batch) * steps // max(1, batch - 1)


def _arrays(tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _random(plan: Plan, dtype: torch.dtype, steps: int, batch: int, generator: torch.Generator) -> Tensor:
    """Standard normal numbers, in the scale of the data that the model was made for where it says so."""
    first = plan.chain.parts[0]
    shape = (batch, steps) if plan.batch_first else (steps, batch)
    x = torch.randn(*shape, plan.features, dtype=dtype, generator=generator)
    x = next((x.to(weight.device) for weight in plan.chain.parameters()), x)
    return x * first.scale + first.mean if type(first) is Standardize else x


class _Evaluating:
    """A model in evaluation mode, and after that in the mode in which it was, every module of it."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.modes = [(module, module.training) for module in model.modules()]
        self.model = model

    def __enter__(self) -> None:
        self.model.eval()

    def __exit__(self, *_: object) -> None:
        for module, training in self.modes:
            module.training = training
