"""The modules of torch.nn by their own names: same arguments, weights and results."""

from __future__ import annotations

from typing import Any

from ..cells.gru import gru
from ..cells.lstm import lstm
from ..cells.rnn import rnn
from .recurrent import Recurrent


class LSTM(Recurrent):
    """Long short-term memory: ``torch.nn.LSTM``, fused, see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int, *arguments: Any, **options: Any) -> None:
        super().__init__(lstm, input_size, hidden_size, *arguments, **options)


class GRU(Recurrent):
    """Gated recurrent unit, reset after the product: ``torch.nn.GRU``, fused, see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int, *arguments: Any, **options: Any) -> None:
        super().__init__(gru, input_size, hidden_size, *arguments, **options)


class RNN(Recurrent):
    """The plain recurrent network with tanh: ``torch.nn.RNN``, fused, see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int, *arguments: Any, **options: Any) -> None:
        super().__init__(rnn, input_size, hidden_size, *arguments, **options)
