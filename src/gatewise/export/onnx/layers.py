"""The layers of a chain as ONNX nodes: recurrent operators, or a Scan over the operators of the cell's own step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from onnx import TensorProto
from torch import Tensor, nn

from ...compiler.lower import program_of
from ...compiler.render.onnx import emit
from ...equation import WHOLE_INPUT, Gate, previous
from ...nn.parts import rows_of
from ...nn.recurrent import Recurrent
from ...nn.rowwise import Affine, Gateless
from ...nn.weights import Place
from ..layer_weights import LayerWeights, layer_weights_of
from .graph import GraphBuilder
from .interface import StateGroup
from .operators import Operator, operator_of, weights_of


class SequenceMask(NamedTuple):
    """The values that tell which steps belong to a sequence.

    lengths: (B,) int32. running: (T, B, 1), whether a step belongs to it. begun: (1, B, 1), whether it has any step.
    """

    lengths: str
    running: str
    begun: str


def scan(
    graph: GraphBuilder, layer: LayerWeights, x: str, states: Sequence[str], running: str
) -> tuple[str, list[str]]:
    """Outputs (T, B, H) and last states (B, H). running: (T, B, 1), whether a step belongs to a sequence; or ""."""
    step, sizes = _ScanBody(graph, layer, bool(running)), [layer.inputs, *(1 for _ in layer.cell.row_inputs)]
    features = graph.split(x, sizes, -1, f"{layer.name}.x")[0] if layer.inputs else x
    scanned = [step.from_input(graph, features), *([x] if layer.cell.inputs else []), *([running] if running else [])]
    direction: dict[str, Any] = {}
    if layer.reverse:
        direction = {"scan_input_directions": [1] * len(scanned), "scan_output_directions": [1]}
    names = [f"{layer.name}.{state}_last" for state in layer.cell.state]
    *last, y = graph.results(
        "Scan",
        *states,
        *scanned,
        names=[*names, f"{layer.name}.y"],
        body=step.body(),
        num_scan_inputs=len(scanned),
        **direction,
    )
    return y, last


class _ScanBody:
    """The body: one step for all rows; the products with x are computed outside, for all steps at once."""

    def __init__(self, graph: GraphBuilder, layer: LayerWeights, ragged: bool) -> None:
        self.layer, self.ragged = layer, ragged
        self.graph = graph.inside()
        self.gates = {gate.preactivation: gate for gate in layer.cell.gates}
        self.from_x = [gate for gate in layer.cell.gates if gate.has_input]

    def from_input(self, graph: GraphBuilder, x: str) -> str:
        """W x + b of every gate that reads x, (T, B, gates * H); x itself where none does."""
        if not self.from_x:
            return x
        W = graph.weight(f"{self.layer.name}.W", torch.cat([self.layer.W[gate.name] for gate in self.from_x]).t())
        zeros = [self.layer.W[gate.name].new_zeros(len(self.layer.W[gate.name])) for gate in self.from_x]
        b = torch.cat([self.layer.b.get(gate.name, zero) for gate, zero in zip(self.from_x, zeros, strict=True)])
        products = graph.node("MatMul", x, W, name=f"{self.layer.name}.Wx")
        return graph.node("Add", products, graph.weight(f"{self.layer.name}.b", b), name=f"{self.layer.name}.Wx_b")

    def body(self) -> Any:
        """The graph inside the Scan."""
        body, cell = self.graph, self.layer.cell
        before = [body.name(previous(state)) for state in cell.state]
        x = body.name("x_step")
        read = [body.name("x_read")] if cell.inputs else []
        running = [body.name("running")] if self.ragged else []
        sums = self._sums(x, before[0])
        inputs = {name: total for name, total in sums.items() if self.gates[name].recurrent != "step"}
        inputs |= dict(zip(map(previous, cell.state), before, strict=True))
        inputs |= {name: self._weight(name, vector) for name, vector in self.layer.vectors.items()}
        inputs |= {noise.name: body.number(noise.mean) for noise in cell.noise} | self._read(read)

        def product(name: str, operand: str) -> str:
            return self._with_product(self.gates[name], operand, before[0], sums.get(name))

        values = emit(program_of(cell), inputs, body, product)
        new = self._projected([values[state] for state in cell.state])
        results = [*self._last_states(new, before, running), self._output(new[0], running)]
        scanned = [
            *(body.described(name) for name in (x, *read)),
            *(body.described(name, element=TensorProto.BOOL) for name in running),
        ]
        declared = [*(body.described(name) for name in before), *scanned]
        return body.proto(f"{self.layer.name}.step", declared, [body.described(name) for name in results])

    def _read(self, read: list[str]) -> dict[str, str]:
        """What the step reads of the input itself, by its names in the program."""
        names = [*([WHOLE_INPUT] if self.layer.inputs else []), *self.layer.cell.row_inputs]
        sizes = [*([self.layer.inputs] if self.layer.inputs else []), *(1 for _ in self.layer.cell.row_inputs)]
        return {} if not read else dict(zip(names, self.graph.split(read[0], sizes, -1, "x_read"), strict=True))

    def _sums(self, x: str, h: str) -> dict[str, str]:
        """Each pre-activation as far as it does not depend on the step; none for a gate that wholly depends on it."""
        from_x = self.graph.split(x, [len(self.layer.W[gate.name]) for gate in self.from_x], -1, "Wx")
        sums = dict(zip([gate.preactivation for gate in self.from_x], from_x, strict=False))
        plain = [gate for gate in self.gates.values() if gate.recurrent == "h"]
        if plain:
            U = torch.cat([self.layer.U[gate.name] for gate in plain]).t()
            products = self.graph.node("MatMul", h, self._weight("U", U), name="Uh")
            parts = self.graph.split(products, [len(self.layer.U[gate.name]) for gate in plain], -1, "Uh")
            for gate, part in zip(plain, parts, strict=True):
                sums[gate.preactivation] = self._added(sums.get(gate.preactivation), part, gate.preactivation)
        for gate in self.gates.values():
            if gate.has_bias and not gate.has_input:
                bias = self._weight(f"b_{gate.letter}", self.layer.b[gate.name])
                sums[gate.preactivation] = self._added(sums.get(gate.preactivation), bias, gate.preactivation)
        return sums

    def _with_product(self, gate: Gate, operand: str, h: str, total: str | None) -> str:
        weight, narrow = self.layer.U[gate.name], self.layer.narrow
        # what the step supplies itself is as wide as the cell
        U = weight if narrow is None or operand == h else weight @ narrow
        products = self.graph.node("MatMul", operand, self._weight(f"U_{gate.letter}", U.t()), name=f"U_{gate.letter}")
        return self._added(total, products, gate.preactivation)

    def _projected(self, states: list[str]) -> list[str]:
        if self.layer.narrow is None:
            return states
        projection = self._weight("projection", self.layer.narrow.t())
        return [self.graph.node("MatMul", states[0], projection, name="projected"), *states[1:]]

    def _last_states(self, new: list[str], before: list[str], running: list[str]) -> list[str]:
        """The new states; for sequences that have ended, the old ones."""
        if not running:
            return [self.graph.node("Identity", state, name=was) for state, was in zip(new, before, strict=True)]
        pairs = zip(new, before, strict=True)
        return [self.graph.node("Where", running[0], state, was, name=was) for state, was in pairs]

    def _output(self, h: str, running: list[str]) -> str:
        if not running:
            return self.graph.node("Identity", h, name="y")
        return self.graph.node("Where", running[0], h, self.graph.number(0.0), name="y")

    def _weight(self, name: str, tensor: Tensor) -> str:
        return self.graph.weight(f"{self.layer.name}.{name}", tensor)

    def _added(self, a: str | None, b: str, name: str) -> str:
        return b if a is None else self.graph.node("Add", a, b, name=name)


class OneLayer:
    """One layer in all its directions: the operator that its cell is, or a Scan for each direction."""

    def __init__(
        self, graph: GraphBuilder, module: Recurrent, places: list[Place], name: str, ragged: SequenceMask | None
    ) -> None:
        self.graph, self.name, self.ragged = graph, name, ragged
        directions = [layer_weights_of(module, place, f"{name}.reverse" if place.reverse else name) for place in places]
        if module.cell.widths:
            sizes = [module.sizes(place) for place in places]
            directions = [[head.narrowed(own) for head in heads] for heads, own in zip(directions, sizes, strict=True)]
        self.heads = list(zip(*directions, strict=True))
        first = directions[0][0]
        standard = graph.element == TensorProto.FLOAT and first.narrow is None
        self.operator: Operator | None = operator_of(module.cell) if standard else None

    def over(self, x: str, states: list[str]) -> tuple[str, list[str]]:
        """The outputs (T, B, D * H) and the last states (D, B, H), for states (D, B, H)."""
        sizes = [head[0].units for head in self.heads]
        by_state = [self.graph.split(state, sizes, -1, f"{self.name}.state") for state in states]
        by_head = zip(self.heads, zip(*by_state, strict=True), strict=True)
        results = [self._head(head, x, list(head_states)) for head, head_states in by_head]
        y = self.graph.joined([outputs for outputs, _ in results], -1, f"{self.name}.y")
        last = [
            self.graph.joined(list(parts), -1, f"{self.name}.last")
            for parts in zip(*(last for _, last in results), strict=True)
        ]
        return self._directions_joined(self._projected(y)), last

    def _head(self, directions: tuple[LayerWeights, ...], x: str, states: list[str]) -> tuple[str, list[str]]:
        """Outputs (T, D, B, H) and last states (D, B, H)."""
        if self.operator is not None:
            return self._as_operator(self.operator, directions, x, states)
        graph, running = self.graph, self.ragged.running if self.ragged else ""
        ys: list[str] = []
        lasts: list[list[str]] = []
        for at, layer in enumerate(directions):
            before = [graph.node("Gather", state, graph.index(at), name=f"{layer.name}.state") for state in states]
            y, last = scan(graph, layer, x, before, running)
            ys.append(graph.node("Unsqueeze", y, graph.indices(1)))
            lasts.append([graph.node("Unsqueeze", state, graph.indices(0)) for state in last])
        last = [graph.joined(list(parts), 0, f"{self.name}.last") for parts in zip(*lasts, strict=True)]
        return graph.joined(ys, 1, f"{self.name}.y"), last

    def _as_operator(
        self, operator: Operator, directions: tuple[LayerWeights, ...], x: str, states: list[str]
    ) -> tuple[str, list[str]]:
        graph, name = self.graph, directions[0].name
        weights = {key: graph.weight(f"{name}.{key}", w) for key, w in weights_of(operator, directions).items()}
        attributes = dict(operator.attributes)
        if "activations" in attributes:
            attributes["activations"] *= len(directions)
        inputs = [x, weights["W"], weights["R"], weights["B"], self.ragged.lengths if self.ragged else "", *states]
        y, *last = graph.results(
            operator.kind,
            *inputs,
            *([weights["P"]] if "P" in weights else []),
            names=[f"{name}.y", *(f"{name}.{state}_last" for state in directions[0].cell.state)],
            hidden_size=directions[0].units,
            direction="bidirectional" if len(directions) > 1 else "forward",
            **attributes,
        )
        if self.ragged is None:
            return y, last
        # the operators give zero for a sequence without a step
        begun, pairs = self.ragged.begun, zip(last, states, strict=True)
        return y, [graph.node("Where", begun, now, was, name=f"{name}.last") for now, was in pairs]

    def _projected(self, y: str) -> str:
        """The outputs (T, D, B, H) as (T, D, B, P), where they are projected after the step."""
        projections = [layer.whole for layer in self.heads[0] if layer.whole is not None]
        if not projections:
            return y
        stacked = torch.stack([projection.t() for projection in projections])
        weight = self.graph.weight(f"{self.name}.projection", stacked)
        return self.graph.node("MatMul", y, weight, name=f"{self.name}.projected")

    def _directions_joined(self, y: str) -> str:
        """(T, D, B, H) as (T, B, D * H)."""
        if len(self.heads[0]) == 1:
            return self.graph.node("Squeeze", y, self.graph.indices(1), name=f"{self.name}.y")
        batch_first = self.graph.node("Transpose", y, name=f"{self.name}.y", perm=[0, 2, 1, 3])
        return self.graph.node("Reshape", batch_first, self.graph.indices(0, 0, -1), name=f"{self.name}.y")


class Layers(NamedTuple):
    """A module's outputs (T, B, D * H), its last states by their names, and the operator of each layer."""

    y: str
    last: dict[str, str]
    operators: dict[str, str]


