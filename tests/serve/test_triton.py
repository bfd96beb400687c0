"""NVIDIA's own client of the Open Inference protocol: whatever it asks is answered as it expects."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

import gatewise
from gatewise.serve import application, running

from ..needs import need_module
from .conftest import chain

need_module("tritonclient")
clients: Any = import_module("tritonclient.http")


@pytest.fixture(scope="module")
def triton(files: dict[str, Path]) -> Iterator[Any]:
    with running(application(files)) as address:
        client = clients.InferenceServerClient(urlsplit(address).netloc)
        yield client
        client.close()


def given(name: str, values: Any, datatype: str, *, binary: bool = True) -> Any:
    tensor = clients.InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def drawn(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_it_finds_server_and_models(triton):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("chain")
    assert triton.is_model_ready("chain", "1")
    assert not triton.is_model_ready("nobody")
    assert triton.get_server_metadata()["name"] == "gatewise"
    assert triton.get_model_metadata("chain")["inputs"][0]["shape"] == [-1, -1, 3]
    assert {one["name"] for one in triton.get_model_repository_index()} >= {"chain", "passengers"}


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("outputs", [None, True, False])
def test_tensors_as_bytes_and_in_json(triton, binary_in, outputs):
    x = drawn(2, 4, 3)
    wanted = None if outputs is None else [clients.InferRequestedOutput("y", binary_data=outputs)]
    answer = triton.infer("chain", [given("x", x, "FP32", binary=binary_in)], outputs=wanted, request_id="a")
    expected = chain()(torch.from_numpy(x).transpose(0, 1))[0].transpose(0, 1).detach().numpy()
    assert np.array_equal(answer.as_numpy("y"), expected)
    assert answer.get_response()["id"] == "a"


def test_a_sequence_of_the_client_is_a_session(triton):
    stream, x = gatewise.stream(chain()), drawn(4, 3)
    for at, step in enumerate(x):
        answer = triton.infer(
            "chain",
            [given("x", step[None, None], "FP32")],
            sequence_id=42,
            sequence_start=at == 0,
            sequence_end=at == len(x) - 1,
        )
        assert np.array_equal(answer.as_numpy("y")[0], stream.step(torch.from_numpy(step[None])).numpy())
    with pytest.raises(clients.InferenceServerException, match="no session '42'"):
        triton.infer("chain", [given("x", x[None, :1], "FP32")], sequence_id=42)


def test_the_state_as_bytes(triton):
    stream, x, states = gatewise.stream(chain()), drawn(5, 3), []
    for step in x:
        inputs = [given("x", step[None, None], "FP32"), *(given("state", state, "BYTES") for state in states)]
        answer = triton.infer("chain", inputs, outputs=list(map(clients.InferRequestedOutput, ("y", "state"))))
        states = [answer.as_numpy("state")]
        assert np.array_equal(answer.as_numpy("y")[0], stream.step(torch.from_numpy(step[None])).numpy())


def test_errors_are_told(triton):
    with pytest.raises(clients.InferenceServerException, match="it is FP64, and the model takes FP32"):
        triton.infer("chain", [given("x", drawn(1, 1, 3).astype(np.float64), "FP64")])
    with pytest.raises(clients.InferenceServerException, match="there is no model 'nobody'"):
        triton.get_model_metadata("nobody")
    with pytest.raises(clients.InferenceServerException, match="compressed"):
        triton.infer("chain", [given("x", drawn(1, 1, 3), "FP32")], request_compression_algorithm="gzip")
    assert gzip.decompress(gzip.compress(b"1")) == b"1"
