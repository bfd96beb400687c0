"""Modules: any cell as a stack of layers, and drop-ins for torch.nn's."""

from . import init as init
from . import modules
from .chain import Chain as Chain
from .maps import Standardize as Standardize
from .maps import Unstandardize as Unstandardize
from .modules import *  # noqa: F403 - a module for every cell
from .options import Options as Options
from .recurrent import Recurrent as Recurrent
from .step import GRUCell as GRUCell
from .step import LSTMCell as LSTMCell
from .step import RecurrentCell as RecurrentCell
from .step import RNNCell as RNNCell

__all__ = [
    "Chain",
    "GRUCell",
    "LSTMCell",
    "Options",
    "RNNCell",
    "Recurrent",
    "RecurrentCell",
    "Standardize",
    "Unstandardize",
]
__all__ += modules.__all__
