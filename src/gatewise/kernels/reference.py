"""The reference: a loop in Python over the step on tensors. Slow, differentiable, and what other drivers must match."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..compiler.render.reference import has_own_dtype, new_states
from ..compiler.stages import INPUT
from ..equation import WHOLE_INPUT, Cell, Gate, previous
from .driver import Halves
from .layer import Gradients, Layer, Saved, Seeds, States

TRAINED = len(Gradients._fields)  # the first fields of a layer have gradients


def forward(cell: Cell, layer: Layer) -> States:
    """Run the cell over all of time, histories with it; torch records what it does."""
    results, layer = layer.x.dtype, layer.in_one_dtype()
    states: tuple[Tensor, ...] = tuple(layer.states)
    steps: list[tuple[Tensor, ...]] = []
    for rows in layer.slices():
        running = rows.stop - rows.start
        new = one_step(cell, layer, rows, [state[:running] for state in states])
        steps.append(new)
        states = new if running == layer.rows else _joined(new, states)
    if not steps:  # no step, yet a result of the right shape that depends on the weights, for autograd
        steps.append(one_step(cell, layer, slice(0, 0), [state[:0] for state in states]))
        states = states if layer.rows else steps[0]
    y, *histories = (_padded(torch.cat(history), layer.x.shape[0]) for history in zip(*steps, strict=True))
    nothing = y.new_empty(0, *y.shape)
    histories = torch.stack(histories) if histories else nothing
    return States(y.to(results), torch.stack(states), y.new_empty(0, 0), histories)


def _padded(rows: Tensor, count: int) -> Tensor:
    """The rows, with zeros for those that belong to no sequence."""
    return torch.nn.functional.pad(rows, (0, 0, 0, count - rows.shape[0]))


def _joined(new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The states after a step in which only the first sequences still run."""
    return tuple(torch.cat((a, b[a.shape[0] :])) for a, b in zip(new, old, strict=True))


def times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Rows (N, I) times a matrix (O, I), transposed."""
    return rows @ matrix.t()


def one_step(
    cell: Cell,
    layer: Layer,
    rows: slice,
    states: Sequence[Tensor],
    product: Callable[[Tensor, Tensor], Tensor] = times,
) -> tuple[Tensor, ...]:
    """The step that reads these rows of x: the new states, each (rows, H). product: as :func:`times`."""
    whole, units = layer.x[rows], layer.units
    x = whole[:, : layer.inputs] if cell.row_inputs else whole
    W = _blocks(cell.gates, layer.W, units, lambda gate: gate.has_input)
    U = _blocks(cell.gates, layer.U, units, lambda gate: bool(gate.recurrent))
    b = _blocks(cell.gates, layer.b, units, lambda gate: gate.has_bias)
    calls: dict[str, _Fed] = {}
    arguments: dict[str, Any] = dict(zip(cell.state, states, strict=True))
    arguments |= dict(zip(cell.per_unit, layer.per_unit, strict=True)) | _noise(cell, layer, rows)
    arguments |= zip(cell.row_inputs, whole[:, layer.inputs :].split(1, dim=1), strict=False)
    if cell.reads_x:
        arguments[WHOLE_INPUT] = x
    for gate in cell.gates:
        total: Any = product(x, W[gate.name]) if gate.has_input else x.new_zeros(x.shape[0], units)
        if gate.recurrent == "h":
            total = total + product(states[0], U[gate.name])
        if gate.has_bias:
            total = total + b[gate.name]
        if gate.recurrent != "step":
            arguments[gate.letter] = total
            continue
        arguments[gate.letter] = fed = _Fed([(total, U[gate.name])], product)
        if gate.tied and gate.letter not in cell.parameters:
            calls[gate.tied].sums.append(fed.sums[0])
        calls[gate.name] = fed
    return new_states(cell, arguments) if has_own_dtype(cell) else cell.new_states(**arguments)


def _noise(cell: Cell, layer: Layer, rows: slice) -> dict[str, Tensor]:
    """The random numbers of one step, by name."""
    running = slice(0, rows.stop - rows.start)
    by_name: dict[str, Tensor] = {}
    for kind, drawn, taken in (("step", layer.step_noise, rows), ("sequence", layer.sequence_noise, running)):
        names = [noise.name for noise in cell.noise if noise.each == kind]
        shared = drawn.shape[1] == 1
        by_name |= {name: draw if shared else draw[taken] for name, draw in zip(names, drawn, strict=True)}
    return by_name


class _Fed:
    """A gate that the step itself calls with what U is to multiply. sums: for each call what is added, and U."""

    def __init__(self, sums: list[tuple[Any, Tensor]], product: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.sums, self.product, self._calls = sums, product, 0

    def __call__(self, operand: Tensor) -> Tensor:
        total, U = self.sums[self._calls]
        self._calls += 1
        return total + self.product(operand.to(U.dtype), U)


def _blocks(gates: tuple[Gate, ...], weight: Tensor, units: int, has: Callable[[Gate], bool]) -> dict[str, Tensor]:
    names = [gate.name for gate in gates if has(gate)]
    return dict(zip(names, weight.split(units), strict=True)) if names else {}


def gradients(cell: Cell, layer: Layer, seeds: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """Gradients of the first fields of a layer, which require them, from those of y, the last states and histories.

    Zeros for what an output does not depend on. Inside an operator, where torch records nothing, it is to be called
    through :func:`recorded`.
    """
    y, last, _, histories = forward(cell, layer)
    pairs = [(state, seed) for state, seed in zip((y, last, histories), seeds, strict=True) if seed is not None]
    outputs, gradients_of_outputs = zip(*pairs, strict=True)
    leaves: Any = layer[:TRAINED]
    return torch.autograd.grad(outputs, leaves, gradients_of_outputs, allow_unused=True, materialize_grads=True)


def second_derivatives(
    cell: Cell, layer: Layer, seeds: Sequence[Tensor | None], weights: Sequence[Tensor | None]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Gradients of the first fields of a layer, and of the seeds that are given, from those of what :func:`gradients`
    gives for them.

    Of operations that can be differentiated in turn. To be called as :func:`gradients`.
    """
    given = [seed for seed in seeds if seed is not None]

    def first(*leaves: Tensor) -> tuple[Tensor, ...]:
        def outputs(*tensors: Tensor) -> tuple[Tensor, ...]:
            y, last, _, histories = forward(cell, Layer(*tensors, *layer[TRAINED:]))  # pyright: ignore[reportArgumentType]
            return tuple(out for out, seed in zip((y, last, histories), seeds, strict=True) if seed is not None)

        backward: Any = torch.func.vjp(outputs, *leaves[:TRAINED])[1]
        return backward(leaves[TRAINED:])

    results, backward, *_ = torch.func.vjp(first, *layer[:TRAINED], *given)
    pairs = zip(results, weights, strict=True)
    second = backward(tuple(torch.zeros_like(result) if d is None else d for result, d in pairs))
    return second[:TRAINED], second[TRAINED:]


