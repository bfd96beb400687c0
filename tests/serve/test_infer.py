"""Tensors in and out: whole sequences, states that go in and out, sessions; each with the bits of the library."""

from __future__ import annotations

import base64
import itertools
import json
import threading

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

import gatewise
from gatewise.nn import LSTM, Chain
from gatewise.serve import Limits, application

from .asking import HEADER, binary, infer, output, outputs_in, tensor
from .conftest import chain

GENERATOR = np.random.default_rng(0)


def drawn(rows, steps, width=3):
    return GENERATOR.normal(size=(rows, steps, width)).astype(np.float32)


def whole(model, x, lengths=None):
    """(B, T, I) by the library, zeros beyond the lengths."""
    outputs = [
        model(torch.from_numpy(row[: length or len(row)])[:, None])[0][:, 0]
        for row, length in zip(x, lengths or [None] * len(x), strict=True)
    ]
    found = np.zeros((*x.shape[:2], outputs[0].shape[1]), np.float32)
    for row, y in zip(found, outputs, strict=True):
        row[: len(y)] = y.detach().numpy()
    return found


def test_whole_sequences_are_the_library_s(client):
    x = drawn(4, 7)
    assert np.array_equal(output(infer(client, tensor("x", x))), whole(chain(), x))
    lengths = [7, 1, 3, 6]
    answer = infer(client, tensor("x", x), tensor("lengths", lengths, "INT64"))
    assert np.array_equal(output(answer), whole(chain(), x, lengths))


def test_bytes_say_the_same_as_json(client):
    x, lengths = drawn(2, 5), [5, 2]
    body, headers = binary(
        ("x", "FP32", x), ("lengths", "INT64", lengths), parameters={"binary_data_output": True}, id="7"
    )
    answer = client.post("/v2/models/chain/infer", content=body, headers=headers)
    assert np.array_equal(outputs_in(answer)["y"], whole(chain(), x, lengths))
    assert json.loads(answer.content[: int(answer.headers[HEADER])])["id"] == "7"


