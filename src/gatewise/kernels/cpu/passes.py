"""The forward and backward pass of a layer; backward in chunks of time whose gradients fit into the cache."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import torch
from torch import Tensor

from ...compiler.gradient import from_later, from_output, gradient_of, kept_width, multiplied, operands
from ...compiler.lower import program_of
from ...equation import Cell, previous
from ..layer import Gradients, Layer, Saved, Seeds, States, last_rows
from .arrays import before, gate_arrays, held, in_place, input_arrays, kept_arrays, now, over_time, pointers
from .elements import sum_rows
from .few_rows import ROWS as FEW_ROWS
from .memory import lent, rows_apart
from .output import output_of
from .plan import Plan, Sweeping, backward_plan, forward_plan, pairs_for
from .table import Array, When
from .weight_gradients import Reductions

_BYTES = 8 * 2**20  # of one chunk; of this order are the caches that cores share
_ROWS = 512  # at least, so that a product over a chunk's rows is worth packing for


def chunks_of(layer: Layer, row_bytes: int) -> list[tuple[slice, slice]]:
    """Steps and rows of each chunk, in order of time, when one row takes so many bytes. A step is never cut."""
    most = _most_rows(row_bytes)
    if layer.batch_sizes is None:
        steps = max(1, most // max(1, layer.rows))
        cuts = [*range(0, layer.steps, steps), layer.steps]
        return [(slice(start, stop), slice(start * layer.rows, stop * layer.rows)) for start, stop in pairwise(cuts)]
    offsets: list[int] = layer.offsets().tolist()
    chunks: list[tuple[slice, slice]] = []
    start = 0
    while start < layer.steps:
        stop = max(start + 1, bisect_right(offsets, offsets[start] + most) - 1)
        chunks.append((slice(start, stop), slice(offsets[start], offsets[stop])))
        start = stop
    return chunks


def _most_rows(row_bytes: int) -> int:
    return max(_ROWS, _BYTES // max(1, row_bytes))


def rows_of_chunk(cell: Cell, units: int, dtype: torch.dtype) -> int:
    """How many rows one chunk has at most when their gradients are taken."""
    return _most_rows(len(cell.gates) * units * dtype.itemsize)


def forward(cell: Cell, layer: Layer, *, keep: bool) -> States:
    """Run the cell over all of time; ``keep`` what backward needs."""
    rows, units, memories = layer.x.shape[0], layer.units, len(cell.state) - 1
    plan = forward_plan(cell, layer.dtype, keep, layer.rows <= FEW_ROWS, layer.inputs, units, pairs_for(layer))
    histories = lent(layer.states, memories, rows if keep else 0, units)
    gates = lent(layer.states, rows if keep else 0, kept_width(cell, units))
    last = layer.states.clone()
    starts = pointers(layer.states)
    output = output_of(cell, layer, plan, last)
    arrays = input_arrays(cell, layer.x) | output.arrays
    ended: list[Tensor | None] = [output.history]
    for index, state in enumerate(cell.state[1:]):
        if keep or previous(state) in operands(program_of(cell)):
            # what U multiplies is read by all units, so it must not be written in place
            history = histories[index] if keep else layer.states.new_empty(rows, units)
            arrays |= over_time(state, history.data_ptr(), units, starts[index + 1])
            ended.append(history)
        else:
            arrays |= in_place(state, last[index + 1].data_ptr(), units)
            ended.append(None)
    if keep:
        arrays |= kept_arrays(cell, gates, units)
    Sweeping(plan, cell, layer).run(arrays, slice(0, layer.steps))
    if layer.steps:
        ends, count = _last(layer), layer.starting
        _take_last(last, ended, ends, count)
        output.complete(last[0, :count], ends)
    if layer.batch_sizes is not None and (beyond := _end(layer)) < rows:
        for rows_of in (output.y, gates, *histories):
            rows_of[beyond:] = 0
    return States(output.y, last, gates, histories)


def _last(layer: Layer) -> slice | Tensor:
    """The last row of every sequence that runs at all."""
    if layer.batch_sizes is None:
        return slice(-layer.rows, None)
    return last_rows(layer.batch_sizes)


def _take_last(last: Tensor, ended: list[Tensor | None], rows: slice | Tensor, count: int) -> None:
    """Copy each sequence's last row of every state's history, where there is one, into ``last`` (S, B, H)."""
    for state, history in zip(last, ended, strict=True):
        if history is not None:
            state[:count] = history[rows]


def _end(layer: Layer) -> int:
    """How many rows of x there are to compute."""
    return layer.x.shape[0] if layer.batch_sizes is None else int(layer.batch_sizes.sum())


def backward(cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool = True) -> Gradients:
    """Gradients of everything in ``layer``, from those of y, the last states, and the histories if they have any.

    Time is taken in chunks from the end: the gradients of a chunk's pre-activations are summed up into those of the
    weights while they are in the cache, and never all there at once.
    Without ``input_gradient`` that of x, a large product, is left out and has length 0.
    """
    units, like = layer.units, layer.states
    chunks = chunks_of(layer, len(cell.gates) * units * like.itemsize)
    most = max((rows.stop - rows.start for _, rows in chunks), default=0)
    inner = lent(like, len(operands(program_of(cell))), most, units)
    d_inputs = lent(like, len(cell.inputs), most, units)
    d_states, d_per_unit = seeds.last.clone(), like.new_zeros(len(cell.per_unit), layer.rows, units)
    few, seeded = layer.rows <= FEW_ROWS, seeds.histories is not None
    plan = backward_plan(cell, layer.dtype, seeded, few, layer.inputs, units, pairs_for(layer))
    widened = _Widened(cell, layer, saved, seeds, plan, most) if layer.gives_halves else None
    arrays, nothing = _backward_arrays(cell, layer, saved, seeds, d_states, d_per_unit), like.new_zeros(units)
    sums = Reductions(cell, layer, saved.y, input_gradient=input_gradient)
    sweep = Sweeping(plan, cell, layer)
    after = 0
    d_gates = rows_apart(like, most + layer.rows, len(cell.gates), units)  # of a chunk, and of the step after it
    for steps, rows in reversed(chunks):
        count = rows.stop - rows.start
        if after:  # the first step of the chunk before, which is after this one in time
            d_gates[count : count + after] = d_gates[:after].clone()
        if widened is not None:
            arrays |= widened.chunk(steps, rows)
        arrays |= _chunk_arrays(cell, d_gates, inner, rows.start, nothing)
        for name, pointer in zip(cell.inputs, pointers(d_inputs), strict=True):
            arrays[gradient_of(name)] = now(pointer, units).shifted(rows.start, d_inputs.itemsize)
        sweep.run(arrays, steps)
        sums.add(rows, d_gates[:count], inner[:, :count])
        sums.add_inputs(rows, d_inputs[:, :count])
        after = layer.running(steps.start)
    sums.add_first_state(d_gates, d_states[0])
    d_vectors = torch.empty_like(d_per_unit[:, 0])
    for target, of_rows in zip(d_vectors, d_per_unit, strict=True):
        sum_rows(target, of_rows)
    return sums.gradients(d_vectors, d_states)


class _Widened:
    """What a caller has in bfloat16 and a sweep reads in the dtype of the states: the gradient of the output, and the
    output of the step before where not only products read it. A chunk at a time, while it is in the cache."""

    def __init__(self, cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, plan: Plan, most: int) -> None:
        self._layer, self._output, self._y, self._d_y = layer, cell.state[0], saved.y, seeds.y
        before = most + layer.rows if previous(self._output) in plan.kernel.table.sweep.arrays else 0
        self._of_d_y, self._of_y = (lent(layer.states, rows, layer.units) for rows in (most, before))

    def chunk(self, steps: slice, rows: slice) -> dict[str, Array]:
        """The arrays of these steps, which have these rows."""
        arrays = {from_output(self._output): self._rows(self._of_d_y, self._d_y, rows)}
        if len(self._of_y):
            first = rows.start - (self._layer.running(steps.start - 1) if steps.start else 0)
            past = self._rows(self._of_y, self._y, slice(first, rows.stop))
            initial = self._layer.states.data_ptr()
            arrays[previous(self._output)] = past._replace(when=When.BEFORE, edge=initial, edge_row=self._layer.units)
        return arrays

    def _rows(self, target: Tensor, source: Tensor, rows: slice) -> Array:
        target[: rows.stop - rows.start].copy_(source[rows])
        return now(target.data_ptr(), self._layer.units).shifted(rows.start, target.itemsize)


def _backward_arrays(
    cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, d_states: Tensor, d_per_unit: Tensor
) -> dict[str, Array]:
    """All arrays of the backward sweep that do not move from chunk to chunk."""
    units = layer.units
    arrays = {from_output(cell.state[0]): now(seeds.y.data_ptr(), units)}
    arrays |= kept_arrays(cell, saved.gates, units) | input_arrays(cell, layer.x)
    if seeds.histories is not None:
        for name, seed in zip(cell.state[1:], pointers(seeds.histories), strict=True):
            arrays[from_output(name)] = now(seed, units)
    pasts, starts = (saved.y.data_ptr(), *pointers(saved.histories)), pointers(layer.states)
    for state, past, start, d_state in zip(cell.state, pasts, starts, pointers(d_states), strict=True):
        arrays[previous(state)] = before(past, units, start)
        arrays[from_later(state)] = arrays[gradient_of(previous(state))] = held(d_state, units)
    for weight, sums in zip(cell.per_unit, pointers(d_per_unit), strict=True):
        arrays[from_later(weight)] = arrays[gradient_of(weight)] = held(sums, units)
    return arrays


def _chunk_arrays(cell: Cell, d_gates: Tensor, inner: Tensor, first: int, nothing: Tensor) -> dict[str, Array]:
    """The arrays that hold one chunk, whose rows begin with this one. nothing: the gradients after the last step."""
    arrays: dict[str, Array] = {}
    for name, array in gate_arrays([gate.preactivation for gate in cell.gates], d_gates, d_gates.shape[2]).items():
        in_chunk = array.shifted(first, d_gates.itemsize)
        arrays[gradient_of(name)] = in_chunk
        arrays[from_later(name)] = in_chunk._replace(when=When.AFTER, edge=nothing.data_ptr())
    for name, pointer in zip(operands(program_of(cell)), pointers(inner), strict=True):
        arrays[multiplied(name)] = now(pointer, inner.shape[2]).shifted(first, inner.itemsize)
    return arrays