def recorded(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it where torch records operations, which it does not inside an operator: in a thread of its own."""
    with ThreadPoolExecutor(1) as elsewhere:
        return elsewhere.submit(function, *arguments).result()


class _Reference:
    """Runs every layer, wherever its tensors are."""

    name: ClassVar = "reference"
    keeps_bits: ClassVar = False  # torch's products round by the number of rows
    traceable: ClassVar = True
    texts: ClassVar[Mapping[str, Callable[[Cell], str]]] = {}

    def working_dtype(self, cell: Cell, like: Tensor) -> torch.dtype:
        """That of the weights."""
        return like.dtype

    def product_dtype(self, cell: Cell, working: torch.dtype, results: torch.dtype) -> torch.dtype:
        """That of everything else."""
        return working

    def refusal(self, cell: Cell, layer: Layer) -> str:
        """None."""
        return ""

    def manner(self, cell: Cell, layer: Layer) -> str:
        """The same for all."""
        return "a Python loop over time"

    def kept_width(self, cell: Cell, units: int) -> int:
        """Nothing: backward runs forward again."""
        return 0

    def forward(self, cell: Cell, layer: Layer, *, keep: bool) -> States:
        """By :func:`forward`."""
        states = forward(cell, layer)
        if keep:
            return states._replace(gates=states.last.new_empty(len(states.y), 0))
        return states._replace(histories=states.histories[:, :0].clone())

    def backward(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool) -> Gradients:
        """By torch's own gradients of :func:`forward`."""
        leaves = [tensor.detach().requires_grad_() for tensor in layer[:TRAINED] if tensor is not None]
        all_gradients = Gradients(*recorded(gradients, cell, Layer(*leaves, *layer[TRAINED:]), seeds))
        return all_gradients if input_gradient else all_gradients._replace(x=all_gradients.x[:0].clone())

    def small(self, cell: Cell, dtype: torch.dtype) -> None:
        """None: small layers are run as any others."""

    def stepper(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> LoopStepper:
        """One turn of the loop at a time."""
        return LoopStepper(cell, layer, states)


REFERENCE = _Reference()


class LoopStepper:
    """A layer carried on step by step by the step itself; see :class:`.driver.Stepper`."""

    def __init__(self, cell: Cell, layer: Layer, states: Tensor | None = None) -> None:
        self.cell, self._layer = cell, layer
        self.states = torch.stack((layer.states, layer.states)) if states is None else states
        self._read: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
        self.steps = [partial(self._step, half) for half in (0, 1)]

    def _step(self, half: int) -> None:
        read, rows = self._read[half], slice(0, self._layer.rows)
        layer = self._layer._replace(x=read.get(INPUT, self._layer.x))
        names = [previous(state) for state in self.cell.state]
        old = [read.get(name, state) for name, state in zip(names, self.states[half], strict=True)]
        self.states[1 - half] = torch.stack(one_step(self.cell, layer, rows, old))

    def reads(self, name: str) -> bool:
        """Whatever there is."""
        return name == INPUT or name in {previous(state) for state in self.cell.state}

    def read_from(self, name: str, source: Halves) -> None:
        """From now on read it from there."""
        for feed, rows in zip(self.feeds(name), source, strict=True):
            feed(rows)

    def feeds(self, name: str) -> list[Callable[[Tensor], None]]:
        """For each half, a function that keeps what the step reads."""
        return [partial(read.__setitem__, name) for read in self._read]

    def outputs(self, half: int) -> Tensor:
        """What the step that reads this half writes, (B, H)."""
        return self.states[1 - half, 0]
