"""A trained stack carried on step by step, for inputs that arrive one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from ..kernels.cpu.stepping import Stepper
from .assemble import assembled
from .check import check_tensor
from .recurrent import Recurrent
from .states import started
from .weights import Place


class Stream:
    """Steps through a stack of layers, with the weights that it has now; made by :func:`stream`.

    Each step gives the bits that the module in eval mode gives for the same step of a whole sequence. Nothing is
    recorded for gradients.
    """

    def __init__(self, module: Recurrent, batch_size: int) -> None:
        first = module.weight_ih_l0
        self._shape, self._dtype = torch.Size((batch_size, module.input_size)), first.dtype
        self._steppers = [_stepper(module, place, batch_size) for place in module.places]
        self._begun = [stepper.states.clone() for stepper in self._steppers]
        self._names = module.cell.state
        self._half = 0
        self._connect()

    def _connect(self) -> None:
        """Each layer reads what the one below has just written, by turns."""
        for below, above in zip(self._steppers, self._steppers[1:], strict=False):
            for half in (0, 1):
                above.numbers[half][above.input_slot] = below.outputs(half).data_ptr()
        first = self._steppers[0]
        self._inputs, self._slot = first.numbers, first.input_slot
        self._calls = [[(each.run, each.tables[half], each.items) for each in self._steppers] for half in (0, 1)]
        self._outputs = [self._steppers[-1].outputs(half) for half in (0, 1)]

    def step(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """The output (B, H) for the next input (B, I): a new tensor, or ``out``, written in place.

        Raises InputError or ShapeError for what does not fit, and then leaves the state as it was.
        """
        if out is not None:
            self._check_out(out)
        if not (type(x) is Tensor and x.is_cpu and x.shape == self._shape and x.dtype is self._dtype):
            x = self._checked(x)
        elif not x.is_contiguous():
            x = x.contiguous()
        half = self._half
        self._inputs[half][self._slot] = x.data_ptr()
        for run, table, items in self._calls[half]:
            run(table, 0, items)
        self._half = 1 - half
        y = self._outputs[half]
        return y.clone() if out is None else out.copy_(y)

    def _check_out(self, out: Any) -> None:
        """copy_ would repeat rows, round numbers and record gradients without a word."""
        y = self._outputs[0]
        check_tensor("out", out)
        if out.shape != y.shape:
            raise ShapeError(f"out has shape {tuple(out.shape)}, expected (B, H) = {tuple(y.shape)}")
        if out.dtype is not y.dtype or out.device != y.device:
            raise ShapeError(f"out is {out.dtype} on {out.device}, the stream {y.dtype} on the cpu")
        if out.requires_grad:
            raise InputError("out requires gradients, and a stream records none", hint="out.detach()")

    def _checked(self, x: Any) -> Tensor:
        check_tensor("the input", x)
        if x.shape != self._shape:
            raise ShapeError(f"a step's input has shape {tuple(x.shape)}, expected (B, I) = {tuple(self._shape)}")
        if x.dtype is not self._dtype or x.device.type != "cpu":
            raise ShapeError(f"the input is {x.dtype} on {x.device}, the stream {self._dtype} on the cpu")
        return x.detach().contiguous()

    @property
    def state(self) -> Sequence[Tensor]:
        """A copy of each of the cell's states, (L, B, H), as the module takes and gives them in ``hx``."""
        now = [stepper.states[self._half] for stepper in self._steppers]
        return tuple(torch.stack([states[index] for states in now]) for index in range(len(self._names)))

    @state.setter
    def state(self, states: Sequence[Tensor]) -> None:
        given = (states,) if isinstance(states, Tensor) else tuple(states)
        expected = (len(self._steppers), *self._steppers[0].states.shape[2:])
        if len(given) != len(self._names) or any(tuple(state.shape) != expected for state in given):
            found = [tuple(state.shape) for state in given]
            raise ShapeError(f"expected a state {expected} for each of {', '.join(self._names)}, got {found}")
        for layer, stepper in enumerate(self._steppers):
            for index, state in enumerate(given):
                stepper.states[self._half, index] = state[layer].detach()

    def reset(self) -> None:
        """Back to where the stream began."""
        for stepper, states in zip(self._steppers, self._begun, strict=True):
            stepper.states.copy_(states)


def stream(module: Recurrent, batch_size: int = 1) -> Stream:
    """A :class:`Stream` of a module on the CPU, float32 or float64, in one direction.

    Raises InputError for a module whose layers do more than a cell's steps: projections, heads, residuals, norms of
    layers' inputs, and layers of different sizes.
    """
    if not isinstance(module, Recurrent):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"a stream is made of a recurrent module, not of a {type(module).__name__}")
    options = module.options
    refused = {
        "bidirectional": module.bidirectional,
        "proj_size": module.proj_size > 0,
        "heads": options.heads > 1,
        "residual": options.residual,
        "pre_norm": options.pre_norm,
        "layers of different sizes": isinstance(module.hidden_size, list),
    }
    found = [name for name, there in refused.items() if there]
    if found:
        what = ", ".join(found)
        raise InputError(f"no stream for a module with {what}", hint="pass the state on with module(x, state)")
    weight = module.weight_ih_l0
    if weight.device.type != "cpu" or weight.dtype not in (torch.float32, torch.float64):
        raise InputError(f"no stream for {weight.dtype} on {weight.device}", hint="module.float().cpu()")
    return Stream(module, batch_size)


@torch.no_grad()
def _stepper(module: Recurrent, place: Place, batch_size: int) -> Stepper:
    names = module.weight_shapes[place.suffix]
    weights = {name: getattr(module, name + place.suffix).detach() for name in names}
    x = weights["weight_ih"].new_zeros(batch_size, place.inputs)
    states = torch.stack(started(module, place, batch_size, x))
    return Stepper(module.cell, assembled(module.cell, weights, x, states, training=False))
