"""The cells, one small file each. ``CELLS`` finds them: a new file here is a new cell everywhere.

Each is an attribute too: ``gatewise.cells.lstm`` is the cell, and not the module that it is written in.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from ..equation import Cell

if TYPE_CHECKING:  # what a type checker cannot find out
    from .coupled_lstm import coupled_lstm as coupled_lstm
    from .coupled_peephole_lstm import coupled_peephole_lstm as coupled_peephole_lstm
    from .gru import gru as gru
    from .gru_reset_before import gru_reset_before as gru_reset_before
    from .janet import janet as janet
    from .lstm import lstm as lstm
    from .lstm_1997 import lstm_1997 as lstm_1997
    from .mgu import mgu as mgu
    from .peephole_lstm import peephole_lstm as peephole_lstm
    from .rnn import rnn as rnn
    from .rnn_relu import rnn_relu as rnn_relu
    from .slstm import slstm as slstm


def _discover() -> dict[str, Cell]:
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: getattr(import_module(f"{__name__}.{name}"), name) for name in names}


CELLS: dict[str, Cell] = _discover()
globals().update(CELLS)
