"""The exact split of a number that a model gives, over everything that went into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ...equation import Cell
from ...errors import ExplanationError, InputError
from ...kernels.layer import Layer, States
from ...kernels.registry import Registered
from ...nn.batch import Batch
from ...nn.layer_run import Run
from ...nn.recurrent import Recurrent
from ...nn.rowwise import visibly
from ...nn.weights import Place
from ..certificate import TOLERANCES, Certificate
from ..intercept import Changed, intercepted
from .frozen import frozen
from .signals import SignalsOnly

Of = Callable[[Any], Tensor]

_OUTSIDE = "eval() the model; else its part outside the recurrent layers holds a function that is no sum of signals"


@dataclass(frozen=True)
class Decomposition:
    """Numbers of a model as sums of lines, with gates held as context. All in float64; (K,) is () for one number.

    Attributes:
        inputs: (K, *x.shape), a line for each number of x.
        biases: A line (K,) for each parameter that is added, by its name in the model.
        initial: A line (K,) for each initial state.
        constants: A line (K,) for each place where a step or the model adds a number.
        value: (K,), the model's own.
        certificate: That all lines add up to the value.
    """

    inputs: Tensor
    biases: Mapping[str, Tensor]
    initial: Mapping[str, Tensor]
    constants: Mapping[str, Tensor]
    value: Tensor
    certificate: Certificate

    @property
    def lines(self) -> dict[str, Tensor]:
        """Everything but the inputs, by name."""
        return {**self.biases, **self.initial, **self.constants}

    @property
    def cancelling(self) -> float:
        """By how many times the largest line is larger than the largest value."""
        lines = [self.inputs, *self.lines.values()]
        largest = max(float(line.abs().max()) for line in lines if line.numel())
        return largest / max(float(self.value.abs().max()), torch.finfo(torch.float64).tiny)

    @property
    def cancels(self) -> bool:
        """Whether lines so large cancel that they say nothing."""
        return not self.cancelling * self.certificate.tolerance <= 1.0

    def require(self) -> None:
        """Check that the lines explain the value.

        Raises:
            ExplanationError: A sum does not hold, or its lines are so large that they only cancel.
        """
        if self.cancels:
            raise ExplanationError(
                f"lines {self.cancelling:.0e} times as large as their sum cancel, which explains nothing",
                hint="gates that are held let credit grow from step to step here; see the integrated gradients",
            )
        if not self.certificate.holds:
            raise ExplanationError(f"{self.certificate}", hint=_OUTSIDE)


def decompose(model: nn.Module, x: Any, of: Of, hx: Any = None, lengths: Any = None) -> Decomposition:
    """Split a number that a model gives over every number of its input, with biases as lines of their own.

    Gates are context: products are credited to what they let through, curves pass credit along their secant from
    zero. Runs at the speed of the fused kernels, forward and backward. `integrated_gradients` credits gates too.

    Args:
        model: A module that holds recurrent layers of ``gatewise.nn`` or ``torch.nn``.
        x: The input, a floating point tensor or a PackedSequence.
        of: From what the model returns to the number, a tensor () or (K,); one backward pass for each of K.
        hx: Initial states that the model is called with, if given.
        lengths: Lengths of the sequences that the model is called with, if given.

    Returns:
        The lines, with the certificate that they add up.

    Raises:
        InputError: x is not a floating point tensor, or ``of`` does not give such numbers.
        CellError: The step of the cell cannot be split.
        ExplanationError: The model multiplies two signals outside its recurrent layers.

    Source:
        Arras et al., Explaining and Interpreting LSTMs, arXiv:1909.12114, equations 5 and 6 with "signal-take-all",
        without a stabiliser, and with the share of the biases shown.
    """
    leaf, called_with = _leaf(x)
    more: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
    arguments = (called_with,) if hx is None else (called_with, hx)
    with torch.no_grad():
        number = _checked(of(model(*arguments, **more)))
    watch = _HeldGates(leaf.new_ones((), requires_grad=True))
    with torch.enable_grad(), intercepted(model, watch), visibly(), SignalsOnly(watch.ones):
        value = _checked(of(model(*arguments, **more)))
    return _Lines(model, leaf, watch, value).result(number)


def _leaf(x: Any) -> tuple[Tensor, Any]:
    data: Any = x.data if isinstance(x, PackedSequence) else x
    if not isinstance(data, Tensor) or not data.is_floating_point():
        raise InputError("x must be a tensor of floating point numbers", hint="credit goes to numbers, not to indices")
    leaf = data.detach().clone().requires_grad_()
    if not isinstance(x, PackedSequence):
        return leaf, leaf
    return leaf, PackedSequence(leaf, x.batch_sizes, x.sorted_indices, x.unsorted_indices)


def _checked(value: Any) -> Tensor:
    if not isinstance(value, Tensor) or value.dim() > 1 or not value.is_floating_point():
        raise InputError(
            "of= must give one number, or a tensor (K,) of them", hint="of=lambda output: output[0][-1, 0, 0]"
        )
    return value


class _HeldGates:
    """A watch under which every recurrent layer runs with gates held, and that keeps what credit goes to.

    leaves: by name, what was added or begun with.
    """

    def __init__(self, ones: Tensor) -> None:
        self.ones = ones
        self.initial: list[tuple[str, Tensor]] = []
        self.constants: list[tuple[str, Tensor]] = [("constants of the model", ones)]

    def at(self, module: Recurrent, place: Place, batch: Batch) -> _HeldLayer:
        """The runner of one layer."""
        return _HeldLayer(self, place)


class _HeldLayer:
    def __init__(self, watch: _HeldGates, place: Place) -> None:
        self._watch, self._suffix = watch, place.suffix
        self._run = Changed(frozen, self._extended)

    def sequence(self, registered: Registered, layer: Layer, *, histories: bool) -> States:
        """All steps, in float64: over thousands of them rounding adds up, in gradients as in states."""
        with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage] - the kernels have no part in it
            wide = _wide(layer._replace(states=self._begun(layer.states)))
            states = self._run.sequence(registered, wide, histories=histories)
            return States(*(tensor.to(layer.x.dtype) for tensor in states))

    def step(self, cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The first step."""
        with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
            return self._run.step(cell, layer, rows, [self._begun(state) for state in states])

    def done(self, run: Run) -> None:
        """Nothing is left to do at the end."""

    def _begun(self, states: Tensor) -> Tensor:
        """Initial states that credit can go to; those that something else made pass it on."""
        if not states.requires_grad:
            states = states.detach().requires_grad_()
            self._watch.initial.append((f"initial state{self._suffix}", states))
        return states

    def _extended(self, cell: Cell, layer: Layer) -> Layer:
        missing = len(cell.per_unit) - len(layer.per_unit)
        if missing:
            ones = layer.per_unit.new_ones(missing, layer.units, requires_grad=True)
            self._watch.constants.append((f"constants of the step{self._suffix}", ones))
            layer = layer._replace(per_unit=torch.cat((layer.per_unit, ones)))
        return layer._replace(W=layer.W.detach(), U=layer.U.detach())


