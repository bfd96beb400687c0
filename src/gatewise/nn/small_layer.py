"""A plain layer on plain tensors: one call into machine code forward, and one backward; see :mod:`.small`."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..kernels.choice import small_passes, working_dtype
from ..kernels.dispatch import sequence
from ..kernels.draws import drawn
from ..kernels.registry import Registered
from ..kernels.small import (
    Biases,
    Guard,
    LayerSize,
    Passes,
    Script,
    is_bare_or_empty,
    is_ordinary_call,
    is_whole,
    usable_threads,
)
from .check import HUGE
from .layer_run import assembled
from .weights import MATRICES, Sizes, bias_slices, shapes

_KINDS = 256  # of calls that a layer keeps at hand

Tensors: TypeAlias = Sequence[Any]
"""x, weights and states: tensors, once that has been looked at."""


class UnusualError(Exception):
    """The input has values that the general path refuses or warns of."""


class _Call:
    """Calls of one kind: with tensors that have these shapes, and learn or do not.

    passes: of the cell in their dtype. y: the shape of the outputs. learns: whether gradients are recorded. training:
    whether random numbers are drawn. weights_at: the addresses of the weights when their memory was looked at.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        passes: Passes,
        script: Script,
        size: LayerSize,
        *,
        separate: bool,
        learns: bool,
        training: bool,
    ) -> None:
        self.training = training
        self.passes, self.script, self.size, self.separate, self.learns = passes, script, size, separate, learns
        self.y = (*tensors[0].shape[:-1], size.units)
        self.fits = Guard(tensors)
        self.weights_at: list[int] = []
        self.backward: dict[tuple[bool, int], tuple[Guard, Script]] = {}


