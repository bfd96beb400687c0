"""Calls that are over in microseconds: cells in loops, and layers of one step or a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import gatewise.nn as ours
from gatewise.cells import CELLS

from ..measure import Ratio, alternately
from .parity import check_parity
from .plan import Plan
from .result import Finding, Row, Verdict, threads
from .workload import Call, Result

_PEER = "torch.nn"
_LOOP = 20  # steps that a cell is called for in a row, in training

# name: ours, and torch.nn's with the same weights
Makers = tuple[Callable[..., nn.Module], Callable[..., nn.Module]]
CELL_MODULES: dict[str, Makers] = {
    "LSTMCell": (ours.LSTMCell, nn.LSTMCell),
    "GRUCell": (ours.GRUCell, nn.GRUCell),
    "RNNCell": (ours.RNNCell, nn.RNNCell),
    "RecurrentCell(lstm)": (partial(ours.RecurrentCell, CELLS["lstm"]), nn.LSTMCell),
}
LAYER_MODULES: dict[str, Makers] = {
    "LSTM": (ours.LSTM, nn.LSTM),
    "GRU": (ours.GRU, nn.GRU),
    "RNN": (ours.RNN, nn.RNN),
}


class Stacked(NamedTuple):
    """Layers of H units over T steps of B sequences of H numbers."""

    steps: int
    batch: int
    units: int
    layers: int = 1
    bidirectional: bool = False

    def __str__(self) -> str:
        layers = f", {self.layers} layers" if self.layers > 1 else ""
        return f"T {self.steps} B {self.batch} H {self.units}{layers}{', both ways' if self.bidirectional else ''}"


# B, H and the least ratio there.
CELLS_INFERENCE = {(1, 32): 1.5, (8, 64): 1.2, (32, 128): 1.1}
CELLS_TRAINING = {(1, 32): 1.1, (8, 64): 1.1, (32, 128): 1.1, (64, 512): 1.0}
ONE_STEP = tuple(Stacked(1, batch, units) for batch, units in ((1, 32), (1, 64), (8, 64), (32, 128)))
# The first five are where torch.nn's layers were once faster.
SHORT = (
    Stacked(10, 8, 32),
    Stacked(40, 4, 32, 3, True),
    Stacked(20, 32, 32),
    Stacked(30, 8, 64),
    Stacked(200, 1, 64),
    Stacked(10, 1, 16),
    Stacked(20, 8, 16, 2),
    Stacked(10, 32, 64),
    Stacked(40, 16, 48, 1, True),
    Stacked(40, 32, 64, 3),
)


def _cells(training: bool, goals: dict[tuple[int, int], float], plan: Plan) -> Finding:
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    with threads(1):
        for (batch, units), least in goals.items():
            at = f"B {batch} H {units}"
            measured = [
                _cell_row(f"{name}, {at}", pair, batch, units, training, plan) for name, pair in CELL_MODULES.items()
            ]
            verdicts.append(_least(measured, least, f" at {at}"))
            rows += measured
    kind = f"forward + backward in a loop of {_LOOP} steps" if training else "a step without gradients"
    return Finding(f"cells, {kind}", rows, verdicts)


def _cell_row(case: str, makers: Makers, batch: int, units: int, training: bool, plan: Plan) -> Row:
    plan.progress(case)
    torch.manual_seed(0)
    module, other = _twins(makers, units)
    xs, seed = torch.randn(_LOOP, batch, units), torch.randn(_LOOP, batch, units) / batch
    if training:
        calls = [_trained(partial(_loop, cell, xs.unbind()), cell, None, seed) for cell in (module, other)]
    else:
        calls = [_step(cell, xs[0]) for cell in (module, other)]
    return _row(case, calls, plan)


def _twins(makers: Makers, units: int, **options: Any) -> tuple[nn.Module, nn.Module]:
    """Ours and the peer's, with the same weights."""
    module, peer = (make(units, units, **options) for make in makers)
    peer.load_state_dict(module.state_dict())
    return module, peer


