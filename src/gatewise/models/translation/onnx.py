"""A translator as two ONNX graphs: one reads a sentence, one writes the translation, a unit at a time.

What goes from the first to the second, and from each unit to the next, is tensors of the caller's: a search, greedy or
with a beam, is a loop around the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from onnx import ModelProto, TensorProto, ValueInfoProto
from torch import Tensor

from ...export.onnx.check import Sample, arrays
from ...export.onnx.graph import GraphBuilder
from ...export.onnx.interface import StateGroup, initial_states, state_groups, state_of
from ...export.onnx.layers import add_layers, add_part
from ...export.onnx.parts import expanded, model_of
from ...export.onnx.write import Assembled
from ...nn import Recurrent
from .network import Bridge, Decoding, Encoded, Memories, TranslationNetwork
from .units import BEGIN, END, SPECIAL

SOURCE, MEMORY, UNITS, ANSWERS, ATTENTION = "source", "memory", "units", "log_probabilities", "attention"
_SIZES = ((7, 3, 2), (1, 1, 1))
"""Source units, sentences, and hypotheses of each, which both files are tried with."""


def graphs(network: TranslationNetwork) -> Mapping[str, Assembled]:
    """The two graphs by name, each with what it has to compute."""
    tried = [_tried(network, *sizes, seed=place) for place, sizes in enumerate(_SIZES)]
    encoder, decoder = _encoder(network), _decoder(network)
    return {
        "encoder": Assembled(*encoder, [one[0] for one in tried]),
        "decoder": Assembled(*decoder, [one[1] for one in tried]),
    }


def _encoder(network: TranslationNetwork) -> tuple[ModelProto, Mapping[str, str]]:
    """``source`` (B, S) to ``memory`` (B, S, C) and the first states of the decoder; all sentences have S units."""
    graph, groups = GraphBuilder(network.bias.detach().numpy().dtype), list(_groups(network))
    for reserved in (SOURCE, MEMORY, *(group.initial for _, _, group in groups)):
        graph.name(reserved)
    table = graph.weight("source_embedding", network.source_embedding.weight)
    x = graph.node("Gather", table, graph.node("Transpose", SOURCE, perm=[1, 0]), name="embedded")
    encoder = network.encoder
    starts = {
        group: expanded(graph, graph.weight(f"{group.initial}.own", initial_states(encoder, group)), encoder, group, x)
        for group in state_groups(encoder, "encoder_")
    }
    layers = add_layers(graph, encoder, "encoder.", x, starts, None)
    graph.called(graph.node("Transpose", layers.y, perm=[1, 0, 2]), MEMORY)
    ends = _ends(graph, layers.y, encoder.output_size)
    for (bridge, recurrent), own in _sides(network):
        for name, value in _first_states(graph, bridge, recurrent, own, ends, x):
            graph.called(value, name)
    inputs = [graph.described(SOURCE, ("batch", "source"), TensorProto.INT64)]
    memory = graph.described(MEMORY, ("batch", "source", encoder.output_size))
    outputs = [memory, *(_described(graph, recurrent, group, "batch") for _, recurrent, group in groups)]
    return model_of(graph, "encoder", inputs, outputs), layers.operators


def _ends(graph: GraphBuilder, y: str, width: int) -> str:
    """What each direction gave last, (B, C)."""
    half = [width // 2] * 2
    forward, _ = graph.split(graph.node("Gather", y, graph.index(-1), name="last"), half, -1, "last")
    _, backward = graph.split(graph.node("Gather", y, graph.index(0), name="first"), half, -1, "first")
    return graph.joined([forward, backward], -1, "ends")


def _first_states(
    graph: GraphBuilder, bridge: Bridge, recurrent: Recurrent, own: list[StateGroup], ends: str, x: str
) -> Iterator[tuple[str, str]]:
    """As `Bridge.forward`: outputs start from the ends of the encoder, other states from what the cell declares."""
    mapped = graph.node("Tanh", add_part(graph, bridge.linear, ends, own[0].initial), name=f"{own[0].initial}.mapped")
    outputs = graph.split(mapped, bridge.widths, -1, own[0].initial)
    for group in own:
        if group.state == 0:
            places = [graph.node("Unsqueeze", outputs[at], graph.indices(0)) for at in group.places(recurrent)]
            yield group.initial, graph.joined(places, 0, f"{group.initial}.start")
        else:
            start = graph.weight(f"{group.initial}.own", initial_states(recurrent, group))
            yield group.initial, expanded(graph, start, recurrent, group, x)


def _decoder(network: TranslationNetwork) -> tuple[ModelProto, Mapping[str, str]]:
    """One unit of R hypotheses, R / B of each sentence side by side: `TranslationNetwork.step` and its softmax."""
    graph, groups = GraphBuilder(network.bias.detach().numpy().dtype), list(_groups(network))
    states = [name for _, _, group in groups for name in (group.initial, group.last)]
    for reserved in (UNITS, MEMORY, ANSWERS, ATTENTION, *states):
        graph.name(reserved)
    table = graph.weight("target_embedding", network.target_units.weight)
    read, contexts, operators = graph.node("Gather", table, UNITS, name="embedded"), "", dict[str, str]()
    for (_, recurrent), own in _sides(network):
        joined = graph.joined([read, *([contexts] if contexts else [])], -1, "read")
        x = graph.node("Unsqueeze", joined, graph.indices(0))
        layers = add_layers(graph, recurrent, f"{own[0].initial[:-4]}.", x, {one: one.initial for one in own}, None)
        read, operators = graph.node("Squeeze", layers.y, graph.indices(0)), operators | layers.operators
        for name, value in layers.last.items():
            graph.called(value, name)
        contexts = contexts or _attended(graph, network, read)
    before = add_part(graph, network.linear, graph.joined([read, contexts], -1, "read"), "linear")
    logits = graph.node("MatMul", before, graph.node("Transpose", table, perm=[1, 0]))
    logits = graph.node("Add", logits, graph.weight("bias", network.bias))
    never = network.bias.new_zeros(len(network.bias))
    never[:END] = -np.inf  # nothing unknown is written, and nothing begins again
    answers = graph.node("LogSoftmax", logits, axis=-1)
    graph.called(graph.node("Add", answers, graph.weight("never", never)), ANSWERS)
    memory = graph.described(MEMORY, ("batch", "source", network.encoder.output_size))
    before_states, after_states = (
        [_described(graph, recurrent, group, "rows", last=last) for _, recurrent, group in groups]
        for last in (False, True)
    )
    inputs = [graph.described(UNITS, ("rows",), TensorProto.INT64), memory, *before_states]
    answered = graph.described(ANSWERS, ("rows", len(network.bias)))
    attended = graph.described(ATTENTION, ("rows", "source"))
    return model_of(graph, "decoder", inputs, [answered, attended, *after_states]), operators


def _attended(graph: GraphBuilder, network: TranslationNetwork, read: str) -> str:
    """The contexts (R, C) of `Attention.rowwise`; the mean of its heads' weights becomes an output."""
    attention = network.attention
    queries = add_part(graph, attention.query, read, "query")
    queries = graph.node("Mul", queries, graph.number(attention.scale))
    batch, source = graph.split(graph.node("Shape", MEMORY), [1, 1, 1], 0, "memory_size")[:2]
    heads, wide = attention.heads, attention.query.out_features
    divided = graph.indices(heads, wide // heads)
    queries = graph.node("Reshape", queries, graph.node("Concat", batch, graph.indices(-1), divided, axis=0))
    queries = graph.node("Transpose", queries, perm=[0, 2, 1, 3], name="queries")
    values = graph.node("Reshape", MEMORY, graph.node("Concat", batch, source, divided, axis=0))
    scores = graph.node("MatMul", queries, graph.node("Transpose", values, perm=[0, 2, 3, 1]), name="scores")
    weights = graph.node("Softmax", scores, axis=-1, name="weights")
    mean = graph.node("ReduceMean", weights, axes=[1], keepdims=0)
    graph.called(graph.node("Reshape", mean, graph.node("Concat", graph.indices(-1), source, axis=0)), ATTENTION)
    contexts = graph.node("MatMul", weights, graph.node("Transpose", values, perm=[0, 2, 1, 3]))
    contexts = graph.node("Transpose", contexts, perm=[0, 2, 1, 3])
    return graph.node("Reshape", contexts, graph.indices(-1, wide), name="contexts")


def _sides(network: TranslationNetwork) -> Iterator[tuple[tuple[Bridge, Recurrent], list[StateGroup]]]:
    """The decoder's recurrent parts, from the bottom, each with its states."""
    yield (network.bottom_bridge, network.bottom), state_groups(network.bottom, "bottom_")
    if network.upper is not None and network.upper_bridge is not None:
        yield (network.upper_bridge, network.upper), state_groups(network.upper, "upper_")


def _groups(network: TranslationNetwork) -> Iterator[tuple[int, Recurrent, StateGroup]]:
    """The decoder's states: the place of their part in `Decoding`, the part, and the group."""
    for place, ((_, recurrent), own) in enumerate(_sides(network)):
        yield from ((place, recurrent, group) for group in own)


def _described(
    graph: GraphBuilder, recurrent: Recurrent, group: StateGroup, rows: str, *, last: bool = False
) -> ValueInfoProto:
    shape = len(group.places(recurrent)), rows, group.width
    return graph.described(group.last if last else group.initial, shape)


@torch.no_grad()
def _tried(network: TranslationNetwork, length: int, batch: int, beam: int, seed: int) -> tuple[Sample, Sample]:
    """What the network computes of units drawn at random: of the sentences, and after two target units."""
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(SPECIAL, network.source_embedding.num_embeddings, (batch, length), generator=generator)
    encoded: Encoded = network.encode(source.t().contiguous(), torch.full((batch,), length))
    first = network.start(encoded.ends)
    outputs = {MEMORY: encoded.memory, **_named(network, first, "initial")}
    encoder = Sample(arrays({SOURCE: source}), arrays(outputs))
    memories = Memories.of(encoded.memory)
    rows = torch.arange(batch).repeat_interleave(beam)
    _, decoding = network.step(torch.full((len(rows),), BEGIN), first.rows(rows), [memories])
    units = torch.randint(SPECIAL, len(network.bias), (len(rows),), generator=generator)
    before, after = network.step(units, decoding, [memories])
    answers = network.logits(before).log_softmax(1)
    answers[:, :END] = -torch.inf
    inputs = {UNITS: units, MEMORY: encoded.memory, **_named(network, decoding, "initial")}
    return encoder, Sample(arrays(inputs), arrays({ANSWERS: answers, **_named(network, after, "last")}))


def _named(network: TranslationNetwork, decoding: Decoding, which: str) -> dict[str, Tensor]:
    """The states by their names as inputs, ``initial``, or outputs, ``last``."""
    return {
        getattr(group, which): state_of(recurrent, decoding[place], group)
        for place, recurrent, group in _groups(network)
    }
