"""One layer in one direction on the CPU: tensors laid out for the compiled sweeps, and what follows the sweeps."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor

from ...compiler.gradient import from_later, from_output, gradient_of, operands
from ...compiler.lower import program_of
from ...compiler.stages import INPUT, backward_sweep, bias_of, forward_sweep
from ...equation import Cell, Gate, previous
from ..layer import Gradients, Kept, Layer
from . import reductions, threads
from .compile import Kernel, compile_sweep
from .table import Array
from .tile import matrices_of, pack


@cache
def _forward_kernel(cell: Cell, dtype: torch.dtype, keep: bool) -> Kernel:
    return compile_sweep(forward_sweep(cell, keep=keep), dtype)


@cache
def _backward_kernel(cell: Cell, dtype: torch.dtype) -> Kernel:
    return compile_sweep(backward_sweep(cell), dtype)


def forward(cell: Cell, layer: Layer, *, keep: bool) -> Kept:
    """Run the cell over all of time; ``keep`` what backward needs."""
    (steps, rows, _), units = layer.x.shape, layer.states.shape[2]
    y = layer.x.new_empty(steps, rows, units)
    others = len(cell.state) - 1
    histories = y.new_empty(others, steps if keep else 0, rows, units)
    preactivations = y.new_empty(steps if keep else 0, rows, len(cell.gates), units)
    last = layer.states.clone()
    arrays = {INPUT: history(layer.x, layer.reverse), cell.state[0]: history(y, layer.reverse)}
    arrays[previous(cell.state[0])] = delayed(y, layer.states[0], layer.reverse)
    for index, state in enumerate(cell.state[1:]):
        if keep:
            arrays[state] = history(histories[index], layer.reverse)
            arrays[previous(state)] = delayed(histories[index], layer.states[index + 1], layer.reverse)
        else:
            arrays[state] = arrays[previous(state)] = in_place(last[index + 1])
    if keep:
        arrays |= gate_arrays(cell.gates, preactivations, layer.reverse)
    _sweep(_forward_kernel(cell, y.dtype, keep), cell, layer, arrays, transposed=True)
    ends = [y, *histories] if keep else [y]
    for index, ended in enumerate(ends):
        last[index] = ended[0 if layer.reverse else -1]
    return Kept(y, last, preactivations, histories)


def backward(
    cell: Cell, layer: Layer, kept: Kept, d_y: Tensor, d_last: Tensor, *, input_gradient: bool = True
) -> Gradients:
    """Gradients of everything in ``layer``, from those of y (T, B, H) and of the last states (S, B, H).

    Without ``input_gradient`` that of x, a large product, is left out and has length 0.
    """
    later_first = not layer.reverse
    d_gates, nothing = torch.empty_like(kept.preactivations), d_y.new_zeros(d_y.shape[2])
    d_states, d_per_unit = d_last.clone(), d_y.new_zeros(len(cell.per_unit), *d_y.shape[1:])
    inner = {name: torch.empty_like(kept.y) for name in operands(program_of(cell))}
    arrays = {from_output(cell.state[0]): history(d_y, later_first)}
    arrays |= gate_arrays(cell.gates, kept.preactivations, later_first)
    for gate, array in zip(cell.gates, gate_arrays(cell.gates, d_gates, later_first).values(), strict=True):
        arrays[gradient_of(gate.preactivation)] = array
        arrays[from_later(gate.preactivation)] = array.a_step_ago(nothing.data_ptr(), 0, d_y.element_size())
    for index, (state, past) in enumerate(zip(cell.state, (kept.y, *kept.histories), strict=True)):
        arrays[previous(state)] = preceding(past, layer.states[index], later_first)
        arrays[from_later(state)] = arrays[gradient_of(previous(state))] = in_place(d_states[index])
    for weight, sums in zip(cell.per_unit, d_per_unit, strict=True):
        arrays[from_later(weight)] = arrays[gradient_of(weight)] = in_place(sums)
    arrays |= {name: history(tensor, later_first) for name, tensor in inner.items()}
    _sweep(_backward_kernel(cell, d_y.dtype), cell, layer, arrays, transposed=False)
    d_states[0] += reductions.of_first_state(cell.gates, layer, d_gates)
    return Gradients(
        x=reductions.of_input(cell.gates, layer, d_gates) if input_gradient else torch.empty_like(layer.x[:0]),
        W=reductions.of_input_weights(cell.gates, layer, d_gates),
        U=reductions.of_recurrent_weights(cell, layer, kept.y, d_gates, inner),
        b=reductions.of_biases(cell.gates, d_gates),
        per_unit=d_per_unit.sum(1),
        states=d_states,
    )


def _sweep(kernel: Kernel, cell: Cell, layer: Layer, arrays: dict[str, Array], *, transposed: bool) -> None:
    """Pack the weights, give scratch to arrays that only live between stages, and run."""
    sizes, sweep = layer.sizes, kernel.table.sweep
    blocks = matrices_of(cell.gates, layer.W, layer.U, transposed=transposed)
    panels = [pack(stage, tile, blocks, sizes["units"]) for stage, tile in zip(sweep.stages, kernel.tiles, strict=True)]
    scratch = [torch.empty_like(layer.states[0]) for name in sweep.arrays if name not in arrays]
    unbound = (name for name in sweep.arrays if name not in arrays)
    bound = arrays | {name: in_place(tensor) for name, tensor in zip(unbound, scratch, strict=True)}
    biased = [bias_of(gate) for gate in cell.gates if gate.has_bias]
    vectors = dict(zip(biased, layer.b.view(len(biased), sizes["units"]), strict=True))
    vectors |= dict(zip(cell.per_unit, layer.per_unit, strict=True))
    pointers = {name: vector.data_ptr() for name, vector in vectors.items()}
    pointers |= {name: panel.data_ptr() for name, panel in zip(kernel.table.panels, panels, strict=True)}
    work = sizes["steps"] * sizes["rows"] * panels[0].numel()
    threads.run(kernel, kernel.table.filled(sizes, bound, pointers), sizes["rows"], work)


def history(tensor: Tensor, reverse: bool) -> Array:
    """A (T, B, N) tensor, one step of time after the other or, reversed, from the last to the first."""
    step, row = tensor.stride()[:2]
    start = tensor.data_ptr() + (max(len(tensor) - 1, 0) * step * tensor.element_size() if reverse else 0)
    return Array(start, -step if reverse else step, row)


def delayed(tensor: Tensor, initial: Tensor, reverse: bool) -> Array:
    """The same a step ago: at the first step visited, the initial state (B, N)."""
    return history(tensor, reverse).a_step_ago(initial.data_ptr(), initial.stride(0), tensor.element_size())


def preceding(tensor: Tensor, initial: Tensor, reverse: bool) -> Array:
    """For a backward sweep, the step before in the order of forward: at the last step visited, the initial state."""
    now = history(tensor, reverse)
    following = now.pointer + now.step * tensor.element_size()
    return Array(following, now.step, now.row, initial.data_ptr(), initial.stride(0), len(tensor) - 1)


def in_place(tensor: Tensor) -> Array:
    """A (B, N) tensor read and written at every step."""
    return Array(tensor.data_ptr(), 0, tensor.stride(0))


def gate_arrays(gates: Iterable[Gate], tensor: Tensor, reverse: bool) -> dict[str, Array]:
    """The gates' slices of a (T, B, G, H) tensor, under the names of their pre-activations."""
    whole, gate_bytes = history(tensor, reverse), tensor.stride(2) * tensor.element_size()
    return {
        gate.preactivation: whole._replace(pointer=whole.pointer + index * gate_bytes)
        for index, gate in enumerate(gates)
    }
