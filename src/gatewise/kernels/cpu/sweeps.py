"""One layer on the CPU: tensors laid out for the compiled sweeps, and what follows the sweeps."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import torch
from torch import Tensor

from ...compiler.gradient import from_later, from_output, gradient_of, kept_gates, multiplied, operands
from ...compiler.lower import program_of
from ...compiler.stages import INPUT, backward_sweep, bias_of, forward_sweep
from ...equation import Cell, previous
from ..layer import Gradients, Kept, Layer, Saved, Seeds, last_rows
from . import reductions
from .compile import Kernel, compile_sweep
from .memory import empty
from .pack import Packing, pack, packing
from .table import Array, When
from .threads import run, wanted

_PLANS = 512  # sizes that are remembered for each direction; each takes a few kilobytes


@dataclass(frozen=True)
class Plan:
    """A compiled sweep, and how weights are packed for it, at one size."""

    kernel: Kernel
    packing: Packing


@cache
def _forward_kernel(cell: Cell, dtype: torch.dtype, keep: bool) -> Kernel:
    return compile_sweep(forward_sweep(cell, keep=keep), dtype)


@cache
def _backward_kernel(cell: Cell, dtype: torch.dtype, histories: bool) -> Kernel:
    return compile_sweep(backward_sweep(cell, histories=histories), dtype)


@lru_cache(maxsize=_PLANS)
def _forward_plan(cell: Cell, dtype: torch.dtype, keep: bool, inputs: int, units: int) -> Plan:
    return _planned(_forward_kernel(cell, dtype, keep), cell, inputs, units, transposed=True)


@lru_cache(maxsize=_PLANS)
def _backward_plan(cell: Cell, dtype: torch.dtype, histories: bool, inputs: int, units: int) -> Plan:
    return _planned(_backward_kernel(cell, dtype, histories), cell, inputs, units, transposed=False)


def _planned(kernel: Kernel, cell: Cell, inputs: int, units: int, *, transposed: bool) -> Plan:
    stages = kernel.table.sweep.stages
    return Plan(kernel, packing(stages, kernel.tiles, cell.gates, inputs, units, transposed=transposed))


def forward(cell: Cell, layer: Layer, *, keep: bool) -> Kept:
    """Run the cell over all of time; ``keep`` what backward needs."""
    rows, units, memories = layer.x.shape[0], layer.units, len(cell.state) - 1
    y = empty(layer.x, rows, units)
    histories = empty(y, memories, rows if keep else 0, units)
    preactivations = empty(y, rows if keep else 0, len(cell.gates), units)
    last = layer.states.clone()
    starts = pointers(layer.states)
    arrays = {
        INPUT: now(layer.x.data_ptr(), layer.x.shape[1]),
        cell.state[0]: now(y.data_ptr(), units),
        previous(cell.state[0]): before(y.data_ptr(), units, starts[0]),
    }
    ended: list[Tensor | None] = [y]
    for index, state in enumerate(cell.state[1:]):
        if keep or previous(state) in operands(program_of(cell)):
            # what U multiplies is read by all units, so it must not be written in place
            history = histories[index] if keep else torch.empty_like(y)
            arrays[state] = now(history.data_ptr(), units)
            arrays[previous(state)] = before(history.data_ptr(), units, starts[index + 1])
            ended.append(history)
        else:
            arrays[state] = arrays[previous(state)] = held(last[index + 1].data_ptr(), units)
            ended.append(None)
    if keep:
        arrays |= gate_arrays(kept_gates(cell), preactivations)
    _sweep(_forward_plan(cell, y.dtype, keep, layer.x.shape[1], units), cell, layer, arrays)
    for index, history in enumerate(ended):
        if history is not None:
            _take_last(last[index], history, layer.batch_sizes)
    if layer.batch_sizes is not None and (beyond := _end(layer)) < rows:
        for kept in (y, preactivations, *histories):
            kept[beyond:] = 0
    return Kept(y, last, preactivations, histories)


def _take_last(last: Tensor, ended: Tensor, batch_sizes: Tensor | None) -> None:
    """Copy each sequence's last row into ``last`` (B, H)."""
    if batch_sizes is None:
        last[:] = ended[ended.shape[0] - last.shape[0] :]
    elif len(batch_sizes) and batch_sizes[0]:
        rows = last_rows(batch_sizes)
        last[: len(rows)] = ended[rows]


def _end(layer: Layer) -> int:
    """How many rows of x there are to compute."""
    return layer.x.shape[0] if layer.batch_sizes is None else int(layer.batch_sizes.sum())


