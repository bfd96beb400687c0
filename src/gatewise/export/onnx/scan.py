"""A layer as a Scan over the step's own operators, for every cell that is no operator of ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from onnx import TensorProto
from torch import Tensor

from ...compiler.lower import program_of
from ...compiler.render.onnx import emit
from ...equation import Gate, previous
from ..layer_weights import Lane
from .graph import Graph


def scan(graph: Graph, lane: Lane, x: str, states: Sequence[str], running: str) -> tuple[str, list[str]]:
    """Outputs (T, B, H) and last states (B, H). running: (T, B, 1), whether a sequence still runs at a step; or ""."""
    step = _Step(graph, lane, bool(running))
    swept = [step.from_input(graph, x), *([running] if running else [])]
    direction: dict[str, Any] = {}
    if lane.reverse:
        direction = {"scan_input_directions": [1] * len(swept), "scan_output_directions": [1]}
    names = [f"{lane.name}.{state}_last" for state in lane.cell.state]
    *last, y = graph.results(
        "Scan",
        *states,
        *swept,
        names=[*names, f"{lane.name}.y"],
        body=step.body(),
        num_scan_inputs=len(swept),
        **direction,
    )
    return y, last


class _Step:
    """The body: one step for all rows, with what comes from x summed up outside."""

    def __init__(self, graph: Graph, lane: Lane, ragged: bool) -> None:
        self.lane, self.ragged = lane, ragged
        self.graph = graph.inside()
        self.gates = {gate.preactivation: gate for gate in lane.cell.gates}
        self.fed = [gate for gate in lane.cell.gates if gate.has_input]

    def from_input(self, graph: Graph, x: str) -> str:
        """W x + b of every gate that reads x, (T, B, gates * H); x itself where none does."""
        if not self.fed:
            return x
        W = graph.weight(f"{self.lane.name}.W", torch.cat([self.lane.W[gate.name] for gate in self.fed]).t())
        zeros = self.lane.W[self.fed[0].name].new_zeros(self.lane.units)
        b = torch.cat([self.lane.b.get(gate.name, zeros) for gate in self.fed])
        products = graph.node("MatMul", x, W, name=f"{self.lane.name}.Wx")
        return graph.node("Add", products, graph.weight(f"{self.lane.name}.b", b), name=f"{self.lane.name}.Wx_b")

    def body(self) -> Any:
        """The graph inside the Scan."""
        body, cell = self.graph, self.lane.cell
        before = [body.name(previous(state)) for state in cell.state]
        x = body.name("x_step")
        running = [body.name("running")] if self.ragged else []
        sums = self._sums(x, before[0])
        inputs = {name: total for name, total in sums.items() if self.gates[name].recurrent != "step"}
        inputs |= dict(zip(map(previous, cell.state), before, strict=True))
        inputs |= {name: self._weight(name, vector) for name, vector in self.lane.vectors.items()}
        inputs |= {noise.name: body.number(noise.mean) for noise in cell.noise}

        def product(name: str, operand: str) -> str:
            return self._with_product(self.gates[name], operand, before[0], sums.get(name))

        made = emit(program_of(cell), inputs, body, product)
        new = self._projected([made[state] for state in cell.state])
        results = [*self._kept(new, before, running), self._output(new[0], running)]
        swept = [body.described(x), *(body.described(name, element=TensorProto.BOOL) for name in running)]
        given = [*(body.described(name) for name in before), *swept]
        return body.proto(f"{self.lane.name}.step", given, [body.described(name) for name in results])

    def _sums(self, x: str, h: str) -> dict[str, str]:
        """What each pre-activation is before the step supplies anything; without those that begin with that."""
        from_x = self.graph.split(x, [self.lane.units] * len(self.fed), -1, "Wx")
        sums = dict(zip([gate.preactivation for gate in self.fed], from_x, strict=False))
        plain = [gate for gate in self.gates.values() if gate.recurrent == "h"]
        if plain:
            U = torch.cat([self.lane.U[gate.name] for gate in plain]).t()
            products = self.graph.node("MatMul", h, self._weight("U", U), name="Uh")
            parts = self.graph.split(products, [self.lane.units] * len(plain), -1, "Uh")
            for gate, part in zip(plain, parts, strict=True):
                sums[gate.preactivation] = self._added(sums.get(gate.preactivation), part, gate.preactivation)
        for gate in self.gates.values():
            if gate.has_bias and not gate.has_input:
                bias = self._weight(f"b_{gate.letter}", self.lane.b[gate.name])
                sums[gate.preactivation] = self._added(sums.get(gate.preactivation), bias, gate.preactivation)
        return sums

    def _with_product(self, gate: Gate, operand: str, h: str, total: str | None) -> str:
        mine, narrow = self.lane.U[gate.name], self.lane.narrow
        # what the step supplies itself is as wide as the cell
        U = mine if narrow is None or operand == h else mine @ narrow
        products = self.graph.node("MatMul", operand, self._weight(f"U_{gate.letter}", U.t()), name=f"U_{gate.letter}")
        return self._added(total, products, gate.preactivation)

    def _projected(self, states: list[str]) -> list[str]:
        if self.lane.narrow is None:
            return states
        projection = self._weight("projection", self.lane.narrow.t())
        return [self.graph.node("MatMul", states[0], projection, name="projected"), *states[1:]]

    def _kept(self, new: list[str], before: list[str], running: list[str]) -> list[str]:
        """The new states, or the old ones of sequences that have ended."""
        if not running:
            return [self.graph.node("Identity", state, name=was) for state, was in zip(new, before, strict=True)]
        pairs = zip(new, before, strict=True)
        return [self.graph.node("Where", running[0], state, was, name=was) for state, was in pairs]

    def _output(self, h: str, running: list[str]) -> str:
        if not running:
            return self.graph.node("Identity", h, name="y")
        return self.graph.node("Where", running[0], h, self.graph.number(0.0), name="y")

    def _weight(self, name: str, tensor: Tensor) -> str:
        return self.graph.weight(f"{self.lane.name}.{name}", tensor)

    def _added(self, a: str | None, b: str, name: str) -> str:
        return b if a is None else self.graph.node("Add", a, b, name=name)
