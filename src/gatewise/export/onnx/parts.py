"""A chain as one graph: its parts one after another, its inputs and outputs by name."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from ...nn.recurrent import Recurrent
from ...version import version
from .graph import GraphBuilder, plain
from .interface import INPUT, LENGTHS, OUTPUT, Interface, PartState, StateGroup, initial_states
from .layers import SequenceMask, add_layers, add_part

OPSET, IR_VERSION = 17, 8
"""ONNX 1.12 of 2022: today's runtimes read it, and later versions only add dtypes to these operators."""


def assembled_model(interface: Interface, dtype: Any, name: str) -> tuple[ModelProto, dict[str, str]]:
    """The model, and the operator that computes each part or layer."""
    graph = GraphBuilder(dtype)
    states = [name for *_, group in interface.states for name in (group.initial, group.last)]
    for reserved in (INPUT, LENGTHS, OUTPUT, *states):
        graph.name(reserved)
    x = graph.node("Transpose", INPUT, perm=[1, 0, 2]) if interface.batch_first else INPUT
    ragged = _sequence_mask(graph, x) if interface.ragged else None
    starts = {
        state: _optional_state(graph, state, x) if interface.optional else state.group.initial
        for state in interface.states
    }
    y, last, operators = _add_parts(graph, interface, x, starts, ragged)
    graph.called(graph.node("Transpose", y, perm=[1, 0, 2]) if interface.batch_first else y, OUTPUT)
    for result, value in last.items():
        graph.called(value, result)
    return model_of(graph, name, _inputs(graph, interface), _outputs(graph, interface)), operators


def model_of(graph: GraphBuilder, name: str, inputs: list[ValueInfoProto], outputs: list[ValueInfoProto]) -> ModelProto:
    """The model whose graph this is."""
    proto = graph.proto(plain(name), inputs, outputs)
    proto.initializer.extend(graph.numbers)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(
        proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="gatewise", producer_version=version()
    )


def _add_parts(
    graph: GraphBuilder, interface: Interface, x: str, starts: dict[PartState, str], ragged: SequenceMask | None
) -> tuple[str, dict[str, str], dict[str, str]]:
    last: dict[str, str] = {}
    operators: dict[str, str] = {}
    for at, part in enumerate(interface.chain.parts):
        name = f"part{at}" if len(interface.chain.parts) > 1 else ""
        if isinstance(part, Recurrent):
            states = {state.group: starts[state] for state in interface.states if state.part == at}
            layers = add_layers(graph, part, f"{name}." if name else "", x, states, ragged)
            x, last, operators = layers.y, last | layers.last, operators | layers.operators
        else:
            x = add_part(graph, part, x, name)
            operators[name] = type(part).__name__
    return x, last, operators


def _sequence_mask(graph: GraphBuilder, x: str) -> SequenceMask:
    steps = graph.node("Gather", graph.node("Shape", x), graph.index(0), name="steps")
    time = graph.node("Range", graph.index(0), steps, graph.index(1), name="time")
    lengths = graph.node("Unsqueeze", LENGTHS, graph.indices(0, 2))
    running = graph.node("Less", graph.node("Unsqueeze", time, graph.indices(1, 2)), lengths, name="running")
    begun = graph.node("Less", graph.index(0), lengths, name="begun")
    return SequenceMask(graph.node("Cast", LENGTHS, to=TensorProto.INT32), running, begun)


def _optional_state(graph: GraphBuilder, state: PartState, x: str) -> str:
    """A state that may be left out; one with a batch of 1, like the default, is that of every sequence."""
    name = state.group.initial
    graph.default(name, initial_states(state.module, state.group))
    return expanded(graph, name, state.module, state.group, x)


def expanded(graph: GraphBuilder, state: str, module: Recurrent, group: StateGroup, x: str) -> str:
    """A state (L * D, 1, H) as that of every sequence of x (T, B, I)."""
    batch = graph.node("Gather", graph.node("Shape", x), graph.indices(1), name="batch")
    places, width = graph.indices(len(group.places(module))), graph.indices(group.width)
    return graph.node(
        "Expand", state, graph.node("Concat", places, batch, width, axis=0), name=f"{group.initial}_of_all"
    )


def _inputs(graph: GraphBuilder, interface: Interface) -> list[ValueInfoProto]:
    inputs = [graph.described(INPUT, interface.x)]
    if interface.ragged:
        inputs.append(graph.described(LENGTHS, ("batch",), TensorProto.INT64))
    batch = "batch_or_1" if interface.optional else "batch"
    return inputs + [graph.described(state.group.initial, state.shape(batch)) for state in interface.states]


def _outputs(graph: GraphBuilder, interface: Interface) -> list[ValueInfoProto]:
    states = [graph.described(state.group.last, state.shape("batch")) for state in interface.states]
    return [graph.described(OUTPUT, interface.y), *states]
