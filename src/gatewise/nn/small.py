"""Calls of plain layers on plain tensors: one call into machine code forward, and one backward.

What a general call asks of every tensor takes longer than a small layer itself: a cell in a loop, a layer over a few
steps. So a call is looked at quickly here. Where it is anything but plain (under a transform, a mode, autocast or
compilation, with other tensors or options), or its input is not finite, the general path runs it, and refuses what it
refuses in its own words. Results are the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..equation import Cell
from ..kernels.choice import small_passes
from ..kernels.dispatch import sequence
from ..kernels.registry import Registered
from ..kernels.small import Biases, Passes, Script, Size, is_bare, is_ordinary_call
from .check import HUGE
from .layer_run import assembled
from .weights import bias_slices, shapes

_MOST = 2**24  # elements of an input that are copied to have them one behind the other
_SIZES = 256  # for which a layer keeps scripts at hand


class UnusualError(Exception):
    """The input has values that the general path refuses or warns of."""


class Shapes(NamedTuple):
    """What the results of a call look like. y: of the outputs. state: of a last state. separate: whether the last state
    of the output is a tensor of its own."""

    y: tuple[int, ...]
    state: tuple[int, ...]
    separate: bool


class SmallLayer:
    """The small calls of one layer in one direction. suffix: of its weights' names."""

    def __init__(self, registered: Registered, inputs: int, units: int, suffix: str, *, bias: bool) -> None:
        cell = registered.cell
        self.registered, self.cell, self.inputs, self.units = registered, cell, inputs, units
        expected = shapes(cell, inputs, units, bias=bias)
        self.names = tuple(expected)
        self._expected = tuple((name + suffix, shape) for name, shape in expected.items())
        self._absent = [place for place, name in enumerate(("bias_ih", "bias_hh"), 3) if name not in expected]
        gates = [gate.name for gate in cell.gates if gate.has_bias]
        self.biases: Biases = tuple(_parts(cell, gate, units) if bias else () for gate in gates)
        self._scripts: dict[tuple[Any, ...], Script | None] = {}

    def weights(self, parameters: Mapping[str, Tensor | None], dtype: torch.dtype) -> list[Tensor] | None:
        """Its weights in the order of a state dict; None where one is not plain, or not of the dtype."""
        weights: list[Tensor] = []
        for name, shape in self._expected:
            weight = parameters.get(name)
            if weight is None or not is_bare(weight, dtype) or weight.shape != shape:
                return None
            weights.append(weight)
        return weights

    def run(
        self, x: Tensor, weights: Sequence[Tensor], states: Sequence[Tensor], shapes: Shapes, *, finite: bool
    ) -> Sequence[Tensor] | None:
        """Outputs, and the last states; None where a general call is for it.

        x: (T, B, I) or (B, I). states: initial, (B, H) each or the like. All are plain. finite: whether the input must
        be. Raises UnusualError where it is not, or where it is huge.
        """
        rows, inputs = x.shape[-2:]
        size = Size(x.shape[0] if x.dim() == 3 else 1, rows, inputs, self.units)
        tensors = (x, *weights, *states)
        learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
        script = self._script(size, x, learns, shapes.separate)
        if script is None:
            return None
        if learns:
            return _Small.apply(self, script, size, shapes, finite, *tensors)  # pyright: ignore[reportUnknownMemberType]
        results = _results(self.cell, x, shapes)
        _play(script, x, self.addresses(tensors), results, finite=finite)
        return results

    def _script(self, size: Size, like: Tensor, keep: bool, separate: bool) -> Script | None:
        """Of the forward pass."""
        key = (size, like.dtype, keep, separate, torch.get_num_threads())
        try:
            return self._scripts[key]
        except KeyError:
            script, passes = None, small_passes(self.cell, like)
            if passes is not None:
                script = passes.forward(size, self.biases, keep=keep, separate=separate, limit=HUGE)
            if len(self._scripts) >= _SIZES:
                self._scripts.clear()
            self._scripts[key] = script
            return script

    def passes(self, like: Tensor) -> Passes:
        """Of a layer that had a forward pass."""
        passes = small_passes(self.cell, like)
        assert passes is not None
        return passes

    def addresses(self, tensors: Sequence[Tensor]) -> list[int]:
        """Of x, weights and states, as scripts take them."""
        places = [tensor.data_ptr() for tensor in tensors]
        for place in self._absent:
            places.insert(place, 0)
        return places