def _wide(layer: Layer) -> Layer:
    *tensors, batch_sizes = layer
    return Layer(*[tensor.double() for tensor in tensors], batch_sizes)  # pyright: ignore[reportCallIssue]


class _Lines:
    """Lines from gradients: of a leaf, each number times its gradient."""

    def __init__(self, model: nn.Module, x: Tensor, watch: _HeldGates, value: Tensor) -> None:
        self._x, self._watch, self._value = x, watch, value
        self._biases = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
        named = [*self._biases, *watch.initial, *watch.constants]
        leaves = [x, *(leaf for _, leaf in named)]
        rows = value.reshape(-1) if value.requires_grad else []
        self._credits = [_credits(row, leaves) for row in rows]

    def result(self, number: Tensor) -> Decomposition:
        """The decomposition. number: the value as the model itself gives it."""
        inputs = self._stacked([credits[0] for credits in self._credits], self._x.shape)
        kinds: list[dict[str, Tensor]] = []
        at = 1
        for named in (self._biases, self._watch.initial, self._watch.constants):
            kinds.append(self._lines(at, [name for name, _ in named]))
            at += len(named)
        count = self._value.numel()
        lines = torch.cat(
            [inputs.reshape(count, -1), *(line.reshape(count, 1) for k in kinds for line in k.values())], 1
        )
        tolerance = TOLERANCES.get(self._x.dtype, TOLERANCES[torch.float32])
        certificate = Certificate.of("the decomposition", lines, number.reshape(-1), tolerance, dim=1)
        biases = {name: line for name, line in kinds[0].items() if line.any()}
        return Decomposition(inputs, biases, kinds[1], kinds[2], number.double(), certificate)

    def _lines(self, at: int, names: Sequence[str]) -> dict[str, Tensor]:
        """The lines of one kind, added up by name."""
        lines: dict[str, Tensor] = {}
        for place, name in enumerate(names, at):
            line = self._stacked([_sum(credits[place]) for credits in self._credits], ())
            lines[name] = lines[name] + line if name in lines else line
        return lines

    def _stacked(self, rows: list[Tensor | None], shape: tuple[int, ...]) -> Tensor:
        zeros = torch.zeros(shape, dtype=torch.float64)
        stack = [zeros if row is None else row for row in rows] or [zeros] * self._value.numel()
        whole = torch.stack(stack) if stack else zeros[None][:0]
        return whole[0] if self._value.dim() == 0 else whole


def _credits(row: Tensor, leaves: Sequence[Tensor]) -> list[Tensor | None]:
    """Each leaf times its gradient. Nothing of something infinite is nothing: a stabilised cell starts there."""
    gradients = torch.autograd.grad(row, leaves, retain_graph=True, allow_unused=True)
    return [
        None if slope is None else torch.where(slope == 0, 0.0, leaf.detach().double() * slope.double())
        for leaf, slope in zip(leaves, list[Tensor | None](gradients), strict=True)
    ]


def _sum(credit: Tensor | None) -> Tensor | None:
    return None if credit is None else credit.sum()
