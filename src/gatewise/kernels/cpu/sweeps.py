"""One layer on the CPU: tensors laid out for the compiled sweeps, and what follows the sweeps."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor

from ...compiler.gradient import from_later, from_output, gradient_of, multiplied, operands
from ...compiler.lower import program_of
from ...compiler.stages import INPUT, backward_sweep, bias_of, forward_sweep
from ...equation import Cell, Gate, previous
from ..layer import Gradients, Kept, Layer, Saved, Seeds, last_rows
from . import reductions, threads
from .compile import Kernel, compile_sweep
from .table import Array, When
from .tile import matrices_of, pack


@cache
def _forward_kernel(cell: Cell, dtype: torch.dtype, keep: bool) -> Kernel:
    return compile_sweep(forward_sweep(cell, keep=keep), dtype)


@cache
def _backward_kernel(cell: Cell, dtype: torch.dtype, histories: bool) -> Kernel:
    return compile_sweep(backward_sweep(cell, histories=histories), dtype)


def forward(cell: Cell, layer: Layer, *, keep: bool) -> Kept:
    """Run the cell over all of time; ``keep`` what backward needs."""
    rows, units, memories = layer.x.shape[0], layer.units, len(cell.state) - 1
    y = layer.x.new_empty(rows, units)
    histories = y.new_empty(memories, rows if keep else 0, units)
    preactivations = y.new_empty(rows if keep else 0, len(cell.gates), units)
    last = layer.states.clone()
    arrays = {INPUT: now(layer.x), cell.state[0]: now(y), previous(cell.state[0]): before(y, layer.states[0])}
    ended: list[Tensor | None] = [y]
    for index, state in enumerate(cell.state[1:]):
        if keep or previous(state) in operands(program_of(cell)):
            # what U multiplies is read by all units, so it must not be written in place
            history = histories[index] if keep else torch.empty_like(y)
            arrays[state], arrays[previous(state)] = now(history), before(history, layer.states[index + 1])
            ended.append(history)
        else:
            arrays[state] = arrays[previous(state)] = held(last[index + 1])
            ended.append(None)
    if keep:
        arrays |= gate_arrays(cell.gates, preactivations)
    _sweep(_forward_kernel(cell, y.dtype, keep), cell, layer, arrays, transposed=True)
    for state, history in zip(last, ended, strict=True):
        if history is not None:
            _take_last(state, history, layer.batch_sizes)
    beyond = _end(layer)
    for kept in (y, preactivations, *histories) if beyond < rows else ():
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
    d_gates, nothing = torch.empty_like(saved.preactivations), seeds.y.new_zeros(layer.units)
    d_states, d_per_unit = seeds.last.clone(), seeds.y.new_zeros(len(cell.per_unit), layer.rows, layer.units)
    inner = {name: torch.empty_like(saved.y) for name in operands(program_of(cell))}
    arrays = {from_output(cell.state[0]): now(seeds.y)} | gate_arrays(cell.gates, saved.preactivations)
    if seeds.histories is not None:
        arrays |= {from_output(name): now(seed) for name, seed in zip(cell.state[1:], seeds.histories, strict=True)}
    for gate, array in zip(cell.gates, gate_arrays(cell.gates, d_gates).values(), strict=True):
        arrays[gradient_of(gate.preactivation)] = array
        arrays[from_later(gate.preactivation)] = array._replace(when=When.AFTER, edge=nothing.data_ptr())
    for index, (state, past) in enumerate(zip(cell.state, (saved.y, *saved.histories), strict=True)):
        arrays[previous(state)] = before(past, layer.states[index])
        arrays[from_later(state)] = arrays[gradient_of(previous(state))] = held(d_states[index])
    for weight, sums in zip(cell.per_unit, d_per_unit, strict=True):
        arrays[from_later(weight)] = arrays[gradient_of(weight)] = held(sums)
    arrays |= {multiplied(name): now(tensor) for name, tensor in inner.items()}
    kernel = _backward_kernel(cell, seeds.y.dtype, seeds.histories is not None)
    _sweep(kernel, cell, layer, arrays, transposed=False)

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


def _sweep(kernel: Kernel, cell: Cell, layer: Layer, arrays: dict[str, Array], *, transposed: bool) -> None:
    """Pack the weights, give scratch to arrays that only live between stages, and run."""
    units, sweep = layer.units, kernel.table.sweep
    blocks = matrices_of(cell.gates, layer.W, layer.U, transposed=transposed)
    panels = [pack(stage, tile, blocks, units) for stage, tile in zip(sweep.stages, kernel.tiles, strict=True)]
    arrays |= noise_arrays(cell, layer)
    unbound = [name for name in sweep.arrays if name not in arrays]
    scratch = [torch.empty_like(layer.states[0]) for _ in unbound]
    bound = arrays | {name: held(tensor) for name, tensor in zip(unbound, scratch, strict=True)}
    biased = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    vectors = dict(zip(biased, layer.b.view(len(biased), units), strict=True))
    vectors |= dict(zip(cell.per_unit, layer.per_unit, strict=True))
    pointers = {name: vector.data_ptr() for name, vector in vectors.items()}
    pointers |= {name: panel.data_ptr() for name, panel in zip(kernel.table.panels, panels, strict=True)}
    offsets = None if layer.batch_sizes is None else layer.offsets()
    sizes = {"steps": layer.steps, "rows": layer.rows, "inputs": layer.x.shape[1], "units": units}
    sizes["offsets"] = 0 if offsets is None else offsets.data_ptr()
    work = len(layer.x) * panels[0].numel()
    threads.run(kernel, kernel.table.filled(sizes, bound, pointers), layer.rows, work, even=offsets is None)


def now(tensor: Tensor) -> Array:
    """An (N, H) tensor, each row at its own step."""
    return Array(tensor.data_ptr(), tensor.stride(0), When.NOW)


def before(tensor: Tensor, initial: Tensor) -> Array:
    """The same a step ago: at the first step, the initial state (B, H)."""
    return Array(tensor.data_ptr(), tensor.stride(0), When.BEFORE, initial.data_ptr(), initial.stride(0))


def held(tensor: Tensor) -> Array:
    """A (B, H) tensor read and written at every step."""
    return Array(tensor.data_ptr(), tensor.stride(0), When.HELD)


def gate_arrays(gates: Iterable[Gate], tensor: Tensor) -> dict[str, Array]:
    """The gates' slices of an (N, G, H) tensor, under the names of their pre-activations."""
    return {gate.preactivation: now(tensor[:, index]) for index, gate in enumerate(gates)}


def noise_arrays(cell: Cell, layer: Layer) -> dict[str, Array]:
    """The random numbers, of which all rows may share one."""
    found: dict[str, Array] = {}
    for each, drawn, place in (("step", layer.step_noise, now), ("sequence", layer.sequence_noise, held)):
        names = [noise.name for noise in cell.noise if noise.each == each]
        for name, tensor in zip(names, drawn, strict=True):
            found[name] = held(tensor)._replace(row=0) if len(tensor) == 1 else place(tensor)
    return found