class SmallLayer:
    """The small calls of one layer in one direction. suffix: of its weights' names.

    own: the module's cell, which may draw its random numbers at other rates, and start from other states, than the one
    that is registered with the same step. inputs: I, what W multiplies. columns: of the input, with the numbers of each
    row that the step reads itself.
    """

    def __init__(self, own: Cell, registered: Registered, inputs: int, units: int, suffix: str, *, bias: bool) -> None:
        self.own, cell = own, registered.cell
        self.registered, self.cell, self.inputs, self.units = registered, cell, inputs, units
        self.columns = inputs + len(cell.row_inputs)
        sizes = Sizes(cell, units)
        expected = shapes(cell, inputs, sizes, bias=bias)
        self._scalars = [place for place, name in enumerate(expected) if name in cell.scalars]
        expected |= dict.fromkeys(cell.scalars, (units,))
        self.names, self._shapes = tuple(expected), tuple(expected.values())
        self._full_names = tuple(name + suffix for name in expected)
        self._parameters = itemgetter(*self._full_names)
        self._absent = [place for place, name in enumerate(("bias_ih", "bias_hh"), 3) if name not in expected]
        gates = [gate.name for gate in cell.gates if gate.has_bias]
        self.biases: Biases = tuple(_parts(sizes, gate) if bias else () for gate in gates)
        self._draws = bool(cell.noise)
        self._calls: dict[tuple[Any, ...], list[_Call]] = {}

    def run(
        self, module: nn.Module, x: Tensor, states: Sequence[Tensor], *, separate: bool, finite: bool
    ) -> Sequence[Tensor] | None:
        """Outputs, and the last states; None where a general call is for it.

        x: (T, B, I) or (B, I). states: initial, (B, H) or (1, B, H), as the last will be. separate: whether the last
        state of the output is a tensor of its own, which follows the outputs. finite: whether the input must be. Raises
        UnusualError where it is not, or where it is huge.
        """
        tensors: Tensors = (x, *self._weights(module), *states)
        training = self._draws and module.training
        kind = (x.shape, separate, torch.is_grad_enabled(), usable_threads(), training)
        call = self._known_call(kind, tensors)
        if call is None:
            tensors = _apart(tensors)
            call = self._known_call(kind, tensors) or self._new_call(kind, tensors)
            if call is None:
                return None
        addresses = self._addresses(call, tensors)
        if addresses is None:
            return None
        noise = self._noise(call, x) if self._draws else ()
        if call.learns:
            return _recorded(self, call, addresses, finite, noise, *tensors)
        results = self.results(call, tensors)
        _play(call, addresses + [tensor.data_ptr() for tensor in (*noise, *results)], finite=finite)
        return results

    def _noise(self, call: _Call, like: Tensor) -> Sequence[Tensor]:
        """The random numbers of one call, or the means in place of them."""
        rows = {"step": call.size.all_rows, "sequence": call.size.rows}
        return [
            drawn(self.own, each, count, self.units, like, training=call.training).contiguous()
            for each, count in rows.items()
        ]

    def _weights(self, module: nn.Module) -> Sequence[Any]:
        """A module's weights, also where tensors that are no parameters stand for some: pruned or dropped weights."""
        parameters = module._parameters  # pyright: ignore[reportPrivateUsage]
        try:
            weights: Sequence[Any] = self._parameters(parameters)
        except KeyError:  # what is computed when it is asked for is not asked for here: it may be random
            weights = tuple(map({**vars(module), **parameters}.get, self._full_names))
        return self._spread(weights) if self._scalars else weights

    def _spread(self, weights: Sequence[Any]) -> Sequence[Any]:
        """Those with one number as kernels take them, (H,)."""
        spread = list(weights)
        for place in self._scalars:
            if isinstance(spread[place], Tensor) and spread[place].shape == (1,):
                spread[place] = spread[place].expand(self.units).contiguous()
        return spread

    def _known_call(self, kind: tuple[Any, ...], tensors: Tensors) -> _Call | None:
        for call in self._calls.get(kind, ()):
            if call.fits(tensors):
                return call
        return None

    def _new_call(self, kind: tuple[Any, ...], tensors: Tensors) -> _Call | None:
        """None where a tensor is not plain, or nothing runs such a layer whole."""
        (shape, separate, learning, _, training), (x, *_) = kind, tensors
        if (
            not isinstance(x, Tensor)
            or shape[-1] != self.columns
            or not all(_is_plain(tensor, x) for tensor in tensors)
        ):
            return None
        end = 1 + len(self.names)
        state = (shape[-2], self.units) if tensors[end].dim() == 2 else (1, shape[-2], self.units)
        if [tensor.shape for tensor in tensors[1:]] != [*self._shapes, *(state for _ in tensors[end:])]:
            return None
        learns = learning and any(tensor.requires_grad for tensor in tensors)
        size = LayerSize(shape[0] if len(shape) == 3 else 1, shape[-2], self.inputs, self.units)
        passes = small_passes(self.cell, x)
        if passes is None or 0 in size:
            return None
        options = {"separate": separate, "training": training}
        script = passes.forward(size, self.biases, keep=learns, limit=HUGE, **options)
        if script is None:
            return None
        if sum(map(len, self._calls.values())) >= _KINDS:
            self._calls.clear()
        call = _Call(tensors, passes, script, size, learns=learns, **options)
        self._calls.setdefault(kind, []).append(call)
        return call

    def _addresses(self, call: _Call, tensors: Tensors) -> list[int] | None:
        """Of x, weights and states, as scripts take them; None where memory is not there."""
        addresses = [tensor.data_ptr() for tensor in tensors]
        end = 1 + len(self.names)
        if addresses[1:end] != call.weights_at:  # memory that was made shorter lies elsewhere
            if not all(map(is_whole, tensors[1:end])):
                return None
            call.weights_at = addresses[1:end]
        for tensor in (tensors[0], *tensors[end:]):
            if tensor.untyped_storage().nbytes() != tensor.nbytes and not is_whole(tensor):
                return None
        return self.with_absent(addresses) if self._absent else addresses

    def with_absent(self, addresses: list[int]) -> list[int]:
        """Addresses of x and weights, with any for biases that it has not."""
        for place in self._absent:
            addresses.insert(place, 0)
        return addresses

    def results(self, call: _Call, tensors: Tensors) -> list[Tensor]:
        """Outputs and last states, not yet written."""
        states = tensors[1 + len(self.names) :]
        if not call.separate:
            return [torch.empty_like(state) for state in states]
        return [tensors[0].new_empty(call.y), *[torch.empty_like(state) for state in states]]


def _apart(tensors: Tensors) -> Tensors:
    """The same, where one stands twice the second as a view of it: a guard fits no tensor twice."""
    seen: set[int] = set()
    apart: list[Any] = []
    for tensor in tensors:
        apart.append(tensor.view_as(tensor) if id(tensor) in seen and _is_plain(tensor, tensor) else tensor)
        seen.add(id(tensor))
    return apart


def _is_plain(tensor: Any, like: Tensor) -> bool:
    return isinstance(tensor, Tensor) and is_bare_or_empty(tensor, like.dtype)


def _parts(sizes: Sizes, gate: str) -> tuple[tuple[int, int], ...]:
    slices = bias_slices(sizes, gate)
    return tuple((which, slices[name].start) for which, name in enumerate(("bias_ih", "bias_hh")) if name in slices)


def _play(call: _Call, addresses: list[int], *, finite: bool) -> None:
    if call.script.play(addresses) and finite:
        raise UnusualError