def _step(cell: nn.Module, x: Tensor) -> Call:
    """From a state on, as in a rollout."""
    with torch.no_grad():
        before = cell(x)

    def call() -> Result:
        with torch.no_grad():
            return (_output(cell(x, before)),)

    return call


def _loop(cell: nn.Module, xs: Sequence[Tensor]) -> Tensor:
    states, outputs = None, list[Tensor]()
    for x in xs:
        states = cell(x, states)
        outputs.append(_output(states))
    return torch.stack(outputs)


def _output(states: Any) -> Tensor:
    return states[0] if isinstance(states, tuple) else states


def _trained(forward: Callable[[], Tensor], module: nn.Module, x: Tensor | None, seed: Tensor) -> Call:
    """A call for outputs and gradients: of x, where it learns, and of the weights."""
    leaves = [*([] if x is None else [x]), *module.parameters()]

    def call() -> Result:
        for leaf in leaves:
            leaf.grad = None
        y = forward()
        y.backward(seed)
        return y.detach(), *(leaf.grad for leaf in leaves)

    return call


def _layers(training: bool, shapes: Sequence[Stacked], names: Sequence[str], title: str, plan: Plan) -> Finding:
    rows: list[Row] = []
    with threads(1):
        for name in names:
            for shape in shapes:
                rows.append(_layer_row(f"{name}, {shape}", LAYER_MODULES[name], shape, training, plan))
    kind = "forward + backward" if training else "inference"
    return Finding(f"{title}, {kind}", rows, [_least(rows, 1.0, "")])


def _layer_row(case: str, makers: Makers, shape: Stacked, training: bool, plan: Plan) -> Row:
    plan.progress(case)
    torch.manual_seed(0)
    units = shape.units
    module, other = _twins(makers, units, num_layers=shape.layers, bidirectional=shape.bidirectional)
    x = torch.randn(shape.steps, shape.batch, units)
    seed = torch.randn(shape.steps, shape.batch, units * (1 + shape.bidirectional)) / (shape.steps * shape.batch)
    if training:
        calls = [_over_sequence(layers, x.clone().requires_grad_(), seed) for layers in (module, other)]
    else:
        calls = [_inferred(layers, x) for layers in (module, other)]
    return _row(case, calls, plan)


def _over_sequence(layers: nn.Module, x: Tensor, seed: Tensor) -> Call:
    return _trained(lambda: layers(x)[0], layers, x, seed)


def _inferred(layers: nn.Module, x: Tensor) -> Call:
    def call() -> Result:
        with torch.no_grad():
            return (layers(x)[0],)

    return call


def _row(case: str, calls: Sequence[Call], plan: Plan) -> Row:
    mine, peer = calls
    check_parity(case, mine, {_PEER: peer})
    return Row.of(case, alternately({"gatewise": mine, _PEER: peer}, plan.seconds))


def _least(rows: Sequence[Row], least: float, where: str) -> Verdict:
    ratios: dict[str, Ratio] = {row.case: row.ratios[_PEER] for row in rows}
    case, lowest = min(ratios.items(), key=lambda item: item[1].median)
    return Verdict(f"at least {least} x {_PEER}{where}", f"{lowest.median:.2f} x, {case}", lowest.median >= least)


_ALL = tuple(LAYER_MODULES)

SECTIONS: dict[str, Callable[[Plan], Finding]] = {
    "cells_inference": partial(_cells, False, CELLS_INFERENCE),
    "cells_training": partial(_cells, True, CELLS_TRAINING),
    "one_step_inference": partial(_layers, False, ONE_STEP, _ALL, "layers called with one step"),
    "one_step_training": partial(_layers, True, ONE_STEP, _ALL, "layers called with one step"),
    "short_inference": partial(_layers, False, SHORT, ("LSTM", "GRU"), "short or narrow layers"),
    "short_training": partial(_layers, True, SHORT, ("LSTM", "GRU"), "short or narrow layers"),
}
