"""The parts of a chain as C, one after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ...compiler.lower import program_of
from ...compiler.program import Instruction, Program
from ...compiler.rules import EVERY, Interval
from ...compiler.signals import flow_of
from ...compiler.stages import INPUT, bias_of, forward_sweep, row_sweep
from ...equation import previous
from ...nn.chain import Chain
from ...nn.parts import check_steps, rows_of
from ...nn.recurrent import Recurrent
from ...nn.rowwise import Affine, Gateless
from ...nn.weights import Place, repeated
from ..layer_weights import LayerWeights, layer_weights_of
from .arrays import CArray
from .builder import FileBuilder
from .layouts import AffineSums
from .stages import Workspace, add_stages

_SUM = Program("added", ("x", "y"), (Instruction("total", "add", ("x", "y")),), {"total": "total"})


def add_chain(builder: FileBuilder, chain: Chain, inputs: int) -> CArray:
    """Write every part; the array in which a step leaves its output."""
    x = CArray.named("x", inputs)
    for at, part in enumerate(chain.parts):
        name = f"part{at}_" if len(chain.parts) > 1 else ""
        check_steps(part, f"part {at}" if len(chain.parts) > 1 else "")
        x = _add_layers(builder, part, name, x) if isinstance(part, Recurrent) else _add_part(builder, part, name, x)
    return x


def _add_part(builder: FileBuilder, part: nn.Module, name: str, x: CArray) -> CArray:
    """Write a part without states."""
    match rows_of(part):
        case Affine() as affine:
            return _add_affine(builder, f"{name}y", affine, x)
        case Gateless() as gateless:
            return _add_gateless(builder, gateless, name.rstrip("_") or "map", x)


def _add_affine(builder: FileBuilder, name: str, affine: Affine, x: CArray) -> CArray:
    weight = affine.weight.detach()
    start = weight.new_zeros(len(weight)) if affine.bias is None else affine.bias.detach()
    return builder.sums(AffineSums(name, start[None], ("x",), (weight[None],)), [x])[0]


def _add_gateless(builder: FileBuilder, gateless: Gateless, name: str, x: CArray) -> CArray:
    cell = gateless.cell
    (state,) = cell.state
    arrays = {weight: builder.constants(f"{name}_{weight}", vector) for weight, vector in gateless.vectors.items()}
    workspace = Workspace(name, x.size, {previous(state): x, **arrays}, cell.state)
    add_stages(builder, row_sweep(program_of(cell), cell.per_unit), workspace)
    return workspace.arrays[state]


def _add_layers(builder: FileBuilder, module: Recurrent, name: str, x: CArray) -> CArray:
    numbers, x = _row_inputs(builder, module, x), x.part(0, module.places[0].inputs)
    for at, place in enumerate(module.places):
        prefix = f"{name}l{place.layer}"
        layer_input = _add_part(builder, module.norms[at], f"{prefix}_norm", x) if module.options.pre_norm else x
        y = _add_layer(builder, module, place, prefix, layer_input, numbers)
        x = _added(builder, prefix, x, y) if module.options.residual and x.size == y.size else y
    return x


def _row_inputs(builder: FileBuilder, module: Recurrent, x: CArray) -> dict[str, CArray]:
    """What every layer's step reads of the input itself, one number each, in the last columns."""
    if not module.cell.row_inputs:
        return {}
    floats, first = builder.floats(x), module.places[0].inputs
    return {
        name: replace(floats.part(column, 1), item=floats.at(str(column)))
        for column, name in enumerate(module.cell.row_inputs, first)
    }


def _added(builder: FileBuilder, name: str, x: CArray, y: CArray) -> CArray:
    total = builder.array(f"{name}_y", y.size)
    builder.loop(y.size, _SUM, {"x": x, "y": y}, {"total": total})
    return total


def _add_layer(
    builder: FileBuilder, module: Recurrent, place: Place, name: str, x: CArray, numbers: Mapping[str, CArray]
) -> CArray:
    weight: Any = getattr(module, f"weight_ih{place.suffix}")
    with torch.no_grad():
        starts = module.full_starts(place, 1, weight.detach())
    widths = module.widths(place)
    if module.cell.widths:
        starts = [repeated(start, place.units) for start in starts]
    heads = layer_weights_of(module, place, name)
    states = [
        builder.state(f"{name}_{state}", start, _bound(heads[0], state), output=not at, own=width)
        for at, (state, start, width) in enumerate(zip(module.cell.state, starts, widths, strict=True))
    ]
    for at, head in enumerate(heads):
        size = head.units if len(heads) > 1 else None
        _add_head(builder, head, x, numbers, [state.part(at * head.units, size or state.size) for state in states])
    whole = heads[0].whole
    if module.cell.widths:
        return states[0].part(0, widths[0])
    return states[0] if whole is None else _add_affine(builder, f"{name}_projected", Affine(whole), states[0])


def _bound(head: LayerWeights, state: str) -> Interval:
    """The interval in which a step leaves a state; a projection may give any number."""
    return EVERY if head.narrow is not None else flow_of(head.cell).bounds[program_of(head.cell).outputs[state]]


def _add_head(
    builder: FileBuilder, head: LayerWeights, x: CArray, numbers: Mapping[str, CArray], states: list[CArray]
) -> None:
    """Write one head of a layer, or the layer itself where it has no heads."""
    cell, name = head.cell, head.name.replace(".", "_")
    stores = dict(zip(cell.state, states, strict=True))
    arrays = {INPUT: x} | {previous(state): array for state, array in stores.items()}
    arrays |= {weight: builder.constants(f"{name}_{weight}", vector) for weight, vector in head.vectors.items()}
    if head.narrow is not None:
        stores[cell.state[0]] = builder.array(f"{name}_whole", head.units)
    workspace = Workspace(
        name,
        head.units,
        arrays,
        cell.state,
        numbers={**numbers, **{noise.name: noise.mean for noise in cell.noise}},
        stores=stores,
        W=head.W,
        U=head.U,
        biases={bias_of(gate): head.b[gate.name] for gate in cell.gates if gate.has_bias},
        columns=head.columns,
    )
    add_stages(builder, forward_sweep(cell, keep=False), workspace)
    if head.narrow is not None:
        projected = _add_affine(builder, f"{name}_projected", Affine(head.narrow), stores[cell.state[0]])
        builder.copied(projected, states[0])