def backward(cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, *, input_gradient: bool = True) -> Gradients:
    """Gradients of everything in ``layer``, from those of y, the last states, and the histories if they have any.

    Without ``input_gradient`` that of x, a large product, is left out and has length 0.
    """
    units, y = layer.units, saved.y
    d_gates, nothing = empty(y, *saved.preactivations.shape), y.new_zeros(units)
    d_states, d_per_unit = seeds.last.clone(), y.new_zeros(len(cell.per_unit), layer.rows, units)
    inner = {name: torch.empty_like(y) for name in operands(program_of(cell))}
    arrays = {from_output(cell.state[0]): now(seeds.y.data_ptr(), units)}
    arrays |= gate_arrays(kept_gates(cell), saved.preactivations)
    if seeds.histories is not None:
        for name, seed in zip(cell.state[1:], pointers(seeds.histories), strict=True):
            arrays[from_output(name)] = now(seed, units)
    names = [gate.preactivation for gate in cell.gates]
    for name, array in gate_arrays(names, d_gates).items():
        arrays[gradient_of(name)] = array
        arrays[from_later(name)] = array._replace(when=When.AFTER, edge=nothing.data_ptr())
    pasts, starts = (y.data_ptr(), *pointers(saved.histories)), pointers(layer.states)
    for state, past, start, d_state in zip(cell.state, pasts, starts, pointers(d_states), strict=True):
        arrays[previous(state)] = before(past, units, start)
        arrays[from_later(state)] = arrays[gradient_of(previous(state))] = held(d_state, units)
    for weight, sums in zip(cell.per_unit, pointers(d_per_unit), strict=True):
        arrays[from_later(weight)] = arrays[gradient_of(weight)] = held(sums, units)
    arrays |= {multiplied(name): now(tensor.data_ptr(), units) for name, tensor in inner.items()}
    plan = _backward_plan(cell, y.dtype, seeds.histories is not None, layer.x.shape[1], units)
    _sweep(plan, cell, layer, arrays)

    end = _end(layer)
    done, mine = layer._replace(x=layer.x[:end]), d_gates[:end]
    d_x = reductions.of_input(cell.gates, done, mine) if input_gradient else layer.x[:0].clone()
    reductions.add_first_state(cell.gates, done, mine, d_states[0])
    return Gradients(
        x=torch.nn.functional.pad(d_x, (0, 0, 0, len(layer.x) - end)) if input_gradient and end < len(layer.x) else d_x,
        W=reductions.of_input_weights(cell.gates, done, mine),
        U=reductions.of_recurrent_weights(cell, done, saved.y, mine, inner),
        b=reductions.of_biases(cell.gates, mine),
        per_unit=d_per_unit.sum(1),
        states=d_states,
    )


def _sweep(plan: Plan, cell: Cell, layer: Layer, arrays: dict[str, Array]) -> None:
    """Pack the weights, give scratch to arrays that only live between stages, and run."""
    units, rows, table = layer.units, layer.rows, plan.kernel.table
    count = wanted(len(layer.x) * plan.packing.size)
    panels = pack(plan.packing, layer.W, layer.U, count)
    arrays |= noise_arrays(cell, layer)
    unbound = [name for name in table.sweep.arrays if name not in arrays]
    scratch = layer.states.new_empty(len(unbound), rows, units)
    arrays |= {name: held(pointer, units) for name, pointer in zip(unbound, pointers(scratch), strict=True)}
    biases = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    addresses = dict(zip(biases, pointers(layer.b.view(-1, units)), strict=True))
    addresses |= dict(zip(cell.per_unit, pointers(layer.per_unit), strict=True))
    first = panels.data_ptr()
    addresses |= {
        name: first + start * panels.itemsize for name, start in zip(table.panels, plan.packing.starts, strict=True)
    }
    offsets = None if layer.batch_sizes is None else layer.offsets()
    sizes = (layer.steps, rows, layer.x.shape[1], units, 0 if offsets is None else offsets.data_ptr())
    numbers = table.filled(sizes, arrays, addresses)
    grain = plan.kernel.tiles[0].rows
    # rows that end at different times are dealt out in small parts, so that every thread gets long ones and short ones
    part = grain if offsets is not None else -(-rows // count)
    run(plan.kernel.code, ctypes.addressof(numbers), rows, part, count)


def pointers(tensor: Tensor) -> list[int]:
    """The addresses of ``tensor[0]``, ``tensor[1]``, and so on, of a contiguous tensor."""
    start, step = tensor.data_ptr(), tensor.stride(0) * tensor.itemsize
    return [start + index * step for index in range(tensor.shape[0])]


def now(pointer: int, row: int) -> Array:
    """Rows of one number for each unit, each row at its own step."""
    return Array(pointer, row, When.NOW)


def before(pointer: int, row: int, initial: int) -> Array:
    """The same a step ago: at the first step, the initial state."""
    return Array(pointer, row, When.BEFORE, initial, row)


def held(pointer: int, row: int) -> Array:
    """One row for each sequence, read and written at every step."""
    return Array(pointer, row, When.HELD)


def gate_arrays(names: Iterable[str], tensor: Tensor) -> dict[str, Array]:
    """The gates' slices of an (N, G, H) tensor, under these names."""
    start, row, step = tensor.data_ptr(), tensor.shape[1] * tensor.shape[2], tensor.shape[2] * tensor.itemsize
    return {name: now(start + index * step, row) for index, name in enumerate(names)}


def noise_arrays(cell: Cell, layer: Layer) -> dict[str, Array]:
    """The random numbers, of which all rows may share one."""
    found: dict[str, Array] = {}
    for each, drawn, place in (("step", layer.step_noise, now), ("sequence", layer.sequence_noise, held)):
        names = [noise.name for noise in cell.noise if noise.each == each] if cell.noise else []
        for name, pointer in zip(names, pointers(drawn), strict=True):
            found[name] = held(pointer, 0) if drawn.shape[1] == 1 else place(pointer, layer.units)
    return found
