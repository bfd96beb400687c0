"""What waits while the model works is one call of it, and the requests of one session still go on from one another."""

from __future__ import annotations

import asyncio
import json
import threading

import numpy as np
import torch

import gatewise
from gatewise.serve import Limits, tensors
from gatewise.serve.sessions import Sessions
from gatewise.serve.tensor_model import TensorModel
from gatewise.serve.worker import Work, Worker

from .asking import ran, tensor
from .conftest import chain


def asked(x, **parameters):
    """A request of x (B, T, I), as it comes in."""
    body = {"inputs": [tensor("x", x)], "parameters": parameters}
    return tensors.read(json.dumps(body).encode(), None)


async def together(model, worker, requests):
    """The outputs of requests that all wait before any is begun with."""
    release = threading.Event()
    first = asyncio.ensure_future(worker.ask(Work(lambda _: [release.wait()]), None))
    await asyncio.sleep(0.05)
    waiting = [asyncio.ensure_future(model.infer(request)) for request in requests]
    await asyncio.sleep(0.05)
    release.set()
    await first
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    worker.close()
    return outcomes


def test_requests_of_one_session_in_one_call_go_on_from_one_another():
    generator = np.random.default_rng(0)
    x = {name: generator.normal(size=(5, 3)).astype(np.float32) for name in "abc"}
    limits, many = Limits(), []
    worker = Worker(limits.numbers, limits.patience)
    model = TensorModel("chain", chain(), worker, limits, Sessions(limits.sessions, limits.ttl))
    work = model._many.steps
    model._many.steps = lambda x, states: many.append(len(states)) or work(x, states)
    requests = [
        asked(x[name][None, at : at + 1], sequence_id=name, sequence_start=at == 0) for at in range(5) for name in "abc"
    ]
    outcomes = ran(together(model, worker, requests))
    assert many == [3] * 5
    for place, name in enumerate("abc"):
        stream = gatewise.stream(chain())
        expected = [stream.step(torch.from_numpy(step[None])).numpy() for step in x[name]]
        found = [outcome[0].values[0] for outcome in outcomes[place::3]]
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_one_that_fails_fails_alone():
    limits = Limits()
    worker = Worker(limits.numbers, limits.patience)
    model = TensorModel("chain", chain(), worker, limits, Sessions(limits.sessions, limits.ttl))
    x = np.ones((1, 2, 3), np.float32)
    requests = [asked(x, sequence_id=1, sequence_start=True), asked(x, sequence_id=2), asked(x, sequence_id=1)]
    first, missing, second = ran(together(model, worker, requests))
    assert "no session '2'" in str(missing)
    stream = gatewise.stream(chain())
    expected = [stream.step(torch.ones(1, 3)).numpy() for _ in range(4)]
    found = [*first[0].values[0][:, None], *second[0].values[0][:, None]]
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_rows_of_several_lengths_are_carried_on_each_by_its_own():
    limits = Limits()
    worker = Worker(limits.numbers, limits.patience)
    model = TensorModel("chain", chain(), worker, limits, Sessions(limits.sessions, limits.ttl))
    x = np.random.default_rng(1).normal(size=(3, 4, 3)).astype(np.float32)
    body = {
        "inputs": [tensor("x", x), tensor("lengths", [2, 4, 1], "INT64")],
        "outputs": [{"name": "y"}, {"name": "state"}],
    }
    (outputs,) = ran(together(model, worker, [tensors.read(json.dumps(body).encode(), None)]))
    for row, length in enumerate((2, 4, 1)):
        stream = gatewise.stream(chain())
        expected = np.concatenate([stream.step(torch.from_numpy(step[None])).numpy() for step in x[row, :length]])
        assert np.array_equal(outputs[0].values[row, :length], expected)
        assert not outputs[0].values[row, length:].any()
        kept = torch.cat([part.flatten() for part in stream.kept.values()])
        assert torch.equal(model._many.unpack(outputs[1].values[row]).numbers, kept)
