"""Cells as modules against ONNX Runtime's operators, in float32: equations, ragged batches and gate clipping."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks import onnx_oracle
from benchmarks.onnx_oracle import Array
from torch import Tensor

from gatewise.cells import CELLS
from gatewise.nn import Recurrent

from ..matrix import every_pair, names
from ..tolerance import ONNX_RUNTIME

Weights = dict[str, Array]


def lstm(w: Weights, x: Array, h: Array, c: Array, **options: Any) -> tuple[Array, ...]:
    peephole = {name: weight for name, weight in w.items() if name.startswith("p_")} or None
    bias = w["bias_ih"] + w["bias_hh"]
    return onnx_oracle.lstm(x, w["weight_ih"], w["weight_hh"], bias, h, c, peephole=peephole, **options)


def gru(w: Weights, x: Array, h: Array, **options: Any) -> tuple[Array, ...]:
    return onnx_oracle.gru(x, w["weight_ih"], w["weight_hh"], w["bias_ih"], w["bias_hh"], h, **options)


def rnn(w: Weights, x: Array, h: Array, **options: Any) -> tuple[Array, ...]:
    return onnx_oracle.rnn(x, w["weight_ih"], w["weight_hh"], w["bias_ih"] + w["bias_hh"], h, **options)


ORACLES: dict[str, Callable[..., tuple[Array, ...]]] = {
    "lstm": lstm,
    "peephole_lstm": lstm,
    "coupled_lstm": partial(lstm, coupled=True),
    "coupled_peephole_lstm": partial(lstm, coupled=True),
    "gru": partial(gru, linear_before_reset=True),
    "gru_reset_before": partial(gru, linear_before_reset=False),
    "rnn": rnn,
    "rnn_relu": partial(rnn, activation="Relu"),
}
SHAPES = [(12, 5, 3, 7), (40, 9, 16, 33)]
LENGTHS = [3, 0, 12, 7, 1]  # for the first shape

every_oracle = pytest.mark.parametrize("name", names(ORACLES))


def module_and_inputs(
    name: str, shape: tuple[int, int, int, int], **options: Any
) -> tuple[Recurrent, Tensor, list[Tensor]]:
    """A module with random weights, an input (T, B, I) and an initial state (D, B, H) for each of the cell's."""
    steps, rows, inputs, units = shape
    generator = torch.Generator().manual_seed(units)
    module = Recurrent(CELLS[name], inputs, units, **options)
    with torch.no_grad():
        for weight in module.parameters():
            # Products of half the size of what they multiply, and small peepholes: values stay of the size of 1, or a
            # rectified unit and a cell state that opens its own forget gate would outgrow an absolute tolerance.
            scale = 0.5 * weight.shape[-1] ** -0.5 if weight.dim() == 2 else 0.2
            weight.copy_(scale * torch.randn(weight.shape, generator=generator))
    x = torch.randn(steps, rows, inputs, generator=generator)
    directions = 2 if module.bidirectional else 1
    return module, x, [torch.randn(directions, rows, units, generator=generator) for _ in module.cell.state]


def run(module: Recurrent, x: Tensor, states: list[Tensor], **options: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs and last states, one or several."""
    with torch.no_grad():
        y, last = module(x, states[0] if len(states) == 1 else tuple(states), **options)
    return y, last if isinstance(last, tuple) else (last,)


def oracle(
    name: str, module: Recurrent, x: Tensor, states: list[Tensor], *, direction: int = 0, **options: Any
) -> tuple[Array, ...]:
    """What ONNX Runtime says for the module's weights in one direction."""
    suffix = ("_l0", "_l0_reverse")[direction]
    weights = {
        weight.removesuffix(suffix): value.numpy()
        for weight, value in module.state_dict().items()
        if weight.endswith(suffix)
    }
    return ORACLES[name](weights, x.numpy(), *(state[direction].numpy() for state in states), **options)


def assert_close(found: Tensor, expected: Array) -> None:
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=ONNX_RUNTIME)


@every_pair(name=ORACLES.keys(), shape=SHAPES)
def test_the_cell_is_onnx_runtimes(name: str, shape: tuple[int, int, int, int]) -> None:
    module, x, states = module_and_inputs(name, shape)
    y, last = run(module, x, states)
    for found, expected in zip((y, *(state[0] for state in last)), oracle(name, module, x, states), strict=True):
        assert_close(found, expected)


@pytest.mark.parametrize("name", names(["lstm", "gru", "peephole_lstm"]))
def test_rows_end_at_their_lengths_in_both_directions(name: str) -> None:
    module, x, states = module_and_inputs(name, SHAPES[0], bidirectional=True)
    lengths = torch.tensor(LENGTHS)
    y, last = run(module, x, states, lengths=lengths)
    past = torch.arange(len(x))[:, None] >= lengths
    assert not y[past].any(), "zero, not merely small"
    for direction, outputs in enumerate(y.chunk(2, dim=2)):
        options = {"lengths": lengths.numpy(), "reverse": bool(direction)}
        expected = oracle(name, module, x, states, direction=direction, **options)
        for found, wanted in zip((outputs, *(state[direction] for state in last)), expected, strict=True):
            assert_close(found, wanted)


@every_oracle
def test_gates_are_clipped_where_they_are_squashed(name: str) -> None:
    module, x, states = module_and_inputs(name, SHAPES[0], clip_gates=0.5)
    y, last = run(module, x, states)
    expected = oracle(name, module, x, states, clip=0.5)
    for found, wanted in zip((y, *(state[0] for state in last)), expected, strict=True):
        assert_close(found, wanted)
