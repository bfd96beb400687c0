"""Modules: any cell as a stack of layers, and drop-ins for torch.nn's."""

from .modules import GRU as GRU
from .modules import LSTM as LSTM
from .modules import RNN as RNN
from .recurrent import Recurrent as Recurrent

__all__ = ["GRU", "LSTM", "RNN", "Recurrent"]
