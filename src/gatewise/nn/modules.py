"""The cells of the library as modules; LSTM, GRU and RNN are torch.nn's by name, arguments, weights and results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..cells.coupled_lstm import coupled_lstm
from ..cells.coupled_peephole_lstm import coupled_peephole_lstm
from ..cells.gru import gru
from ..cells.gru_reset_before import gru_reset_before
from ..cells.janet import janet
from ..cells.lstm import lstm
from ..cells.lstm_1997 import lstm_1997
from ..cells.mgu import mgu
from ..cells.peephole_lstm import peephole_lstm
from ..cells.slstm import slstm
from .recurrent import Recurrent
from .step import of_name


class LSTM(Recurrent):
    """Long short-term memory with a forget gate: ``torch.nn.LSTM``; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(lstm, input_size, hidden_size, *arguments, **options)


class GRU(Recurrent):
    """Gated recurrent unit, reset after the product: ``torch.nn.GRU``; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(gru, input_size, hidden_size, *arguments, **options)


class LSTM1997(Recurrent):
    """The first LSTM, without a forget gate; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(lstm_1997, input_size, hidden_size, *arguments, **options)


class PeepholeLSTM(Recurrent):
    """LSTM whose gates look at the cell state; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(peephole_lstm, input_size, hidden_size, *arguments, **options)


class CoupledLSTM(Recurrent):
    """LSTM whose input gate is 1 - forget gate; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(coupled_lstm, input_size, hidden_size, *arguments, **options)


class CoupledPeepholeLSTM(Recurrent):
    """LSTM with peepholes whose input gate is 1 - forget gate; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(coupled_peephole_lstm, input_size, hidden_size, *arguments, **options)


class GRUResetBefore(Recurrent):
    """Gated recurrent unit, reset before the product; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(gru_reset_before, input_size, hidden_size, *arguments, **options)


class MGU(Recurrent):
    """Minimal gated unit; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(mgu, input_size, hidden_size, *arguments, **options)


class JANET(Recurrent):
    """LSTM reduced to its forget gate; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(janet, input_size, hidden_size, *arguments, **options)


class SLSTM(Recurrent):
    """LSTM with exponential gates and a normaliser; ``heads`` makes U block-diagonal; see :class:`Recurrent`."""

    def __init__(self, input_size: int, hidden_size: int | Sequence[int], *arguments: Any, **options: Any) -> None:
        super().__init__(slstm, input_size, hidden_size, *arguments, **options)


class RNN(Recurrent):
    """The plain recurrent network: ``torch.nn.RNN``; see :class:`Recurrent`.

    nonlinearity: ``"tanh"`` or ``"relu"``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *arguments: Any,
        **options: Any,
    ) -> None:
        super().__init__(of_name(nonlinearity), input_size, hidden_size, num_layers, *arguments, **options)
        self.nonlinearity = nonlinearity
