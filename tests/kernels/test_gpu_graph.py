"""Launches captured as a graph, with a stand-in for it, since there is no card: what it is told then is all it has."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from gatewise.kernels.gpu import graph
from gatewise.kernels.gpu.driver import GPUDriver
from gatewise.kernels.gpu.passes import Way

from ..matrix import random_layer, values
from ..needs import need_module

need_module("triton")
from .test_gpu import CELLS, CPU, results  # noqa: E402

# Programs compute rows and units that there are not too, whose numbers nobody reads.
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value|divide by zero) encountered:RuntimeWarning")

NAMES = ("rnn", "gru_reset_before", "slstm_layer_norm", "attends")


class Graph:
    """As torch.cuda.CUDAGraph: calls between begin and end run at each replay, with what they were told, not then."""

    now: Graph | None = None

    def __init__(self):
        self.calls = []

    def capture_begin(self, **options):
        Graph.now = self

    def capture_end(self):
        Graph.now = None

    def replay(self):
        for call in self.calls:
            call()


@pytest.fixture
def card(monkeypatch):
    """A device that captures, of which the launches and products here are the only work. Gives what it was asked."""
    asked = []
    stream = SimpleNamespace(wait_stream=lambda other: asked.append("wait"))
    done = SimpleNamespace(record=lambda: None, query=lambda: True)
    for name, stand_in in {
        "CUDAGraph": lambda: asked.append("graph") or Graph(),
        "Event": lambda: done,
        "current_stream": lambda device: stream,
        "stream": lambda beside: nullcontext(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(graph, "_stream", lambda device: stream)
    monkeypatch.setattr(graph, "is_worth_while", lambda device, steps: True)
    monkeypatch.setattr(graph, "STEPS", 2)
    repeated = graph.repeated

    def recording(step, steps, clock, capture, *, backward):
        def captured(calls):
            return capture([lambda call=call: Graph.now.calls.append(call) for call in calls])

        asked.append(steps)
        repeated(step, steps, clock, captured, backward=backward)

    monkeypatch.setattr(graph, "repeated", recording)
    return asked


@pytest.mark.parametrize("cell", values({name: CELLS[name] for name in NAMES}, quick=["rnn"]))
@pytest.mark.parametrize("sizes", values({"equal": (5,) * 6, "ragged": (4, 3, 3, 1, 1)}, quick=["ragged"]))
def test_replays_give_the_same_bits(request, cell, sizes):
    layer = random_layer(cell, len(sizes), sizes[0], 3, 6, dtype=torch.float64, batch_sizes=torch.tensor(sizes))
    driver = GPUDriver(CPU, Way())
    expected = results(driver, cell, layer, histories=False)
    asked = request.getfixturevalue("card")
    found = results(driver, cell, layer, histories=False)
    for ours, theirs in zip((*found[0], found[1]), (*expected[0], expected[1]), strict=True):
        assert torch.equal(ours, theirs)
    assert asked == ["wait", len(sizes), "graph", "wait"] * 2


def test_a_capture_that_is_refused_leaves_the_steps_to_launches(monkeypatch, card):
    layer = random_layer(CELLS["rnn"], 5, 2, 3, 6, dtype=torch.float64)
    driver = GPUDriver(CPU, Way())

    def refused(self, **options):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(Graph, "capture_begin", refused)
    with pytest.warns(UserWarning, match="launches are not captured, which is slower: operation not permitted"):
        found = results(driver, CELLS["rnn"], layer, histories=False)
    monkeypatch.undo()
    expected = results(driver, CELLS["rnn"], layer, histories=False)
    assert torch.equal(found[1], expected[1])


def test_when_launches_are_captured(monkeypatch):
    capturing = []
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: bool(capturing))
    card, most = torch.device("cuda"), 10_000
    assert graph.is_worth_while(card, most)
    assert not graph.is_worth_while(card, graph.STEPS)
    assert not graph.is_worth_while(torch.device("cpu"), most)
    capturing.append("the caller")
    assert not graph.is_worth_while(card, most)