def _parts(cell: Cell, gate: str, units: int) -> tuple[tuple[int, int], ...]:
    slices = bias_slices(cell, gate, units)
    return tuple((which, slices[name].start) for which, name in enumerate(("bias_ih", "bias_hh")) if name in slices)


def _results(cell: Cell, x: Tensor, shapes: Shapes) -> list[Tensor]:
    count = len(cell.state) - (not shapes.separate)
    return [x.new_empty(shapes.y), *[x.new_empty(shapes.state) for _ in range(count)]]


def _play(script: Script, x: Tensor, addresses: list[int], results: Sequence[Tensor], *, finite: bool) -> None:
    if script.play(x, addresses + [tensor.data_ptr() for tensor in results]) and finite:
        raise UnusualError


class _Small(torch.autograd.Function):
    """A small layer whose passes are scripts."""

    @staticmethod
    def forward(
        ctx: Any, layer: SmallLayer, script: Script, size: Size, shapes: Shapes, finite: bool, *tensors: Tensor
    ) -> Any:
        """Outputs and last states; keep what backward reads."""
        x = tensors[0]
        results, kept = _results(layer.cell, x, shapes), layer.passes(x).memory(size, x)
        _play(script, x, layer.addresses(tensors), [*results, kept], finite=finite)
        ctx.layer, ctx.size, ctx.shapes = layer, size, shapes
        several = size.steps > 1  # only then are outputs read again, and may not be changed in place
        ctx.save_for_backward(*tensors, kept, results[0] if several else None)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *seeds: Tensor) -> Any:
        """Gradients of x, weights and states."""
        layer: SmallLayer = ctx.layer
        *tensors, kept, y = ctx.saved_tensors
        needed = ctx.needs_input_grad[_ARGUMENTS:]
        seeds = tuple(seed.contiguous() for seed in seeds)
        plain = is_ordinary_call() and all(is_bare(tensor, kept.dtype) for tensor in (*tensors, *seeds, kept))
        if torch.is_grad_enabled() or not plain:
            return (*(None,) * _ARGUMENTS, *_general(ctx, tensors, seeds, needed))
        x = tensors[0]
        script = layer.passes(x).backward(
            ctx.size, layer.biases, separate=ctx.shapes.separate, input_gradient=needed[0]
        )
        gradients = [torch.empty_like(tensor) for tensor in tensors[not needed[0] :]]
        read = [kept.data_ptr() if y is None else y.data_ptr(), kept.data_ptr()]
        read += [seed.data_ptr() for seed in seeds]
        written = layer.addresses(gradients if needed[0] else [x, *gradients])[not needed[0] :]
        script.play(x, layer.addresses(tensors) + read + written)
        return (*(None,) * _ARGUMENTS, *(() if needed[0] else (None,)), *gradients)


_ARGUMENTS = 5
"""Of ``_Small.forward`` before its tensors."""


def _general(ctx: Any, tensors: Sequence[Tensor], seeds: Sequence[Tensor], needed: Sequence[bool]) -> list[Any]:
    """The gradients by the general path, which is run once more: for gradients of gradients, and under transforms."""
    layer: SmallLayer = ctx.layer
    with torch.enable_grad():
        results = _run_generally(layer, ctx.size, ctx.shapes, tensors)
    sources = [tensor for tensor, need in zip(tensors, needed, strict=True) if need]
    again = torch.is_grad_enabled()
    gradients = iter(torch.autograd.grad(results, sources, list(seeds), create_graph=again, materialize_grads=True))
    return [next(gradients) if need else None for need in needed]


def _run_generally(layer: SmallLayer, size: Size, shapes: Shapes, tensors: Sequence[Tensor]) -> list[Tensor]:
    x, weights, states = tensors[0], tensors[1 : 1 + len(layer.names)], tensors[1 + len(layer.names) :]
    first = torch.stack([state.reshape(size.rows, size.units) for state in states])
    named = dict(zip(layer.names, weights, strict=True))
    whole = assembled(layer.cell, named, x.reshape(size.all_rows, size.inputs), first, training=False)
    ran = sequence(layer.registered, whole)
    last = [state.reshape(shapes.state) for state in ran.last]
    return [ran.y.reshape(shapes.y), *last[0 if shapes.separate else 1 :]]