def test_many_at_once_are_each_alone(files):
    """Requests that wait for one another are one call of the model, and no answer changes by a bit."""
    x = [drawn(int(rows), int(steps)) for rows, steps in GENERATOR.integers(1, 9, (24, 2))]
    answers = {}
    with TestClient(application(files), base_url="http://localhost") as client:
        threads = [
            threading.Thread(target=lambda at=at, one=one: answers.update({at: infer(client, tensor("x", one))}))
            for at, one in enumerate(x)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(np.array_equal(output(answers[at]), whole(chain(), one)) for at, one in enumerate(x))


@pytest.mark.parametrize("cuts", [(1, 1, 4), (6,), (2, 3, 1)])
def test_the_state_goes_in_and_out(client, cuts, tmp_path):
    x, found, state = drawn(3, 6), [], []
    for first, last in itertools.pairwise(np.cumsum((0, *cuts))):
        texts = [base64.b64encode(one).decode() for one in state]
        given = [{"name": "state", "datatype": "BYTES", "shape": [3], "data": texts}] if state else []
        wanted = [{"name": "y"}, {"name": "state"}]
        answer = infer(client, tensor("x", x[:, first:last]), *given, outputs=wanted)
        found.append(output(answer))
        state = output(answer, "state")
    assert np.array_equal(np.concatenate(found, 1), whole(chain(), x))
    stream = gatewise.stream(chain())
    for step in x[1]:
        stream.step(torch.from_numpy(step[None]))
    stream.save(tmp_path / "state")
    assert state[1] == (tmp_path / "state").read_bytes()


def test_a_state_in_bytes(client):
    x = drawn(1, 4)
    asked = {"outputs": [{"name": "state", "parameters": {"binary_data": True}}]}
    body, headers = binary(("x", "FP32", x[:, :2]), **asked)
    state = outputs_in(client.post("/v2/models/chain/infer", content=body, headers=headers))["state"]
    body, headers = binary(("x", "FP32", x[:, 2:]), ("state", "BYTES", state), parameters={"binary_data_output": True})
    answer = outputs_in(client.post("/v2/models/chain/infer", content=body, headers=headers))
    assert np.array_equal(answer["y"], whole(chain(), x)[:, 2:])
    assert len(answer["state"]) == 1


def test_sessions_among_each_other_are_streams(client):
    names = list(range(1, 30))
    x, done = {name: drawn(1, 5) for name in names}, dict.fromkeys(names, 0)
    found = {name: [] for name in names}
    while left := [name for name in names if done[name] < 5]:
        name = int(GENERATOR.choice(left))
        at = done[name]
        answer = infer(
            client, tensor("x", x[name][:, at : at + 1]), sequence_id=name, sequence_start=at == 0, sequence_end=at == 4
        )
        found[name].append(output(answer))
        done[name] += 1
    for name in names:
        assert np.array_equal(np.concatenate(found[name], 1), whole(chain(), x[name]))
    assert "there is no session '3'" in infer(client, tensor("x", x[3][:, :1]), sequence_id=3).text


def test_a_session_begins_where_a_state_says_and_can_be_ended(client):
    x = drawn(1, 4)
    state = output(infer(client, tensor("x", x[:, :2]), outputs=[{"name": "state"}]), "state")
    given = {"name": "state", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(state[0]).decode()]}
    rest = tensor("x", x[:, 2:])
    answer = infer(client, rest, given, sequence_id="mine", sequence_start=True)
    assert np.array_equal(output(answer), whole(chain(), x)[:, 2:])
    refused = infer(client, rest, given, sequence_id="mine")
    assert (refused.status_code, "a session has a state of its own" in refused.text) == (400, True)
    assert client.delete("/v2/models/chain/sessions/mine").status_code == 204
    assert client.delete("/v2/models/chain/sessions/mine").status_code == 404
    assert infer(client, rest, sequence_id=12, sequence_start=True).status_code == 200
    assert client.delete("/v2/models/chain/sessions/12").status_code == 204


def test_sessions_are_limited_and_forgotten(files):
    limits = Limits(sessions=2, ttl=0.05)
    with TestClient(application(files, limits=limits), base_url="http://localhost") as client:
        x = tensor("x", drawn(1, 1))
        assert [infer(client, x, sequence_id=name, sequence_start=True).status_code for name in (1, 2, 1)] == [200] * 3
        full = infer(client, x, sequence_id=3, sequence_start=True)
        while full.status_code == 503 and "all 2 sessions are taken" in full.text and full.headers["retry-after"]:
            full = infer(client, x, sequence_id=3, sequence_start=True)
        assert full.status_code == 200
        assert infer(client, x, sequence_id=2).status_code == 404


