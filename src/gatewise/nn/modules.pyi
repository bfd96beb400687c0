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
        widths: Mapping[str, int] = ...,
    ) -> None: ...

class CFC(_OfCell):
    """Closed-form continuous-time cell: between two targets, by a gate that the elapsed time moves."""

class CoupledLSTM(_OfCell):
    """LSTM whose input gate is what the forget gate leaves, i = 1 - f."""

class CoupledPeepholeLSTM(_OfCell):
    """LSTM with peepholes whose input gate is what the forget gate leaves, i = 1 - f."""

class FastGrnn(_OfCell):
    """Gated network of a few kilobytes: gate and candidate share their matrices, and differ in their biases."""

class GRU(_OfCell):
    """Gated recurrent unit, reset after the product, as cuDNN and PyTorch compute it."""

class GRUD(_OfCell):
    """GRU for samples at irregular times: its state decays with the time since the last one."""

class GRUResetBefore(_OfCell):
    """Gated recurrent unit, reset before the product: the candidate multiplies U with r * h."""

class IndRNN(_OfCell):
    """Recurrent network whose units hear only themselves: one recurrent weight for each."""

class JANET(_OfCell):
    """Just another network: only the forget gate is left of the LSTM, and the state is the output."""

class LiGRU(_OfCell):
    """Light GRU: no reset gate, and ReLU in place of tanh."""

class LSTM(_OfCell):
    """Long short-term memory with a forget gate."""

class LSTM1997(_OfCell):
    """The first LSTM: no forget gate, so that what is written stays."""

class MGU(_OfCell):
    """Minimal gated unit: one gate both forgets and resets."""

class MinGRU(_OfCell):
    """GRU without recurrent products: its gates see the input alone, and what it keeps is linear in the state."""

class MinLSTM(_OfCell):
    """LSTM without recurrent products, its two gates scaled so that they add up to one."""

class MogrifierLSTM(_OfCell):
    """LSTM whose input and output gate each other, in five rounds, before its gates see either."""

class MultiplicativeLSTM(_OfCell):
    """LSTM whose gates see a state that the input has transformed: each input has recurrent weights of its own."""

class MUT1(_OfCell):
    """The best of ten thousand cells that an evolutionary search found."""

class NestedLSTM(_OfCell):
    """LSTM whose memory is itself kept by an LSTM, which has a memory of its own."""

class PeepholeLSTM(_OfCell):
    """LSTM whose gates look at the cell state; the output gate sees the new one."""

class PhasedLSTM(_OfCell):
    """LSTM whose units are open for a part of a period of their own, and keep what they have for the rest of it."""

class RHN(_OfCell):
    """Recurrent highway network of depth 3: three gated layers from one step to the next."""

class SCRN(_OfCell):
    """Structurally constrained recurrent network: a plain one with a context of its own width, which changes slowly."""

class SkipGRU(_OfCell):
    """GRU that learns to skip steps: one number for each row, u, decides whether its state is updated or copied."""

class SLSTM(_OfCell):
    """LSTM with exponential input gate, normalised by n; c and n are stored divided by exp(m), so nothing overflows."""

class SRU(_OfCell):
    """Simple recurrent unit: a memory without recurrent products, read through a highway."""

class STAR(_OfCell):
    """Stackable recurrent cell: one gate, and gradients that neither vanish nor grow through many layers."""

class TLSTM(_OfCell):
    """Time-aware LSTM: the short-term part of its memory is discounted by the time that has passed."""

class UGRNN(_OfCell):
    """Update gate RNN: the plain recurrent network with one gate that keeps."""

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
        widths: Mapping[str, int] = ...,
    ) -> None: ...

__all__ = [
    "CFC",
    "GRU",
    "GRUD",
    "JANET",
    "LSTM",
    "LSTM1997",
    "MGU",
    "MUT1",
    "RHN",
    "RNN",
    "SCRN",
    "SLSTM",
    "SRU",
    "STAR",
    "TLSTM",
    "UGRNN",
    "CoupledLSTM",
    "CoupledPeepholeLSTM",
    "FastGrnn",
    "GRUResetBefore",
    "IndRNN",
    "LiGRU",
    "MinGRU",
    "MinLSTM",
    "MogrifierLSTM",
    "MultiplicativeLSTM",
    "NestedLSTM",
    "PeepholeLSTM",
    "PhasedLSTM",
    "SkipGRU",
]
