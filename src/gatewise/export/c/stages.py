"""A sweep's stages as C: what is taken over units, sums of products, then the body for every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...compiler.stages import INPUT, Stage, Sweep
from ...equation import Gate
from .arrays import CArray
from .builder import LOCALS, FileBuilder
from .layouts import AffineSums
from .text import Identifiers


@dataclass
class Workspace:
    """Where the values of one row are stored while its stages run.

    name: what names in the file begin with. units: of a row. arrays: row arrays by their names in the sweep. results:
    arrays that are wanted in the end. stores: where these go, if not into new arrays. numbers: values that are the same
    for every unit. W, U: what ``x`` and other arrays are multiplied with, by gate, (H, K) each. biases: (H,), by name.
    columns: of U by gate, where the others are zeros. sums: accumulators that have been added up.
    """

    name: str
    units: int
    arrays: dict[str, CArray]
    results: tuple[str, ...]
    numbers: dict[str, CArray | float] = field(default_factory=dict[str, "CArray | float"])
    stores: Mapping[str, CArray] = field(default_factory=dict[str, CArray])
    W: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    U: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    biases: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    columns: Mapping[str, int] = field(default_factory=dict[str, int])
    sums: dict[str, CArray] = field(default_factory=dict[str, CArray])


def add_stages(builder: FileBuilder, sweep: Sweep, workspace: Workspace) -> None:
    """Write all stages; afterwards ``workspace.arrays`` has what they stored."""
    for at, stage in enumerate(sweep.stages):
        for name, (op, operand) in stage.reductions.items():
            local = f"{workspace.name}_{name}"
            workspace.numbers[name] = builder.reduced(local, op, workspace.arrays[operand])
        workspace.sums |= _sums(builder, stage, workspace)
        _add_body(builder, stage, workspace, _read_later(sweep.stages[at + 1 :]))


def _read_later(later: Sequence[Stage]) -> set[str]:
    """The names that later stages read and that must be in an array by then."""
    read: set[str] = set()
    for stage in later:
        read.update(
            (r.operand for r in stage.reductions.values()),
            (product.operand for product in stage.products),
            stage.body.inputs,
        )
    return read


def _sums(builder: FileBuilder, stage: Stage, workspace: Workspace) -> dict[str, CArray]:
    """Have every accumulator of the stage added up."""
    gates = {name: gate for product in stage.products for name, gate in product.feeds.items()}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in stage.starts:
        operands = tuple(product.operand for product in stage.products if name in product.feeds)
        groups.setdefault(operands, []).append(name)
    accumulators: dict[str, CArray] = {}
    for operands, names in groups.items():
        biases = [_bias(workspace, stage, name) for name in names]
        matrices = [_matrix(workspace, operand, [gates[name] for name in names]) for operand in operands]
        identifier = Identifiers(LOCALS, builder.prefix)
        parameters = tuple("x" if operand == INPUT else identifier(operand) for operand in operands)
        sums = AffineSums(f"{workspace.name}_{_together(names)}", torch.stack(biases), parameters, tuple(matrices))
        arrays = [workspace.arrays[operand] for operand in operands]
        read = [array.part(0, matrix.shape[2]) for array, matrix in zip(arrays, matrices, strict=True)]
        gates_of = builder.sums(sums, read)
        accumulators |= dict(zip(names, gates_of, strict=True))
    return accumulators


def _matrix(workspace: Workspace, operand: str, gates: Sequence[Gate]) -> Tensor:
    """What an array is multiplied with for some gates, (G, H, K), without columns of zeros."""
    matrix = torch.stack([(workspace.W if operand == INPUT else workspace.U)[gate.name] for gate in gates])
    columns = 0 if operand == INPUT else workspace.columns.get(gates[0].name, 0)
    return matrix[:, :, :columns] if columns else matrix


def _together(names: Sequence[str]) -> str:
    """One name for several pre-activations: ``ifgo``."""
    letters = [name.removeprefix("a_") for name in names]
    return ("" if all(len(letter) == 1 for letter in letters) else "_").join(letters)


def _bias(workspace: Workspace, stage: Stage, name: str) -> Tensor:
    return workspace.biases[stage.starts[name]] if stage.starts[name] else torch.zeros(workspace.units)


def _add_body(builder: FileBuilder, stage: Stage, workspace: Workspace, later: set[str]) -> None:
    """Write the body: it reads everything before it stores anything, so a state is old until its unit is done."""
    stores = {**stage.keeps, **stage.body.outputs}
    needed = {array: value for array, value in stores.items() if _is_needed(array, workspace, later)}
    reads = dict.fromkeys([*stage.body.inputs, *(value for value in needed.values() if value in workspace.sums)])
    inputs = {name: _value_of(workspace, name) for name in reads}
    for array in needed:
        target = workspace.stores.get(array)
        workspace.arrays[array] = target or builder.array(f"{workspace.name}_{array}", workspace.units)
    if needed:
        body = replace(stage.body, outputs=needed)
        builder.loop(workspace.units, body, inputs, {array: workspace.arrays[array] for array in needed})


def _value_of(workspace: Workspace, name: str) -> CArray | float:
    places: tuple[Mapping[str, CArray | float], ...] = (workspace.numbers, workspace.arrays, workspace.sums)
    return next(place[name] for place in places if name in place)


def _is_needed(array: str, workspace: Workspace, later: set[str]) -> bool:
    """Whether an array is a result, or a later stage reads it and it has not been stored yet."""
    return array in workspace.results or (array in later and array not in workspace.arrays)
