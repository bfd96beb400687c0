"""One step of a cell as a module: torch.nn.LSTMCell, GRUCell and RNNCell, and the same for any cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from ..cells.gru import gru
from ..cells.lstm import lstm
from ..cells.rnn import rnn
from ..cells.rnn_relu import rnn_relu
from ..equation import Cell
from ..errors import InputError, ShapeError
from ..kernels.choice import product_dtype, working_dtype
from ..kernels.dispatch import sequence
from ..kernels.registry import register
from ..kernels.small import is_ordinary_call
from . import by_torch
from .base import RecurrentModule
from .check import (
    check_kind,
    check_memory,
    check_states,
    check_step_states,
    check_tensor,
    check_values,
    check_weight,
    without_autocast,
)
from .layer_run import assembled
from .options import check_arguments, check_cell, check_read_inputs, check_widths, features_of
from .small import Small, is_calm
from .small_layer import SmallLayer
from .weights import Sizes, draw_, repeated, shapes, spread_widths

NONLINEARITIES = {"tanh": rnn, "relu": rnn_relu}


def of_name(nonlinearity: str) -> Cell:
    """The plain recurrent cell with this nonlinearity. Raises InputError for an unknown one."""
    if nonlinearity not in NONLINEARITIES:
        raise InputError(f"Unknown nonlinearity '{nonlinearity}'. Select from {' or '.join(NONLINEARITIES)}.")
    return NONLINEARITIES[nonlinearity]


class RecurrentCell(RecurrentModule):
    """One step of a cell, called like ``torch.nn.LSTMCell``.

    Weights are named as in `Recurrent`, without the number of a layer, and initialised alike.

    Attributes:
        allow_nonfinite: Set it to True to compute with NaN and infinities, and to load them, instead of raising an
            error that says where they are.

    Args:
        cell: One of ``gatewise.cells``, or your own.
        input_size: I, features of a step.
        hidden_size: H, units.
        bias: Whether gates have biases.
        device: Of the weights, as in torch.nn.
        dtype: Of the weights, as in torch.nn.
        widths: For a cell that names widths other than H, how many numbers each is; H by default.

    Raises:
        TypeError: For an argument of the wrong type.
        InputError: For sizes that make no module.
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        widths: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        check_cell(cell)
        check_arguments(input_size, hidden_size, 1, 0.0, 0, 1)
        self.widths = {} if widths is None else widths
        check_widths(cell, self.widths)
        self.cell, self.input_size, self.hidden_size, self.bias = cell, input_size, hidden_size, bias
        self._register()
        for name, shape in self._shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        if not bias:  # as in torch.nn, where the names are there, with nothing behind them
            self.register_parameter("bias_ih", None)
            self.register_parameter("bias_hh", None)
        self.reset_parameters()

    def _register(self) -> None:
        self._registered = register(self.cell)
        self.sizes = Sizes(self.cell, self.hidden_size, self.widths)
        self.sizes.check()
        inputs = features_of(self.cell, self.input_size)
        check_read_inputs(self.cell, [(inputs, self.sizes.units)])
        layer = SmallLayer(self.cell, self._registered, inputs, self.hidden_size, "", bias=self.bias)
        self._small = Small([layer]) if is_calm(self.cell) else None

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return shapes(self.cell, features_of(self.cell, self.input_size), self.sizes, bias=self.bias)

    def reset_parameters(self) -> None:
        """Re-initialise all weights."""
        draw_(self.cell, {name: getattr(self, name) for name in self._shapes}, self.hidden_size)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """One step.

        Args:
            input: (B, I), or (I) unbatched; of the weights' dtype and device.
            hx: The states, (B, H) or (H); a tuple with one for each where the cell has several. By default states
                start from what the cell declares, mostly zero.

        Returns:
            The new states in the form of ``hx``, of the weights' dtype.

        Raises:
            ShapeError: For tensors of another shape, dtype or device.
            InputError: For numbers that are not finite, saying where.
        """
        if is_ordinary_call() and self._small is not None and type(input) is Tensor:
            ended = self._small.step(self, input, hx, finite=not self.allow_nonfinite)
            if ended is not None:
                return ended
        if isinstance(input, Proxy):
            return by_torch.leaf(self, input, hx)
        first: Any = self.weight_ih
        if who := by_torch.asked_for(input, first):
            weights = {name: getattr(self, name) for name in self._shapes}
            sizes = (self.input_size, self.hidden_size)
            return by_torch.step(who, by_torch.LikeTorch(self.cell, sizes, [weights], self.bias), input, hx)
        weights = {name: check_weight(name, getattr(self, name), shape, first) for name, shape in self._shapes.items()}
        batched = self._checked(input, hx, weights["weight_ih"])
        x = input if batched else input.unsqueeze(0)
        with without_autocast(x.device.type):
            weight = weights["weight_ih"]
            dtype, products = working_dtype(self.cell, weight), product_dtype(self.cell, weight, weight.dtype)
            wide = {name: weight.to(dtype) for name, weight in weights.items()}
            wide = spread_widths(wide, self.sizes) if self.cell.widths else wide
            states = self._states(hx, weight, x.shape[0], batched).to(dtype)
            training = bool(self.cell.noise) and self.training  # not asked where nothing is random, as in torch.nn
            layer = assembled(self.cell, wide, x.to(dtype), states, training=training, products=products)
            last = sequence(self._registered, layer).last.to(weight.dtype)
        # Copies, since torch lets nobody change in place, or detach, a tensor that is a part of another.
        narrow = (state[:, :width] for state, width in zip(last, self.sizes.states(), strict=True))
        states = [(state if batched else state.squeeze(0)).clone() for state in narrow]
        return tuple(states) if len(states) > 1 else states[0]

    def _checked(self, input: Any, hx: Any, weight: Tensor) -> bool:
        """Whether the input is batched."""
        check_tensor("the input", input)
        if input.dim() not in (1, 2):
            raise ShapeError(f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        if input.shape[-1] != self.input_size:
            raise ShapeError(f"input has inconsistent input_size: got {input.shape[-1]} expected {self.input_size}")
        batched = input.dim() == 2
        if hx is not None:
            expected = [(*input.shape[:-1], width) for width in self.sizes.states()]
            check_step_states(hx, expected, type(self).__name__)
        check_kind("input", input, weight)
        check_memory("the new state", math.prod(input.shape[:-1]) * self.sizes.units, input)
        if not self.allow_nonfinite:
            where = "batch {}" if batched else "the step"
            check_values(input if batched else input.unsqueeze(0), where.format, stacklevel=6)
        return batched

    def _states(self, hx: Any, weight: Tensor, rows: int, batched: bool) -> Tensor:
        units = self.sizes.units
        if hx is None:
            starts = weight.new_tensor(self.cell.initial)
            return starts.view(-1, 1, 1).expand(-1, rows, units)
        shapes = [(rows, width) if batched else (width,) for width in self.sizes.states()]
        given = check_states(hx, self.cell.state, shapes, weight)
        states = torch.stack([repeated(state, units) for state in given])
        return states if batched else states.unsqueeze(1)

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        shown = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")
        shown += f", widths={self.widths}" if self.widths else ""
        return f"{self.cell.name}, {shown}" if type(self) is RecurrentCell else shown

    def __getstate__(self) -> dict[str, Any]:
        """Arguments and weights: no more of our own types than torch.load has to be told of."""
        left_out = {"_registered", "_small", "sizes"} | ({"cell"} if self.cell is self.class_cell else set[str]())
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """With what each process makes for itself: cells are known by keys that it gives out."""
        super().__setstate__(state)
        if "cell" not in state:
            self.cell: Any = self.class_cell
        self._register()


class LSTMCell(RecurrentCell):
    """One step of the LSTM, called like ``torch.nn.LSTMCell``; see `RecurrentCell`.

    Args:
        input_size: I, features of a step.
        hidden_size: H, units.
        bias: Whether gates have biases.
        device: Of the weights, as in torch.nn.
        dtype: Of the weights, as in torch.nn.

    Raises:
        TypeError: An argument has the wrong type.
        InputError: A size makes no module.
    """

    class_cell = lstm

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__(lstm, input_size, hidden_size, bias, device, dtype)


class GRUCell(RecurrentCell):
    """One step of the GRU, called like ``torch.nn.GRUCell``; see `RecurrentCell`.

    Args:
        input_size: I, features of a step.
        hidden_size: H, units.
        bias: Whether gates have biases.
        device: Of the weights, as in torch.nn.
        dtype: Of the weights, as in torch.nn.

    Raises:
        TypeError: An argument has the wrong type.
        InputError: A size makes no module.
    """

    class_cell = gru

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__(gru, input_size, hidden_size, bias, device, dtype)


class RNNCell(RecurrentCell):
    """One step of the plain recurrent network, called like ``torch.nn.RNNCell``; see `RecurrentCell`.

    Args:
        input_size: I, features of a step.
        hidden_size: H, units.
        bias: Whether gates have biases.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        device: Of the weights, as in torch.nn.
        dtype: Of the weights, as in torch.nn.

    Raises:
        TypeError: An argument has the wrong type.
        InputError: A size makes no module, or the nonlinearity is another word.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(of_name(nonlinearity), input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    @property
    def class_cell(self) -> Cell:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One of two."""
        return of_name(self.nonlinearity)

    def extra_repr(self) -> str:
        """As torch.nn's, which shows a nonlinearity that is not the default."""
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")