class _Small(torch.autograd.Function):
    """A small layer whose passes are scripts."""

    @staticmethod
    def forward(
        ctx: Any,
        layer: SmallLayer,
        call: _Call,
        addresses: list[int],
        finite: bool,
        noise: Sequence[Tensor],
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        """Outputs and last states; keep what backward reads."""
        results, kept = layer.results(call, tensors), call.passes.memory(call.size, tensors[0])
        _play(call, addresses + [tensor.data_ptr() for tensor in (*noise, *results, kept)], finite=finite)
        ctx.layer, ctx.call, ctx.noise = layer, call, noise
        several = call.size.steps > 1  # only then are outputs read again, and may not be changed in place
        ctx.save_for_backward(*tensors, kept, *(results[:1] if several else ()))
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *seeds: Tensor) -> Any:
        """Gradients of x, weights and states."""
        layer, call, needed = ctx.layer, ctx.call, ctx.needs_input_grad[_BEFORE_TENSORS:]
        count = len(needed)
        saved = ctx.saved_tensors
        tensors, kept, y = saved[:count], saved[count], saved[-1]
        seeds = tuple([seed.contiguous() for seed in seeds])
        script = _backward_script(layer, call, (*tensors, *seeds), kept, needed[0])
        if script is None:
            return (*(None,) * _BEFORE_TENSORS, *_generally(layer, call, ctx.noise, tensors, seeds, needed))
        gradients = [torch.empty_like(tensor) for tensor in (tensors if needed[0] else tensors[1:])]
        read, written = ([tensor.data_ptr() for tensor in group] for group in (tensors, gradients))
        between = [tensor.data_ptr() for tensor in (*ctx.noise, y, kept, *seeds)]
        written = layer.with_absent(written if needed[0] else [0, *written])[not needed[0] :]
        script.play(layer.with_absent(read) + between + written)
        return (*(None,) * _BEFORE_TENSORS, *(() if needed[0] else (None,)), *gradients)


# Function.apply looks in Python through every tensor for transforms that have ended; a call that is plain has none.
_recorded: Any = super(torch.autograd.Function, _Small).apply  # pyright: ignore[reportAttributeAccessIssue]

_BEFORE_TENSORS = 5
"""Arguments of ``_Small.forward``."""


def _backward_script(
    layer: SmallLayer, call: _Call, tensors: Sequence[Tensor], kept: Tensor, input_gradient: bool
) -> Script | None:
    """None where the gradient is anything but plain, or itself to be differentiated. kept: what forward kept, in the
    dtype it computes in."""
    if torch.is_grad_enabled() or not is_ordinary_call():
        return None
    all_tensors = (*tensors, kept)
    key = (input_gradient, usable_threads())
    if key in call.backward:
        fits, script = call.backward[key]
        if fits(all_tensors) and all(map(is_whole, all_tensors)):
            return script
    dtypes = (*[tensors[0].dtype] * len(tensors), kept.dtype)
    if not all(map(is_bare_or_empty, all_tensors, dtypes)) or not all(map(is_whole, all_tensors)):
        return None
    options = {"separate": call.separate, "training": call.training, "input_gradient": input_gradient}
    script = call.passes.backward(call.size, layer.biases, **options)
    call.backward[key] = Guard(all_tensors), script
    return script


def _generally(
    layer: SmallLayer,
    call: _Call,
    noise: Sequence[Tensor],
    tensors: Sequence[Tensor],
    seeds: Sequence[Tensor],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """The gradients by the general path, which is run once more: for gradients of gradients, and under transforms."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, since from the tensors themselves torch may go on to what they were made of.
        tensors = [tensor.view_as(tensor) for tensor in tensors]
        results = _run_generally(layer, call, noise, tensors)
    sources = [tensor for tensor, need in zip(tensors, needed, strict=True) if need]
    gradients = iter(torch.autograd.grad(results, sources, list(seeds), create_graph=again, materialize_grads=True))
    return [next(gradients) if need else None for need in needed]


def _run_generally(layer: SmallLayer, call: _Call, noise: Sequence[Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
    count, size = 1 + len(layer.names), call.size
    x, weights, states = tensors[0], tensors[1:count], tensors[count:]
    dtype = working_dtype(layer.cell, x)
    first = torch.stack([state.reshape(size.rows, size.units) for state in states]).to(dtype)
    named = {
        name: weight if name in MATRICES else weight.to(dtype)
        for name, weight in zip(layer.names, weights, strict=True)
    }
    whole = assembled(layer.cell, named, x.reshape(size.all_rows, layer.columns), first, training=False)
    if noise:
        whole = whole._replace(step_noise=noise[0], sequence_noise=noise[1])
    ran = sequence(layer.registered, whole)
    last = [state.reshape(start.shape).to(x.dtype) for state, start in zip(ran.last, states, strict=True)]
    return [ran.y.reshape(call.y), *last[0 if call.separate else 1 :]]
