"""The forward and backward pass of a layer on a GPU.

Products over all steps at once, W x before the loop and the gradients of weights after it, are torch's, as are those of
one step with U, which lie between the launches of a step's parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...compiler.gradient import kept_width, multiplied, operands
from ...compiler.lower import program_of
from ...compiler.stages import INPUT
from ...equation import Cell, previous
from ..gates import OUTPUT_BEFORE, GateRun, stretches
from ..layer import Gradients, Layer, Saved, Seeds, States, previous_rows
from . import graph
from .build import Kernels, Tile, accumulator
from .plan import LATER, ROW_INPUTS, Matmul, held, history, read_gradient

_TYPES = {torch.float32: "float32", torch.float64: "float64"}


@dataclass(frozen=True)
class Way:
    """How a layer's sweeps run. resident: with U in registers, one launch. persistent: with U in the registers of all
    programs together, which wait for each other. tile: of every kernel, None for its own. precision: of products within
    kernels, as ``tl.dot`` calls it."""

    resident: bool = False
    persistent: bool = False
    tile: Tile | None = None
    precision: str = "ieee"


class Sweep:
    """One sweep over a layer, with all of its memory, ready to run.

    tensors: by parameter.
    """

    def __init__(self, cell: Cell, layer: Layer, kernels: Kernels, way: Way, tensors: dict[str, Tensor]) -> None:
        self.layer, self.kernels, self.plan = layer, kernels, kernels.plan
        self.tile = way.tile or kernels.tile(layer.rows, layer.units)
        self.tensors = tensors
        self._offsets = _offsets(layer)
        self._clock = torch.zeros(1, dtype=torch.int32, device=layer.x.device)
        self._constants = _constants(layer, self.tile, way.precision) | kernels.constants(self.tile)
        kernels.allocate(layer, tensors)
        self._steps = self._parts()

    def run(self) -> None:
        """All steps."""
        if self.kernels.whole:
            self._steps[0][-1](0, self.layer.steps)
            return
        steps, backward = self.layer.steps, self.plan.sweep.backward
        if graph.is_worth_while(self.layer.x.device, steps):
            graph.run(self._step, steps, self._clock, backward=backward)
            return
        for time in reversed(range(steps)) if backward else range(steps):
            self._step(time)

    def _step(self, time: int) -> None:
        """One, counted from the clock."""
        for part in self._steps:
            for call in part[:-1]:
                call()
            part[-1](time, time + 1)

    def _parts(self) -> list[list[Callable[..., object]]]:
        """For each part the products before it, and its launch."""
        parts: list[list[Callable[..., object]]] = []
        for number, kernel in enumerate(self.kernels.functions):
            matmuls = () if self.kernels.resident else self.plan.matmuls.get(number, ())
            calls: list[Callable[..., object]] = [self._product(matmul) for matmul in matmuls]
            parts.append([*calls, partial(self._launch, kernel)])
        return parts

    def _product(self, matmul: Matmul) -> Callable[..., object]:
        weight = blocks_of(self.layer.U, self.layer.units, matmul.gates)
        buffer, sums = (self.tensors[name].view(self.layer.rows, -1) for name in (matmul.buffer, matmul.sums))
        return partial(torch.mm, buffer, weight if matmul.transposed else weight.t(), out=sums)

    def _launch(self, kernel: Any, begin: int, end: int) -> None:
        layer, tile = self.layer, self.tile
        tensors = (self.tensors[name] for name in self.kernels.names)
        grid = tile.grid(layer.rows, layer.units)
        options = {**self._constants, **self.kernels.options(tile, "hip" if torch.version.hip else "cuda")}
        kernel[grid](self._offsets, self._clock, begin, end, layer.rows, *tensors, **options)


def blocks_of(U: Tensor, units: int, slots: tuple[int, ...]) -> Tensor:
    """Some blocks of U, one below the other."""
    first, last = slots[0], slots[-1]
    if slots == tuple(range(first, last + 1)):
        return U[first * units : (last + 1) * units]
    return torch.cat([U[slot * units : (slot + 1) * units] for slot in slots])


def _offsets(layer: Layer) -> Tensor:
    """The first row of each step, and the end of the last, where the layer lies."""
    if layer.batch_sizes is None:
        return torch.arange(layer.steps + 1, device=layer.x.device) * layer.rows
    return layer.offsets().to(layer.x.device)


def _constants(layer: Layer, tile: Tile, precision: str) -> dict[str, Any]:
    import triton.language as tl  # pyright: ignore[reportMissingImports] - only where there is a GPU is it known to be there

    strides = {"step": layer.step_noise, "sequence": layer.sequence_noise}
    constants: dict[str, Any] = {f"STRIDE_{each}": 0 if t.shape[1] == 1 else layer.units for each, t in strides.items()}
    dtype = getattr(tl, _TYPES[accumulator(layer.x.dtype)])
    constants |= {"H": layer.units, "ROWS": tile.rows, "UNITS": tile.units, "STAGES": tile.stages}
    return constants | {"ACC": dtype, "PRECISION": precision}


def _shared(cell: Cell, layer: Layer) -> dict[str, Tensor]:
    """Weights, random numbers, and what the step reads of its input itself."""
    tensors = {"b": layer.b, "per_unit": layer.per_unit}
    if cell.row_inputs:
        tensors[ROW_INPUTS] = layer.x[:, layer.inputs :].contiguous()
    if cell.reads_x:
        tensors[INPUT] = layer.x[:, : layer.inputs].contiguous()
    for kind, drawn in (("step", layer.step_noise), ("sequence", layer.sequence_noise)):
        names = [noise.name for noise in cell.noise if noise.each == kind]
        tensors |= {f"noise_{name}": numbers for name, numbers in zip(names, drawn, strict=True)}
    return tensors


def _total(layer: Layer) -> int:
    """How many rows belong to a sequence."""
    return layer.x.shape[0] if layer.batch_sizes is None else int(layer.batch_sizes.sum())


def _empty(layer: Layer, *shape: int) -> Tensor:
    """Memory for something of every row, zeros where there are rows that belong to no sequence."""
    whole = _total(layer) == layer.x.shape[0]
    return layer.x.new_empty(shape) if whole else layer.x.new_zeros(shape)


@torch.no_grad()
def forward(cell: Cell, layer: Layer, way: Way, kernels: Kernels, *, keep: bool) -> States:
    """Run the cell over all of time; ``keep`` what backward needs."""
    rows, units = layer.x.shape[0], layer.units
    stored = rows if keep else 0
    y, kept = _empty(layer, rows, units), _empty(layer, stored, kept_width(cell, units))
    histories = _empty(layer, len(cell.state) - 1, stored, units)
    tensors = _shared(cell, layer) | {"kept": kept, history(cell.state[0]): y}
    for index, state in enumerate(cell.state):
        dtype = layer.x.dtype if index == 0 else accumulator(layer.x.dtype)
        tensors[held(state)] = layer.states[index].to(dtype, copy=True)
        tensors[f"operand_{previous(state)}"] = layer.states[index].clone()
    tensors |= {history(state): all_of for state, all_of in zip(cell.state[1:], histories, strict=True)}
    if layer.W.numel():
        tensors["Wx"] = layer.x[:, : layer.inputs] @ layer.W.t()
    elif any(gate.has_input for gate in cell.gates):
        tensors["Wx"] = layer.x.new_zeros(rows, layer.W.shape[0])
    Sweep(cell, layer, kernels, way, tensors).run()
    last = torch.stack([tensors[held(state)].to(layer.x.dtype) for state in cell.state])
    return States(y, last, kept, histories)


@torch.no_grad()
def backward(
    cell: Cell, layer: Layer, saved: Saved, seeds: Seeds, way: Way, kernels: Kernels, *, input_gradient: bool
) -> Gradients:
    """Gradients of everything in ``layer``, from those of y, the last states, and the histories if they have any.

    Without ``input_gradient`` that of x, a large product, is left out and has length 0.
    """
    rows, units, wide = layer.rows, layer.units, accumulator(layer.x.dtype)
    d_gates = layer.x.new_empty(layer.x.shape[0], len(cell.gates), units)
    inner = {name: torch.empty_like(saved.y) for name in operands(program_of(cell))}
    tensors = _shared(cell, layer) | {"kept": saved.gates, "d_gates": d_gates}
    tensors |= {multiplied(name): numbers for name, numbers in inner.items()}
    d_inputs = {name: torch.empty_like(saved.y) for name in cell.inputs}
    tensors |= {read_gradient(name): numbers for name, numbers in d_inputs.items()}
    recurrent = [gate for gate in cell.gates if gate.recurrent == "h"]
    tensors[LATER] = layer.x.new_zeros(rows, len(recurrent) * units)
    seen = (seeds.y, *(() if seeds.histories is None else seeds.histories))
    for index, state in enumerate(cell.state):
        tensors[history(state)] = saved.y if index == 0 else saved.histories[index - 1]
        tensors[f"start_{state}"] = layer.states[index]
        tensors[held(f"d_{state}")] = seeds.last[index].to(wide, copy=True)
    tensors |= {f"d_{history(state)}": seed for state, seed in zip(cell.state, seen, strict=False)}
    tensors |= {held(f"d_{weight}"): layer.x.new_zeros(rows, units, dtype=wide) for weight in cell.per_unit}
    Sweep(cell, layer, kernels, way, tensors).run()
    d_states = torch.stack([tensors[held(f"d_{state}")] for state in cell.state]).to(layer.x.dtype)
    if recurrent:
        slots = tuple(slot for slot, g in enumerate(g for g in cell.gates if g.recurrent) if g.recurrent == "h")
        d_states[0] += tensors[LATER] @ blocks_of(layer.U, units, slots)
    per_unit = [tensors[held(f"d_{weight}")].sum(0).to(layer.x.dtype) for weight in cell.per_unit]
    d_vectors = torch.stack(per_unit) if per_unit else torch.zeros_like(layer.per_unit)
    found = _summed(cell, layer, saved.y, d_gates, inner, d_vectors, d_states, input_gradient=input_gradient)
    if input_gradient:
        _add_inputs(layer, found.x, d_inputs)
    return found


def _add_inputs(layer: Layer, d_x: Tensor, d_inputs: Mapping[str, Tensor]) -> None:
    """Add the gradients of what the step reads of its input itself: of x unit by unit, of the numbers of a row the sum
    over units."""
    total, column = _total(layer), layer.inputs
    for name, d_input in d_inputs.items():
        if name == INPUT:
            d_x[:total, : layer.inputs] += d_input[:total]
        else:
            d_x[:total, column] = d_input[:total].sum(1, dtype=accumulator(d_x.dtype)).to(d_x.dtype)
            column += 1


def _summed(
    cell: Cell,
    layer: Layer,
    y: Tensor,
    d_gates: Tensor,
    inner: Mapping[str, Tensor],
    d_vectors: Tensor,
    d_states: Tensor,
    *,
    input_gradient: bool,
) -> Gradients:
    """With the sums over time and batch."""
    total = _total(layer)
    d_gates = d_gates[:total]
    driven, recurrent, _ = stretches(cell, layer.units)
    d_W, d_U = torch.zeros_like(layer.W), torch.zeros_like(layer.U)
    d_x = torch.zeros_like(layer.x) if input_gradient else layer.x[:0].clone()
    x = layer.x[:total, : layer.inputs]
    for run in driven:
        torch.mm(_flat(d_gates, run).t(), x, out=d_W[run.rows])
        if input_gradient:
            d_x[:total, : layer.inputs] += _flat(d_gates, run) @ layer.W[run.rows]
    before = _before(layer, y, total) if any(run.operand == OUTPUT_BEFORE for run in recurrent) else None
    for run in recurrent:
        operand = before if run.operand == OUTPUT_BEFORE else inner[run.operand][:total]
        assert operand is not None
        torch.mm(_flat(d_gates, run).t(), operand, out=d_U[run.rows])
    biased = [number for number, gate in enumerate(cell.gates) if gate.has_bias]
    d_b = d_gates[:, biased].sum(0, dtype=accumulator(y.dtype)).to(y.dtype).flatten()
    return Gradients(d_x, d_W, d_U, d_b, d_vectors, d_states)


def _flat(d_gates: Tensor, run: GateRun) -> Tensor:
    """The gradients of a run's gates side by side, (N, H for each of them)."""
    return d_gates[:, run.gates].flatten(1)


def _before(layer: Layer, y: Tensor, total: int) -> Tensor:
    """The output one step before each row."""
    first = layer.starting
    if layer.batch_sizes is None:
        return torch.cat((layer.states[0], y[: total - first]))
    rows = previous_rows(layer.batch_sizes).to(y.device)
    return torch.cat((layer.states[0, :first], y.index_select(0, rows)))
