"""Modules: any cell as a stack of layers, and drop-ins for torch.nn's."""

from .chain import Chain as Chain
from .maps import Standardize as Standardize
from .maps import Unstandardize as Unstandardize
from .modules import GRU as GRU
from .modules import JANET as JANET
from .modules import LSTM as LSTM
from .modules import LSTM1997 as LSTM1997
from .modules import MGU as MGU
from .modules import RNN as RNN
from .modules import SLSTM as SLSTM
from .modules import CoupledLSTM as CoupledLSTM
from .modules import CoupledPeepholeLSTM as CoupledPeepholeLSTM
from .modules import GRUResetBefore as GRUResetBefore
from .modules import PeepholeLSTM as PeepholeLSTM
from .options import Options as Options
from .recurrent import Recurrent as Recurrent
from .step import GRUCell as GRUCell
from .step import LSTMCell as LSTMCell
from .step import RecurrentCell as RecurrentCell
from .step import RNNCell as RNNCell

__all__ = [
    "GRU",
    "JANET",
    "LSTM",
    "LSTM1997",
    "MGU",
    "RNN",
    "SLSTM",
    "Chain",
    "CoupledLSTM",
    "CoupledPeepholeLSTM",
    "GRUCell",
    "GRUResetBefore",
    "LSTMCell",
    "Options",
    "PeepholeLSTM",
    "RNNCell",
    "Recurrent",
    "RecurrentCell",
    "Standardize",
    "Unstandardize",
]
