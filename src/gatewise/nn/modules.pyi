# Written by tools/make_stub.py from the cells and from the constructor of Recurrent; not to be edited.

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .recurrent import Recurrent

MODULES: dict[str, type[Recurrent]]

def name_of(cell: str) -> str: ...

class _OfCell(Recurrent):
    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        layer_norm: str | None = None,
        zoneout: Mapping[str, float] = ...,
        recurrent_dropout: float = 0.0,
        candidate_dropout: float = 0.0,
        h_detach: float = 0.0,
        clip_memory: float | None = None,
        clip_gates: float | None = None,
        heads: int = 1,
        weight_drop: float = 0.0,
        residual: bool = False,
        pre_norm: bool = False,
        learned_state: bool = False,
    ) -> None: ...

class CoupledLSTM(_OfCell):
    """LSTM whose input gate is what the forget gate leaves, i = 1 - f."""

class CoupledPeepholeLSTM(_OfCell):
    """LSTM with peepholes whose input gate is what the forget gate leaves, i = 1 - f."""

class GRU(_OfCell):
    """Gated recurrent unit, reset after the product, as cuDNN and PyTorch compute it."""

class GRUResetBefore(_OfCell):
    """Gated recurrent unit, reset before the product: the candidate multiplies U with r * h."""

class JANET(_OfCell):
    """Just another network: only the forget gate is left of the LSTM, and the state is the output."""

class LSTM(_OfCell):
    """Long short-term memory with a forget gate."""

class LSTM1997(_OfCell):
    """The first LSTM: no forget gate, so that what is written stays."""

class MGU(_OfCell):
    """Minimal gated unit: one gate both forgets and resets."""

class PeepholeLSTM(_OfCell):
    """LSTM whose gates look at the cell state; the output gate sees the new one."""

class SLSTM(_OfCell):
    """LSTM with exponential input gate, normalised by n; c and n are stored divided by exp(m), so nothing overflows."""

class RNN(Recurrent):
    """The plain recurrent network that the others improve on."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        layer_norm: str | None = None,
        zoneout: Mapping[str, float] = ...,
        recurrent_dropout: float = 0.0,
        candidate_dropout: float = 0.0,
        h_detach: float = 0.0,
        clip_memory: float | None = None,
        clip_gates: float | None = None,
        heads: int = 1,
        weight_drop: float = 0.0,
        residual: bool = False,
        pre_norm: bool = False,
        learned_state: bool = False,
    ) -> None: ...

__all__ = [
    "GRU",
    "JANET",
    "LSTM",
    "LSTM1997",
    "MGU",
    "RNN",
    "SLSTM",
    "CoupledLSTM",
    "CoupledPeepholeLSTM",
    "GRUResetBefore",
    "PeepholeLSTM",
]
