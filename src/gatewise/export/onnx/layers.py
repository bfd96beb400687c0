"""The layers of a recurrent module as nodes, one after another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import nn

from ...compiler.lower import program_of
from ...compiler.render.onnx import emit
from ...equation import previous
from ...nn.maps import cell_of_map, vectors_of_map
from ...nn.recurrent import Recurrent
from .graph import Graph
from .layer import OneLayer, Ragged
from .states import Held


class Layers(NamedTuple):
    """A module's outputs (T, B, D * H), its last states by their names, and the operator of each layer."""

    y: str
    last: dict[str, str]
    operators: dict[str, str]


def add_layers(
    graph: Graph, module: Recurrent, name: str, x: str, states: Mapping[Held, str], ragged: Ragged | None
) -> Layers:
    """Add the layers. x: (T, B, I). states: the value of each."""
    directions = 2 if module.bidirectional else 1
    before: dict[tuple[int, int], str] = {}
    for each, value in states.items():
        pieces = graph.split(value, [directions] * len(each.layers), 0, each.given)
        before |= {(each.state, layer): piece for layer, piece in zip(each.layers, pieces, strict=True)}
    after: dict[tuple[int, int], str] = {}
    operators: dict[str, str] = {}
    if module.options.residual and ragged is not None:
        x = graph.node("Where", ragged.running, x, graph.number(0.0))  # beyond a sequence's end an output is zero
    for layer in range(module.num_layers):
        places = [place for place in module.places if place.layer == layer]
        one = OneLayer(graph, module, places, f"{name}l{layer}", ragged)
        mine = [before[state, layer] for state in range(len(module.cell.state))]
        y, last = one.over(_normalised(graph, module, layer, x, f"{name}l{layer}"), mine)
        after |= {(state, layer): value for state, value in enumerate(last)}
        operators[f"{name}l{layer}"] = one.operator.kind if one.operator else "Scan"
        wide = directions * (module.proj_size or places[0].units)
        x = graph.node("Add", x, y) if module.options.residual and places[0].inputs == wide else y
    found = {each: [after[each.state, layer] for layer in each.layers] for each in states}
    return Layers(x, {each.last: graph.joined(values, 0, each.last) for each, values in found.items()}, operators)


def _normalised(graph: Graph, module: Recurrent, layer: int, x: str, name: str) -> str:
    if not module.options.pre_norm:
        return x
    return add_map(graph, module.norms[layer], x, f"{name}.norm")


def add_map(graph: Graph, module: nn.Module, x: str, name: str) -> str:
    """Add what a module does to every row."""
    vectors = {each: graph.weight(f"{name}.{each}", vector) for each, vector in vectors_of_map(module).items()}
    cell = cell_of_map(module)
    (state,) = cell.state
    return emit(program_of(cell), {previous(state): x, **vectors}, graph)[state]
