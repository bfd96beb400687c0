"""The parts of a chain as C, one after another."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...compiler.lower import program_of
from ...compiler.program import Instruction, Program
from ...compiler.rules import EVERY, Interval
from ...compiler.signals import flow_of
from ...compiler.stages import INPUT, bias_of, forward_sweep, row_sweep
from ...equation import previous
from ...errors import InputError, argument
from ...nn.chain import Chain
from ...nn.maps import cell_of_map, vectors_of_map
from ...nn.recurrent import Recurrent
from ...nn.states import started
from ...nn.weights import Place
from ..layer_weights import Lane, lanes_of
from .arrays import Array
from .builder import Draft
from .layouts import Sums
from .stages import Room, add_stages

_ADDED = Program("added", ("x", "y"), (Instruction("total", "add", ("x", "y")),), {"total": "total"})


def add_chain(draft: Draft, chain: Chain, inputs: int) -> Array:
    """Write every part; where the output of a step is found."""
    x = Array.named("x", inputs)
    for at, part in enumerate(chain.parts):
        name = f"part{at}_" if len(chain.parts) > 1 else ""
        if isinstance(part, Recurrent):
            x = _add_layers(draft, part, name, x)
        elif isinstance(part, nn.Linear):
            bias: Tensor | None = part.bias
            x = _add_linear(draft, f"{name}y", part.weight, bias, x)
        else:
            x = _add_map(draft, part, name.rstrip("_") or "map", x)
    return x


def _add_linear(draft: Draft, name: str, weight: Tensor, bias: Tensor | None, x: Array) -> Array:
    start = weight.new_zeros(len(weight)) if bias is None else bias
    sums = Sums(name, start.detach()[None], ("x",), (weight.detach()[None],))
    return draft.sums(sums, [x])[0]


def _add_map(draft: Draft, module: nn.Module, name: str, x: Array) -> Array:
    cell, vectors = cell_of_map(module), vectors_of_map(module)
    (state,) = cell.state
    arrays = {each: draft.constants(f"{name}_{each}", vector) for each, vector in vectors.items()}
    room = Room(name, x.size, {previous(state): x, **arrays}, cell.state)
    add_stages(draft, row_sweep(program_of(cell), cell.per_unit), room)
    return room.arrays[state]


def _add_layers(draft: Draft, module: Recurrent, name: str, x: Array) -> Array:
    if module.bidirectional:
        raise InputError(
            "a bidirectional module needs the end of a sequence before its beginning can be said",
            hint=f"train one with {argument('bidirectional', False)}",
        )
    for at, place in enumerate(module.places):
        own = f"{name}l{place.layer}"
        given = _add_map(draft, module.norms[at], f"{own}_norm", x) if module.options.pre_norm else x
        y = _add_layer(draft, module, place, own, given)
        x = _added(draft, own, x, y) if module.options.residual and x.size == y.size else y
    return x


def _added(draft: Draft, name: str, x: Array, y: Array) -> Array:
    total = draft.array(f"{name}_y", y.size)
    draft.each(y.size, _ADDED, {"x": x, "y": y}, {"total": total})
    return total


def _add_layer(draft: Draft, module: Recurrent, place: Place, name: str, x: Array) -> Array:
    weight: Any = getattr(module, f"weight_ih{place.suffix}")
    with torch.no_grad():
        begun = started(module, place, 1, weight.detach())
    lanes = lanes_of(module, place, name)
    states = [
        draft.state(f"{name}_{state}", start, _bound(lanes[0], state), output=not at)
        for at, (state, start) in enumerate(zip(module.cell.state, begun, strict=True))
    ]
    for at, lane in enumerate(lanes):
        mine = [state.part(at * lane.units, lane.units if len(lanes) > 1 else state.size) for state in states]
        _add_lane(draft, lane, x, mine)
    whole = lanes[0].whole
    return states[0] if whole is None else _add_linear(draft, f"{name}_projected", whole, None, states[0])


def _bound(lane: Lane, state: str) -> Interval:
    """Between which numbers a step leaves a state; a projection may leave anything."""
    return EVERY if lane.narrow is not None else flow_of(lane.cell).bounds[program_of(lane.cell).outputs[state]]


def _add_lane(draft: Draft, lane: Lane, x: Array, states: list[Array]) -> None:
    cell, name = lane.cell, lane.name.replace(".", "_")
    held = dict(zip(cell.state, states, strict=True))
    arrays = {INPUT: x} | {previous(state): array for state, array in held.items()}
    arrays |= {each: draft.constants(f"{name}_{each}", vector) for each, vector in lane.vectors.items()}
    if lane.narrow is not None:
        held[cell.state[0]] = draft.array(f"{name}_whole", lane.units)
    room = Room(
        name,
        lane.units,
        arrays,
        cell.state,
        numbers={noise.name: noise.mean for noise in cell.noise},
        stores=held,
        W=lane.W,
        U=lane.U,
        biases={bias_of(gate): lane.b[gate.name] for gate in cell.gates if gate.has_bias},
    )
    add_stages(draft, forward_sweep(cell, keep=False), room)
    if lane.narrow is not None:
        projected = _add_linear(draft, f"{name}_projected", lane.narrow, None, held[cell.state[0]])
        draft.copied(projected, states[0])
