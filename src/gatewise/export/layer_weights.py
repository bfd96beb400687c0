"""What one layer in one direction, or one head of it, computes with: the tensors by gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..equation import Cell, Gate
from ..kernels.layer import Layer
from ..nn.assemble import assembled
from ..nn.layer_run import head_of, reads_output
from ..nn.recurrent import Recurrent
from ..nn.weights import Place, blocks


@dataclass(frozen=True)
class Lane:
    """W, U, b: each gate's own (H, I), (H, H) and (H,), without those that it has not. vectors: the per-unit weights.

    name: that of the layer. reverse: from the last step to the first. units: H. narrow: (P, H) where the output is
    projected inside the step, and U is (H, P); whole: where it is projected afterwards, and U multiplies it whole.
    """

    name: str
    cell: Cell
    reverse: bool
    units: int
    W: Mapping[str, Tensor]
    U: Mapping[str, Tensor]
    b: Mapping[str, Tensor]
    vectors: Mapping[str, Tensor]
    narrow: Tensor | None
    whole: Tensor | None


def lanes_of(module: Recurrent, place: Place, name: str) -> list[Lane]:
    """One for each head."""
    names = module.weight_shapes[place.suffix]
    weights = {each: getattr(module, each + place.suffix).detach() for each in names}
    x = weights["weight_ih"].new_zeros(1, place.inputs)
    layer = assembled(module.cell, weights, x, x.new_zeros(len(module.cell.state), 1, place.units), training=False)
    projection, whole = weights.get("weight_hr"), reads_output(module.cell)
    if projection is not None and whole:
        layer = layer._replace(U=layer.U @ projection)
    heads = module.options.heads
    parts = [layer] if heads == 1 else [head_of(layer, index, heads) for index in range(heads)]
    wide, narrow = (projection, None) if whole else (None, projection)
    named = [name] if heads == 1 else [f"{name}.head{index}" for index in range(heads)]
    return [_lane(part, module.cell, place, of, narrow, wide) for part, of in zip(parts, named, strict=True)]


def _lane(part: Layer, cell: Cell, place: Place, name: str, narrow: Tensor | None, whole: Tensor | None) -> Lane:
    def by_gate(weight: Tensor, has: Callable[[Gate], bool]) -> dict[str, Tensor]:
        return dict(zip([gate.name for gate in cell.gates if has(gate)], blocks(weight, part.units), strict=True))

    return Lane(
        name,
        cell,
        place.reverse,
        part.units,
        W=by_gate(part.W, lambda gate: gate.has_input),
        U=by_gate(part.U, lambda gate: bool(gate.recurrent)),
        b=by_gate(part.b, lambda gate: gate.has_bias),
        vectors=dict(zip(cell.per_unit, torch.unbind(part.per_unit), strict=True)),
        narrow=narrow,
        whole=whole,
    )