class Small:
    """The small calls of a module: a step of a cell, or a stack of layers.

    directions: of each layer, 1 or 2. layers: in the order of their weights, directions side by side.
    """

    def __init__(self, layers: Sequence[SmallLayer], directions: int = 1) -> None:
        self._layers, self._directions, self._cell = layers, directions, layers[0].cell

    def step(self, parameters: Mapping[str, Tensor | None], x: Tensor, hx: Any, *, finite: bool) -> Any:
        """One step of a cell, (B, I) to its states in the form of hx, (B, H); None where a general call is for it."""
        layer, x = self._layers[0], _whole(x)
        if x.dim() != 2 or x.shape[1] != layer.inputs or not is_bare(x, x.dtype):
            return None
        weights, shape = layer.weights(parameters, x.dtype), (x.shape[0], layer.units)
        states = self._states(hx, shape, x)
        if weights is None or states is None:
            return None
        try:
            ended = layer.run(x, weights, states, Shapes(shape, shape, separate=False), finite=finite)
        except UnusualError:
            return None
        return ended and (tuple(ended) if len(ended) > 1 else ended[0])

    def stack(
        self, parameters: Mapping[str, Tensor | None], x: Tensor, hx: Any, *, dropout: float, finite: bool
    ) -> Any:
        """Layers over a sequence, (T, B, I) to outputs (T, B, D * H) and last states; None as above.

        dropout: of the outputs of every layer but the last, 0 where it is not training.
        """
        x = _whole(x)
        if x.dim() != 3 or x.shape[2] != self._layers[0].inputs or not is_bare(x, x.dtype):
            return None
        weights = [layer.weights(parameters, x.dtype) for layer in self._layers]
        shape = (len(self._layers), x.shape[1], self._layers[0].units)
        states = self._states(hx, shape, x)
        if states is None or None in weights:
            return None
        try:
            return self._stacked(x, weights, states, dropout, finite)  # pyright: ignore[reportArgumentType]
        except UnusualError:
            return None

    def _states(self, hx: Any, shape: tuple[int, ...], x: Tensor) -> Sequence[Tensor] | None:
        """The initial states, or what they start from; None where they are not plain, or of another shape."""
        if hx is None:
            return [x.new_zeros(shape) if start == 0 else x.new_full(shape, start) for start in self._cell.initial]
        states = hx if len(self._cell.state) > 1 else (hx,)
        if type(states) is not tuple or len(states) != len(self._cell.state):  # pyright: ignore[reportUnknownArgumentType]
            return None
        if all(is_bare(state, x.dtype) and state.shape == shape for state in states):
            return states  # pyright: ignore[reportUnknownVariableType]
        return None

    def _stacked(
        self, x: Tensor, weights: list[list[Tensor]], states: Sequence[Tensor], dropout: float, finite: bool
    ) -> Any:
        single = len(self._layers) == 1
        separate = [(state,) if single else state.unbind() for state in states]
        ended: list[Sequence[Tensor]] = []
        steps, rows, _ = x.shape
        for first in range(0, len(self._layers), self._directions):
            if first and dropout:
                x = torch.nn.functional.dropout(x, dropout)
            outputs: list[Tensor] = []
            for direction, layer in enumerate(self._layers[first : first + self._directions]):
                starts = [parts[first + direction] for parts in separate]
                shape = (1, rows, layer.units) if single else (rows, layer.units)
                shapes = Shapes((steps, rows, layer.units), shape, separate=True)
                read = x.flip(0) if direction else x
                ran = layer.run(read, weights[first + direction], starts, shapes, finite=finite and not first)
                if ran is None:
                    return None
                y, *last = ran
                outputs.append(y.flip(0) if direction else y)
                ended.append(last)
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, 2)
        joined = ended[0] if single else [torch.stack(parts) for parts in zip(*ended, strict=True)]
        return x, tuple(joined) if len(joined) > 1 else joined[0]


def _whole(x: Tensor) -> Tensor:
    """Contiguous, where that does not take much memory."""
    return x if x.is_contiguous() or x.numel() > _MOST else x.contiguous()
