"""Which cells compute what a layer of torch.nn computes, with their weights in the same order."""

from __future__ import annotations

from functools import cache

from ..cells.gru import gru
from ..cells.lstm import lstm
from ..cells.rnn import rnn
from ..cells.rnn_relu import rnn_relu
from ..compiler.equivalence import equivalent
from ..compiler.lower import program_of
from ..equation import Cell

_CELLS = {"LSTM": lstm, "GRU": gru, "RNN_TANH": rnn, "RNN_RELU": rnn_relu}


@cache
def torch_mode(cell: Cell) -> str:
    """What torch calls the layer that computes this cell: LSTM, GRU, RNN_TANH or RNN_RELU; empty where there is none.

    The equations decide, not the name or how they are written. A cell that draws random numbers, or keeps a gradient
    from flowing, is none of torch's, whatever it computes in evaluation mode.
    """
    if cell.noise or any(instruction.op == "detach" for instruction in program_of(cell).body):
        return ""
    gates = [gate.name for gate in cell.gates]
    alike = (mode for mode, other in _CELLS.items() if gates == [gate.name for gate in other.gates])
    return next((mode for mode in alike if equivalent(cell, _CELLS[mode])), "")
