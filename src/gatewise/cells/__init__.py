"""The cells, one small file each. ``CELLS`` finds them: a new file here is a new cell everywhere.

Each is an attribute too: ``gatewise.cells.lstm`` is the cell, and not the module that it is written in.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from ..equation import Cell

if TYPE_CHECKING:  # what a type checker cannot find out
    from .cfc import cfc as cfc
    from .coupled_lstm import coupled_lstm as coupled_lstm
    from .coupled_peephole_lstm import coupled_peephole_lstm as coupled_peephole_lstm
    from .fast_grnn import fast_grnn as fast_grnn
    from .gru import gru as gru
    from .gru_d import gru_d as gru_d
    from .gru_reset_before import gru_reset_before as gru_reset_before
    from .ind_rnn import ind_rnn as ind_rnn
    from .janet import janet as janet
    from .li_gru import li_gru as li_gru
    from .lstm import lstm as lstm
    from .lstm_1997 import lstm_1997 as lstm_1997
    from .mgu import mgu as mgu
    from .min_gru import min_gru as min_gru
    from .min_lstm import min_lstm as min_lstm
    from .mogrifier_lstm import mogrifier_lstm as mogrifier_lstm
    from .multiplicative_lstm import multiplicative_lstm as multiplicative_lstm
    from .mut1 import mut1 as mut1
    from .nested_lstm import nested_lstm as nested_lstm
    from .peephole_lstm import peephole_lstm as peephole_lstm
    from .phased_lstm import phased_lstm as phased_lstm
    from .rhn import rhn as rhn
    from .rnn import rnn as rnn
    from .rnn_relu import rnn_relu as rnn_relu
    from .scrn import scrn as scrn
    from .skip_gru import skip_gru as skip_gru
    from .slstm import slstm as slstm
    from .sru import sru as sru
    from .star import star as star
    from .t_lstm import t_lstm as t_lstm
    from .ugrnn import ugrnn as ugrnn


def _discover() -> dict[str, Cell]:
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: getattr(import_module(f"{__name__}.{name}"), name) for name in names}


CELLS: dict[str, Cell] = _discover()
globals().update(CELLS)


def __dir__() -> list[str]:
    return ["CELLS", *CELLS]