def add_layers(
    graph: GraphBuilder,
    module: Recurrent,
    name: str,
    x: str,
    states: Mapping[StateGroup, str],
    ragged: SequenceMask | None,
) -> Layers:
    """Add the layers. x: (T, B, I). states: the name of the value of each."""
    directions = 2 if module.bidirectional else 1
    before: dict[tuple[int, int], str] = {}
    for group, value in states.items():
        pieces = graph.split(value, [directions] * len(group.layers), 0, group.initial)
        before |= {(group.state, layer): piece for layer, piece in zip(group.layers, pieces, strict=True)}
    after: dict[tuple[int, int], str] = {}
    operators: dict[str, str] = {}
    if module.options.residual and ragged is not None:
        x = graph.node("Where", ragged.running, x, graph.number(0.0))  # beyond a sequence's end an output is zero
    own: list[str] = []  # what every layer's step reads of the input itself
    if module.cell.row_inputs and module.places[0].inputs:
        sizes = [module.places[0].inputs, len(module.cell.row_inputs)]
        x, *own = graph.split(x, sizes, -1, f"{name}x")
    for layer in range(module.num_layers):
        places = [place for place in module.places if place.layer == layer]
        one = OneLayer(graph, module, places, f"{name}l{layer}", ragged)
        layer_states = [before[state, layer] for state in range(len(module.cell.state))]
        read = _normalised(graph, module, layer, x, f"{name}l{layer}")
        y, last = one.over(graph.joined([read, *own], -1, f"{name}l{layer}.x"), layer_states)
        after |= {(state, layer): value for state, value in enumerate(last)}
        operators[f"{name}l{layer}"] = one.operator.kind if one.operator else "Scan"
        wide = directions * module.output_width(places[0])
        x = graph.node("Add", x, y) if module.options.residual and places[0].inputs == wide else y
    by_group = {group: [after[group.state, layer] for layer in group.layers] for group in states}
    last = {group.last: graph.joined(values, 0, group.last) for group, values in by_group.items()}
    return Layers(x, last, operators)


def _normalised(graph: GraphBuilder, module: Recurrent, layer: int, x: str, name: str) -> str:
    if not module.options.pre_norm:
        return x
    return add_part(graph, module.norms[layer], x, f"{name}.norm")


def add_part(graph: GraphBuilder, part: nn.Module, x: str, name: str) -> str:
    """Add a part without states."""
    match rows_of(part):
        case Affine() as affine:
            return _affine(graph, affine, x, name)
        case Gateless() as gateless:
            return _gateless(graph, gateless, x, name)


def _affine(graph: GraphBuilder, affine: Affine, x: str, name: str) -> str:
    product = graph.node("MatMul", x, graph.weight(f"{name}.W", affine.weight.t()), name=f"{name}.Wx")
    if affine.bias is None:
        return product
    return graph.node("Add", product, graph.weight(f"{name}.b", affine.bias), name=f"{name}.y")


def _gateless(graph: GraphBuilder, gateless: Gateless, x: str, name: str) -> str:
    vectors = {key: graph.weight(f"{name}.{key}", vector) for key, vector in gateless.vectors.items()}
    (state,) = gateless.cell.state
    return emit(program_of(gateless.cell), {previous(state): x, **vectors}, graph)[state]
