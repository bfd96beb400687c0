"""A chain as one graph: its parts one after another, its inputs and outputs by name."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto, TensorProto, ValueInfoProto, helper
from torch import nn

from ...nn.recurrent import Recurrent
from ...version import version
from .graph import Graph, plain
from .layers import Ragged, add_layers, add_map
from .plan import INPUT, LENGTHS, OUTPUT, Plan, Started, started_states

OPSET, IR_VERSION = 17, 8
"""ONNX 1.12 of 2022: every runtime of today reads it, and later ones bring these operators only more dtypes."""


def assembled_model(plan: Plan, dtype: Any, name: str) -> tuple[ModelProto, dict[str, str]]:
    """The model, and which operator stands for each part or layer."""
    graph = Graph(dtype)
    for taken in (INPUT, LENGTHS, OUTPUT, *(each for *_, state in plan.states for each in (state.given, state.last))):
        graph.name(taken)
    x = graph.node("Transpose", INPUT, perm=[1, 0, 2]) if plan.batch_first else INPUT
    ragged = _ragged(graph, x) if plan.ragged else None
    starts = {each: _started(graph, each, x) if plan.optional else each.state.given for each in plan.states}
    y, last, operators = _through(graph, plan, x, starts, ragged)
    graph.called(graph.node("Transpose", y, perm=[1, 0, 2]) if plan.batch_first else y, OUTPUT)
    for result, value in last.items():
        graph.called(value, result)
    proto = graph.proto(plain(name), _inputs(graph, plan), _outputs(graph, plan))
    proto.initializer.extend(graph.numbers)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="gatewise", producer_version=version()
    )
    return model, operators


def _through(
    graph: Graph, plan: Plan, x: str, starts: dict[Started, str], ragged: Ragged | None
) -> tuple[str, dict[str, str], dict[str, str]]:
    last: dict[str, str] = {}
    operators: dict[str, str] = {}
    for at, part in enumerate(plan.chain.parts):
        name = f"part{at}" if len(plan.chain.parts) > 1 else ""
        if isinstance(part, Recurrent):
            mine = {each.state: starts[each] for each in plan.states if each.part == at}
            found = add_layers(graph, part, f"{name}." if name else "", x, mine, ragged)
            x, last, operators = found.y, last | found.last, operators | found.operators
        else:
            x = _linear(graph, part, x, name) if isinstance(part, nn.Linear) else add_map(graph, part, x, name)
            operators[name] = type(part).__name__
    return x, last, operators


def _linear(graph: Graph, part: nn.Linear, x: str, name: str) -> str:
    product = graph.node("MatMul", x, graph.weight(f"{name}.W", part.weight.t()), name=f"{name}.Wx")
    if part.bias is None:  # pyright: ignore[reportUnnecessaryComparison] - bias=False
        return product
    return graph.node("Add", product, graph.weight(f"{name}.b", part.bias), name=f"{name}.y")


def _ragged(graph: Graph, x: str) -> Ragged:
    steps = graph.node("Gather", graph.node("Shape", x), graph.index(0), name="steps")
    time = graph.node("Range", graph.index(0), steps, graph.index(1), name="time")
    lengths = graph.node("Unsqueeze", LENGTHS, graph.indices(0, 2))
    running = graph.node("Less", graph.node("Unsqueeze", time, graph.indices(1, 2)), lengths, name="running")
    begun = graph.node("Less", graph.index(0), lengths, name="begun")
    return Ragged(graph.node("Cast", LENGTHS, to=TensorProto.INT32), running, begun)


def _started(graph: Graph, each: Started, x: str) -> str:
    """A state that need not be given; one of a batch of 1, as the default is, stands for every sequence."""
    name = each.state.given
    graph.default(name, started_states(each.module, each.state))
    batch = graph.node("Gather", graph.node("Shape", x), graph.indices(1), name="batch")
    places, _, width = each.shape("batch")
    shape = graph.node("Concat", graph.indices(int(places)), batch, graph.indices(int(width)), axis=0)
    return graph.node("Expand", name, shape, name=f"{name}_of_all")


def _inputs(graph: Graph, plan: Plan) -> list[ValueInfoProto]:
    found = [graph.described(INPUT, plan.x)]
    if plan.ragged:
        found.append(graph.described(LENGTHS, ("batch",), TensorProto.INT64))
    batch = "batch_or_1" if plan.optional else "batch"
    return found + [graph.described(each.state.given, each.shape(batch)) for each in plan.states]


def _outputs(graph: Graph, plan: Plan) -> list[ValueInfoProto]:
    states = [graph.described(each.state.last, each.shape("batch")) for each in plan.states]
    return [graph.described(OUTPUT, plan.y), *states]
