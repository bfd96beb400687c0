"""The weights of one layer in one direction, or of one head of it, by gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..equation import Cell, Gate
from ..kernels.layer import Layer
from ..nn.layer_run import assembled, head_of
from ..nn.recurrent import Recurrent
from ..nn.weights import Place, Sizes, blocks


@dataclass(frozen=True)
class LayerWeights:
    """W, U, b: of each gate that has them, (H, I), (H, H) and (H,). vectors: the per-unit weights, (H,) each.

    name: of the layer, with the head where there are several. reverse: from the last step to the first. inputs, units:
    I and H, or what is wider; what is narrower is repeated as for kernels.
    narrow: the projection (P, H) where the output is projected inside the step; U is (H, P) then. whole: the projection
    where it comes after the step, which multiplies the whole output with U. columns: of U by gate, where a cell has
    several widths and the others are zeros.
    """

    name: str
    cell: Cell
    reverse: bool
    inputs: int
    units: int
    W: Mapping[str, Tensor]
    U: Mapping[str, Tensor]
    b: Mapping[str, Tensor]
    vectors: Mapping[str, Tensor]
    narrow: Tensor | None
    whole: Tensor | None
    columns: Mapping[str, int]

    def narrowed(self, sizes: Sizes) -> LayerWeights:
        """The same with everything in its own width, for targets that know several."""
        gates = {gate.name: sizes.value(gate.preactivation) for gate in self.cell.gates}
        return replace(
            self,
            W={name: weight[: gates[name]] for name, weight in self.W.items()},
            U={name: weight[: gates[name], : self.columns[name]] for name, weight in self.U.items()},
            b={name: bias[: gates[name]] for name, bias in self.b.items()},
            vectors={name: vector[: sizes.value(name)] for name, vector in self.vectors.items()},
        )


def layer_weights_of(module: Recurrent, place: Place, name: str) -> list[LayerWeights]:
    """The weights of each head of a layer, or of the layer alone."""
    weights = {name: weight.detach() for name, weight in module.weights_of(place).items()}
    weights = module.wide_weights(place, weights)
    x = weights["weight_ih"].new_zeros(1, place.inputs)
    layer = assembled(module.cell, weights, x, x.new_zeros(len(module.cell.state), 1, place.units), training=False)
    projection, whole = weights.get("weight_hr"), module.keeps_output
    if projection is not None and whole:
        layer = layer._replace(U=layer.U @ projection)
    heads = module.options.heads
    parts = [layer] if heads == 1 else [head_of(layer, index, heads) for index in range(heads)]
    wide, narrow = (projection, None) if whole else (None, projection)
    head_names = [name] if heads == 1 else [f"{name}.head{index}" for index in range(heads)]
    columns = module.sizes(place).columns() if module.cell.widths else {}
    return [
        replace(_layer_weights(part, module.cell, place, head, narrow, wide), columns=columns)
        for part, head in zip(parts, head_names, strict=True)
    ]


def _layer_weights(
    part: Layer, cell: Cell, place: Place, name: str, narrow: Tensor | None, whole: Tensor | None
) -> LayerWeights:
    def by_gate(weight: Tensor, has: Callable[[Gate], bool]) -> dict[str, Tensor]:
        return dict(zip([gate.name for gate in cell.gates if has(gate)], blocks(weight, part.units), strict=True))

    return LayerWeights(
        name,
        cell,
        place.reverse,
        place.inputs,
        part.units,
        W=by_gate(part.W, lambda gate: gate.has_input),
        U=by_gate(part.U, lambda gate: bool(gate.recurrent)),
        b=by_gate(part.b, lambda gate: gate.has_bias),
        vectors=dict(zip(cell.per_unit, torch.unbind(part.per_unit), strict=True)),
        narrow=narrow,
        whole=whole,
        columns={},
    )