REFUSED = {
    "another datatype": ([tensor("x", drawn(1, 1), "FP64")], "it is FP64, and the model takes FP32"),
    "whole numbers": ([tensor("x", [[[1, 2, 3]]], "INT64")], "it is INT64"),
    "too few axes": ([tensor("x", [[1.0, 2, 3]])], "its shape is [1, 3], expected [any, any, 3]"),
    "another width": ([tensor("x", drawn(1, 2, 4))], "expected [any, any, 3]"),
    "less data": ([{**tensor("x", drawn(1, 2)), "data": [1.0]}], "its data have the shape [1]"),
    "nested otherwise": ([{**tensor("x", drawn(1, 2)), "data": [[1, 2], [3, 4], [5, 6]]}], "its data have the shape"),
    "texts": ([{**tensor("x", drawn(1, 1)), "data": ["1", "2", "3"]}], "its data are not numbers"),
    "truths": ([{**tensor("x", drawn(1, 1)), "data": [True, False, True]}], "its data are not numbers"),
    "nothing in it": ([{**tensor("x", drawn(1, 1)), "data": [1, None, 2]}], "its data are not numbers"),
    "ragged": ([{**tensor("x", drawn(1, 1)), "data": [[1, 2], [3]]}], "its data are not numbers"),
    "too large for its datatype": (
        [{**tensor("x", drawn(1, 1)), "data": [1e300, 0, 0]}],
        "the number at [0, 0, 0] is not finite",
    ),
    "no x": ([tensor("lengths", [1], "INT64")], "the input 'x' is missing"),
    "twice x": ([tensor("x", drawn(1, 1))] * 2, "there is a second input 'x'"),
    "another input": ([tensor("x", drawn(1, 1)), tensor("z", [1.0])], "there is no input 'z'"),
    "a length of 0": ([tensor("x", drawn(1, 2)), tensor("lengths", [0], "INT64")], "a length is not from 1 to 2"),
    "a length beyond": ([tensor("x", drawn(1, 2)), tensor("lengths", [3], "INT64")], "a length is not from 1 to 2"),
    "a field": ([{**tensor("x", drawn(1, 1)), "dtype": "FP32"}], "there is no field 'inputs[0].dtype'"),
    "no datatype": ([{"name": "x", "shape": [1, 1, 3], "data": [1, 2, 3]}], "inputs[0].datatype is missing"),
    "no data": ([{"name": "x", "datatype": "FP32", "shape": [1, 1, 3]}], "both data and binary data, or neither"),
    "a shape of nothing": ([{**tensor("x", drawn(1, 1)), "shape": [0, 1, 3], "data": []}], "not a whole number from 1"),
    "a state that is none": (
        [tensor("x", drawn(1, 1)), {"name": "state", "datatype": "BYTES", "shape": [1], "data": ["AAAA"]}],
        "('state')[0]: it is truncated: 3 bytes",
    ),
    "a state that is no base64": (
        [tensor("x", drawn(1, 1)), {"name": "state", "datatype": "BYTES", "shape": [1], "data": ["?"]}],
        "its texts are not base64",
    ),
    "numbers for a state": ([tensor("x", drawn(1, 1)), tensor("state", [1.0])], "expected BYTES of shape [1]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_named(client, name):
    inputs, words = REFUSED[name]
    answer = infer(client, *inputs)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "header", "words"),
    [
        (b"{", None, "the body is not JSON"),
        (b"[" * 100_000, None, "lists too deep"),
        (b'{"a": NaN}', None, "NaN is no number of JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", None, "numbers too long"),
        (b"\xff", None, "not UTF-8"),
        (b"[]", None, "not a table"),
        (b"{}", "9", "its header is to have 9"),
        (b"{}", "x", "is no number of bytes"),
        (b"{}", "-1", "is no number of bytes"),
        (b"", None, "the body is not JSON"),
    ],
)
def test_bodies_that_are_none(client, content, header, words):
    headers = {} if header is None else {HEADER: header}
    answer = client.post("/v2/models/chain/infer", content=content, headers=headers)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text


def test_bytes_that_do_not_fit(client):
    x = drawn(1, 2)
    body, headers = binary(("x", "FP32", x))
    for wrong, words in (
        (body + b"?", "1 bytes follow the last tensor"),
        (body[:-1], "it is to have 24 bytes, and 23 are left"),
        (body.replace(b'"shape": [1, 2, 3]', b'"shape": [1, 3, 3]'), "its shape takes 36"),
        (body.replace(b'_size": 24', b'_size": -1'), "binary_data_size is -1"),
    ):
        assert words in client.post("/v2/models/chain/infer", content=wrong, headers=headers).text
    for number in (np.nan, np.inf):
        body, headers = binary(("x", "FP32", np.full((1, 1, 3), number)))
        assert "is not finite" in client.post("/v2/models/chain/infer", content=body, headers=headers).text
    body, headers = binary(("x", "FP32", x), ("state", "BYTES", [b"abc"]))
    short = client.post("/v2/models/chain/infer", content=body.replace(b"\3\0\0\0abc", b"\4\0\0\0abc"), headers=headers)
    assert "are not 1 texts, each after its length" in short.text


