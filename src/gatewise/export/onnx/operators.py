"""Which recurrent operator of ONNX a cell is, and the operator's weights.

The equations of the operators are stated as cells; another cell is one of them where its equations are equivalent,
however it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ...cells.coupled_lstm import coupled_lstm
from ...cells.coupled_peephole_lstm import coupled_peephole_lstm
from ...cells.gru import gru
from ...cells.gru_reset_before import gru_reset_before
from ...cells.lstm import lstm
from ...cells.peephole_lstm import peephole_lstm
from ...cells.rnn import rnn
from ...cells.rnn_relu import rnn_relu
from ...compiler.equivalence import equivalent
from ...compiler.lower import program_of
from ...equation import Cell
from ...nn.weights import ONNX_PEEPHOLES, ORDERS
from ...transforms import clip_gates
from ..layer_weights import LayerWeights


@dataclass(frozen=True)
class Operator:
    """kind: its name in ONNX. attributes: those that make it compute the cell, beside sizes and direction."""

    kind: str
    cell: Cell
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def gates(self) -> list[str]:
        """Its gates in ONNX's order."""
        names = {_plain(gate.name) for gate in self.cell.gates}
        return min((order.split() for order in ORDERS["onnx"] if names <= set(order.split())), key=len)


OPERATORS = (
    Operator("LSTM", lstm),
    Operator("LSTM", peephole_lstm),
    Operator("LSTM", coupled_lstm, {"input_forget": 1}),
    Operator("LSTM", coupled_peephole_lstm, {"input_forget": 1}),
    Operator("GRU", gru, {"linear_before_reset": 1}),
    Operator("GRU", gru_reset_before, {"linear_before_reset": 0}),
    Operator("RNN", rnn, {"activations": ("Tanh",)}),
    Operator("RNN", rnn_relu, {"activations": ("Relu",)}),
)

# A coupled operator has weights for a gate that the cell lacks: the negative of this one's, since
# sigmoid(-a) = 1 - sigmoid(a). ONNX Runtime derives the forget gate from the input gate; a runtime that does it the
# other way round reads the forget gate's own weights, and computes the same.
_OPPOSITE = {"input": "forget", "p_i": "p_f"}


@cache
def operator_of(cell: Cell) -> Operator | None:
    """The operator that computes the cell in evaluation mode, or None."""
    numbers = sorted({i.constant for i in program_of(cell).body if i.op == "constant" and i.constant > 0.0})
    for operator in OPERATORS:
        if equivalent(operator.cell, cell):
            return operator
        for bound in numbers:
            if equivalent(clip_gates(operator.cell, bound), cell):
                return Operator(operator.kind, operator.cell, {**operator.attributes, "clip": bound})
    return None


def weights_of(operator: Operator, directions: Sequence[LayerWeights]) -> dict[str, Tensor]:
    """W (D, G * H, I), R (D, G * H, H), B (D, 2 * G * H) and for peepholes P (D, 3 * H), of D directions."""
    by_direction = [_weights(operator, layer) for layer in directions]
    return {name: torch.stack([weights[name] for weights in by_direction]) for name in by_direction[0]}


def _weights(operator: Operator, layer: LayerWeights) -> dict[str, Tensor]:
    gates = operator.gates
    W = [_block(layer.W, gate) for gate in gates]
    R = [_block(layer.U, gate) for gate in gates]
    first = [_block({name: b for name, b in layer.b.items() if name in layer.W}, gate) for gate in gates]
    alone = {name: b for name, b in layer.b.items() if name not in layer.W}
    second = [_block(alone, gate) if f"{gate}_h" in alone else torch.zeros_like(first[0]) for gate in gates]
    weights = {"W": torch.cat(W), "R": torch.cat(R), "B": torch.cat(first + second)}
    if layer.vectors:
        weights["P"] = torch.cat([_block(layer.vectors, name) for name in ONNX_PEEPHOLES])
    return weights


def _block(blocks: Mapping[str, Tensor], gate: str) -> Tensor:
    """A gate's part of the weights; the cell may have the gate in two parts, or lack it (see `_OPPOSITE`)."""
    for name, block in blocks.items():
        if _plain(name) == gate:
            return block
    return -_block(blocks, _OPPOSITE[gate])


def _plain(gate: str) -> str:
    """A gate in two parts, x and h, counts as one."""
    return gate.removesuffix("_x").removesuffix("_h")
