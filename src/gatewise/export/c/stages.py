"""A sweep's stages as C: means, sums of products, then the body for every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...compiler.render.c import number
from ...compiler.stages import INPUT, Stage, Sweep
from .arrays import Array
from .builder import LOCALS, Draft
from .layouts import Sums
from .text import Names


@dataclass
class Room:
    """Where the values of one row are while its stages run.

    name: of what the row belongs to, in the file. units: how many it has. arrays: row arrays by their names in the
    sweep. results: arrays that are what all is for. stores: where they go, if not into new arrays. numbers: what
    is the same for every unit. W, U: what ``x`` and other arrays are multiplied with, by gate:
    (H, K) each. biases: (H,), by name. sums: accumulators, once they are summed up.
    """

    name: str
    units: int
    arrays: dict[str, Array]
    results: tuple[str, ...]
    numbers: dict[str, Array | float] = field(default_factory=dict[str, "Array | float"])
    stores: Mapping[str, Array] = field(default_factory=dict[str, Array])
    W: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    U: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    biases: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    sums: dict[str, Array] = field(default_factory=dict[str, Array])


def add_stages(draft: Draft, sweep: Sweep, room: Room) -> None:
    """Write all stages; afterwards ``room.arrays`` has what they have stored."""
    for at, stage in enumerate(sweep.stages):
        for mean, operand in stage.means.items():
            room.numbers[mean] = draft.mean(f"{room.name}_{mean}", room.arrays[operand])
        room.sums |= _sums(draft, stage, room)
        _add_body(draft, stage, room, _whole(sweep.stages[at + 1 :]))


def _whole(later: Sequence[Stage]) -> set[str]:
    """What later stages read of all units, or load, and must find in an array."""
    read: set[str] = set()
    for stage in later:
        read.update(stage.means.values(), (product.operand for product in stage.products), stage.body.inputs)
    return read


def _sums(draft: Draft, stage: Stage, room: Room) -> dict[str, Array]:
    """Have every accumulator of the stage added up."""
    gates = {name: gate for product in stage.products for name, gate in product.feeds.items()}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in stage.starts:
        operands = tuple(product.operand for product in stage.products if name in product.feeds)
        groups.setdefault(operands, []).append(name)
    found: dict[str, Array] = {}
    for operands, names in groups.items():
        biases = [_bias(room, stage, name) for name in names]
        matrices = [
            torch.stack([(room.W if operand == INPUT else room.U)[gates[name].name] for name in names])
            for operand in operands
        ]
        called = Names(LOCALS, draft.prefix)
        parameters = tuple("x" if operand == INPUT else called(operand) for operand in operands)
        sums = Sums(f"{room.name}_{_together(names)}", torch.stack(biases), parameters, tuple(matrices))
        gates_of = draft.sums(sums, [room.arrays[operand] for operand in operands])
        found |= dict(zip(names, gates_of, strict=True))
    return found


def _together(names: Sequence[str]) -> str:
    """One name for several pre-activations: ``ifgo``."""
    letters = [name.removeprefix("a_") for name in names]
    return ("" if all(len(letter) == 1 for letter in letters) else "_").join(letters)


def _bias(room: Room, stage: Stage, name: str) -> Tensor:
    return room.biases[stage.starts[name]] if stage.starts[name] else torch.zeros(room.units)


def _add_body(draft: Draft, stage: Stage, room: Room, later: set[str]) -> None:
    """Everything is read before anything is stored: a state has its old value until the end of its unit's turn."""
    stores = {**stage.keeps, **stage.body.outputs}
    kept = {array: value for array, value in stores.items() if _is_kept(array, room, later)}
    reads = dict.fromkeys([*stage.body.inputs, *(value for value in kept.values() if value in room.sums)])
    inputs = {each: _found(room, each) for each in reads}
    for array in kept:
        room.arrays[array] = room.stores.get(array) or draft.array(f"{room.name}_{array}", room.units)
    if kept:
        body = replace(stage.body, outputs=kept)
        draft.each(room.units, body, inputs, {array: room.arrays[array] for array in kept})


def _found(room: Room, name: str) -> Array | float:
    places: tuple[Mapping[str, Array | float], ...] = (room.numbers, room.arrays, room.sums)
    return next(place[name] for place in places if name in place)


def _is_kept(array: str, room: Room, later: set[str]) -> bool:
    """Whether an array is a result, or read by a later stage and not there yet."""
    return array in room.results or (array in later and array not in room.arrays)


def constant(value: float, prefix: str) -> str:
    """A number that may be infinite."""
    bits = {float("inf"): "0x7f800000u", float("-inf"): "0xff800000u"}.get(value)
    return number(value) if bits is None else f"{prefix}bits({bits})"