def test_numbers_that_overflow_leave_a_session_where_it_was(tmp_path):
    model = Chain(LSTM(1, 1), torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(0.0 if weight.dim() == 1 else 1.0)
        model.parts[1].weight.fill_(3e38)
        model.parts[2].weight.fill_(10.0)  # nothing comes of 0, and too much of anything else
    model.save(tmp_path / "huge.safetensors")
    with TestClient(application([tmp_path / "huge.safetensors"]), base_url="http://localhost") as client:
        calm, wild = tensor("x", [[[0.0]]]), tensor("x", [[[9.0]]])
        assert infer(client, wild, model="huge", sequence_id=1, sequence_start=True).status_code == 400
        assert infer(client, calm, model="huge", sequence_id=1).status_code == 404
        assert infer(client, calm, model="huge", sequence_id=1, sequence_start=True).status_code == 200
        answer = infer(client, wild, model="huge", sequence_id=1)
        assert (answer.status_code, "not finite" in answer.json()["error"]) == (400, True)
        assert output(infer(client, calm, model="huge", sequence_id=1)) == 0
        assert infer(client, wild, model="huge").status_code == 400


def test_answers_that_would_be_too_large_and_models_without_tensors(files):
    with TestClient(application(files, limits=Limits(numbers=20)), base_url="http://localhost") as client:
        assert infer(client, tensor("x", drawn(1, 10))).status_code == 200
        assert infer(client, tensor("x", drawn(1, 11))).status_code == 413
        answer = infer(client, tensor("x", drawn(1, 1)), model="passengers")
        assert (answer.status_code, "ask POST /forecast" in answer.json()["hint"]) == (400, True)
        answer = infer(client, tensor("x", drawn(1, 1)), model="classifier")
        assert "reads sequences from both ends" in answer.json()["error"]
        assert infer(client, tensor("x", drawn(1, 1)), model="nobody").status_code == 404


def test_memory_is_bounded_and_no_answer_changes_by_it(files):
    x = drawn(5, 20)
    limits = Limits(computed=16 * 45, steps=19)  # two rows of these a call, of sixteen units
    with TestClient(application(files, limits=limits), base_url="http://localhost") as client:
        assert np.array_equal(output(infer(client, tensor("x", x))), whole(chain(), x))
        for request, words in (
            ({"x": drawn(1, 46)}, "46 steps, and memory is for 45"),
            ({"x": drawn(1, 20), "sequence_id": 1, "sequence_start": True}, "20 steps, more than 19"),
        ):
            answer = infer(client, tensor("x", request.pop("x")), **request)
            assert (answer.status_code, words in answer.json()["error"]) == (413, True), answer.text
        bomb = {"sequences": [[[1, 2]] * 60, *[[[1, 2]]] * 3]}
        assert client.post("/classify", json=bomb).status_code == 413
        assert client.post("/classify", json={"sequences": bomb["sequences"][:1]}).status_code == 200


def test_a_model_that_reads_batch_first(tmp_path):
    torch.manual_seed(0)
    model = Chain(LSTM(3, 5, batch_first=True), torch.nn.Linear(5, 2)).eval()
    model.save(tmp_path / "first.safetensors")
    x = drawn(3, 4)
    with (
        TestClient(application([tmp_path / "first.safetensors"]), base_url="http://localhost") as client,
        torch.no_grad(),
    ):
        expected = model(torch.from_numpy(x))[0].numpy()
        assert np.array_equal(output(infer(client, tensor("x", x), model="first")), expected)
        state = infer(client, tensor("x", x), model="first", outputs=[{"name": "y"}, {"name": "state"}])
        assert np.array_equal(output(state), expected)
