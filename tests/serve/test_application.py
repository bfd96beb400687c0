"""What is served, at which addresses, to whom, and within which limits."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

import gatewise
from gatewise.errors import GatewiseError, InputError, ModelFileError
from gatewise.nn import LSTM
from gatewise.serve import Limits, application
from gatewise.serve.sessions import Sessions

from .asking import infer, tensor
from .conftest import chain


def test_what_the_server_and_its_models_are(client, files):
    about = client.get("/v2").json()
    assert about["models"] == list(files)
    assert {"binary_tensor_data", "sequence"} <= set(about["extensions"])
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert [one["name"] for one in client.post("/v2/repository/index").json()] == list(files)
    model = client.get("/v2/models/chain").json()
    assert model == client.get("/v2/models/chain/versions/1").json()
    assert model["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, -1, 3]}
    assert client.get("/v2/models/language").json()["platform"] == "gatewise_language_model"
    assert client.get("/v2/models/chain/ready").json()["ready"] is True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/chain/versions/2", 404),
        ("GET", "/forecast", 405),
        ("PUT", "/v2", 405),
        ("GET", "/v2/", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/detect", 405),
        ("GET", "/translate", 404),
        ("DELETE", "/v2/models/passengers/sessions/7", 404),
    ],
)
def test_addresses_that_are_none(client, method, path, status):
    answer = client.request(method, path)
    assert (answer.status_code, "error" in answer.json()) == (status, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "localhost.evil.example"}, 403),
        ({"host": ""}, 403),
        ({"host": "[::1"}, 403),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "127.0.0.1:8000"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost"}, 200),
        ({"origin": "http://localhost:1"}, 403),
    ],
)
def test_pages_of_others_may_not_ask(client, headers, status):
    assert client.get("/v2", headers=headers).status_code == status


def test_any_name_where_that_is_said(files):
    with TestClient(application([files["chain"]], hosts=("*",)), base_url="http://anywhere") as client:
        assert client.get("/v2").status_code == 200


def test_an_application_can_be_served_again(files):
    app = application([files["language"]])
    for _ in range(2):
        with TestClient(app, base_url="http://localhost") as client:
            assert client.post("/generate", json={"prompt": "a", "length": 2}).status_code == 200


def test_bodies_are_limited(files):
    limits = Limits(body=1000)
    with TestClient(application(files, limits=limits), base_url="http://localhost") as client:
        for content in (b"x" * 1001, (b"x" * 600 for _ in range(2))):  # announced, and not
            answer = client.post("/generate", content=content)
            assert (answer.status_code, "1,000 bytes" in answer.json()["error"]) == (413, True)
        packed = client.post("/generate", content=b"x", headers={"content-encoding": "gzip"})
        assert packed.status_code == 415
    with TestClient(application(files, limits=Limits(bodies=10)), base_url="http://localhost") as client:
        assert client.post("/generate", content=b"x" * 11).status_code == 503
        assert client.post("/generate", content=b"x").status_code == 400  # what was held is let go


def test_metrics_count_routes_and_no_addresses(client):
    client.get("/v2/models/nobody-knows")
    infer(client, tensor("x", [[[1.0, 2, 3]]]))
    text = client.get("/metrics").text
    assert re.search(r'^gatewise_requests_total{route="/v2/models/{model}",status="404"} [1-9]', text, re.M)
    assert re.search(r'^gatewise_request_seconds_bucket{route="/v2/models/{model}/infer",le="\+Inf"} [1-9]', text, re.M)
    assert 'gatewise_sessions{model="chain"} 0' in text
    assert "nobody-knows" not in text
    assert "gatewise_held_bytes 0" in text
    assert all(re.fullmatch(r"# TYPE \w+ \w+|\w+({[^}]*}|{.*})? [\d.e+-]+", line) for line in text.splitlines())


def test_files_that_are_not_served(files, tmp_path):
    torch_stream = gatewise.stream(chain())
    torch_stream.save(tmp_path / "state")
    LSTM(2, 2)
    (tmp_path / "pickle").write_bytes(b"\x80\x04N.")
    for models, kind in (
        ([tmp_path / "missing"], ModelFileError),
        ([tmp_path / "pickle"], ModelFileError),
        ([tmp_path / "state"], ModelFileError),
        ([files["chain"], files["chain"]], InputError),
        ({"a/b": files["chain"]}, InputError),
        ([], InputError),
    ):
        with pytest.raises(kind):
            application(models)


@pytest.mark.parametrize("options", [{"body": 0}, {"patience": float("nan")}, {"sessions": 1.5}, {"ttl": True}])
def test_limits_that_are_none(options):
    with pytest.raises(InputError, match=next(iter(options))):
        Limits(**options)


def test_sessions_forget_the_one_left_longest():
    now = [0.0]
    sessions = Sessions(2, 10, lambda: now[0])
    states = [object(), object(), object()]
    sessions.begin("a", states[0])
    now[0] = 5
    sessions.begin(7, states[1])
    with pytest.raises(GatewiseError, match="all 2 sessions are taken"):
        sessions.begin("c", states[2])
    sessions.keep("a", states[2])  # used again
    now[0] = 15.1
    assert len(sessions) == 0 or sessions.state("a") is states[2]
    with pytest.raises(GatewiseError, match="no session '7'"):
        sessions.state(7)
    now[0] = 30
    assert len(sessions) == 0
    assert not sessions.end("a")
