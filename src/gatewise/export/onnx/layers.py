"""The layers of a chain as ONNX nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from onnx import TensorProto
from torch import nn

from ...compiler.lower import program_of
from ...compiler.render.onnx import emit
from ...equation import previous
from ...nn.maps import cell_of_map, vectors_of_map
from ...nn.recurrent import Recurrent
from ...nn.weights import Place
from ..layer_weights import Lane, lanes_of
from .graph import Graph
from .operators import Operator, operator_of, weights_of
from .plan import Held
from .scan import scan


class Ragged(NamedTuple):
    """Values that say which steps belong to a sequence. lengths: (B,) int32. running: (T, B, 1). begun: (1, B, 1)."""

    lengths: str
    running: str
    begun: str


class OneLayer:
    """One layer in all its directions: the operator that its cell is, or a Scan for each direction."""

    def __init__(self, graph: Graph, module: Recurrent, places: list[Place], name: str, ragged: Ragged | None) -> None:
        self.graph, self.name, self.ragged = graph, name, ragged
        lanes = [lanes_of(module, place, f"{name}.reverse" if place.reverse else name) for place in places]
        self.heads = list(zip(*lanes, strict=True))
        first = lanes[0][0]
        standard = graph.element == TensorProto.FLOAT and first.narrow is None
        self.operator: Operator | None = operator_of(module.cell) if standard else None

    def over(self, x: str, states: list[str]) -> tuple[str, list[str]]:
        """The outputs (T, B, D * H) and the last states (D, B, H), for states (D, B, H)."""
        sizes = [head[0].units for head in self.heads]
        by_state = [self.graph.split(state, sizes, -1, f"{self.name}.state") for state in states]
        found = [
            self._head(head, x, list(mine)) for head, mine in zip(self.heads, zip(*by_state, strict=True), strict=True)
        ]
        y = self.graph.joined([outputs for outputs, _ in found], -1, f"{self.name}.y")
        last = [
            self.graph.joined(list(parts), -1, f"{self.name}.last")
            for parts in zip(*(last for _, last in found), strict=True)
        ]
        return self._beside(self._projected(y)), last

    def _head(self, lanes: tuple[Lane, ...], x: str, states: list[str]) -> tuple[str, list[str]]:
        """Outputs (T, D, B, H) and last states (D, B, H)."""
        if self.operator is not None:
            return self._operated(self.operator, lanes, x, states)
        graph, running = self.graph, self.ragged.running if self.ragged else ""
        ys: list[str] = []
        lasts: list[list[str]] = []
        for at, lane in enumerate(lanes):
            before = [graph.node("Gather", state, graph.index(at), name=f"{lane.name}.state") for state in states]
            y, last = scan(graph, lane, x, before, running)
            ys.append(graph.node("Unsqueeze", y, graph.indices(1)))
            lasts.append([graph.node("Unsqueeze", state, graph.indices(0)) for state in last])
        last = [graph.joined(list(each), 0, f"{self.name}.last") for each in zip(*lasts, strict=True)]
        return graph.joined(ys, 1, f"{self.name}.y"), last

    def _operated(
        self, operator: Operator, lanes: tuple[Lane, ...], x: str, states: list[str]
    ) -> tuple[str, list[str]]:
        graph, name = self.graph, lanes[0].name
        weights = {each: graph.weight(f"{name}.{each}", w) for each, w in weights_of(operator, lanes).items()}
        attributes = dict(operator.attributes)
        if "activations" in attributes:
            attributes["activations"] *= len(lanes)
        inputs = [x, weights["W"], weights["R"], weights["B"], self.ragged.lengths if self.ragged else "", *states]
        y, *last = graph.results(
            operator.kind,
            *inputs,
            *([weights["P"]] if "P" in weights else []),
            names=[f"{name}.y", *(f"{name}.{state}_last" for state in lanes[0].cell.state)],
            hidden_size=lanes[0].units,
            direction="bidirectional" if len(lanes) > 1 else "forward",
            **attributes,
        )
        if self.ragged is None:
            return y, last
        # of a sequence without a step the operators give zero
        begun, pairs = self.ragged.begun, zip(last, states, strict=True)
        return y, [graph.node("Where", begun, now, was, name=f"{name}.last") for now, was in pairs]

    def _projected(self, y: str) -> str:
        """The outputs (T, D, B, H) as (T, D, B, P), where they are projected after the step."""
        projections = [lane.whole for lane in self.heads[0] if lane.whole is not None]
        if not projections:
            return y
        stacked = torch.stack([projection.t() for projection in projections])
        weight = self.graph.weight(f"{self.name}.projection", stacked)
        return self.graph.node("MatMul", y, weight, name=f"{self.name}.projected")

    def _beside(self, y: str) -> str:
        """(T, D, B, H) as (T, B, D * H)."""
        if len(self.heads[0]) == 1:
            return self.graph.node("Squeeze", y, self.graph.indices(1), name=f"{self.name}.y")
        turned = self.graph.node("Transpose", y, name=f"{self.name}.y", perm=[0, 2, 1, 3])
        return self.graph.node("Reshape", turned, self.graph.indices(0, 0, -1), name=f"{self.name}.y")


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
