"""Plain JSON: the answers are the library's, and what cannot be used is named."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import gatewise
from gatewise.estimators import Detector
from gatewise.serve import Limits, application

from .conftest import ROOT, load

TABLE = pd.read_csv(ROOT / "examples" / "air_passengers.csv", dtype=str)


WATCHED = load(132).astype({"time": str})


def columns(frame):
    return {name: column.tolist() for name, column in frame.items()}


def test_a_forecast_is_the_library_s(client, files):
    model = gatewise.load(files["passengers"])
    document = json.loads(model.forecast(pd.read_csv(ROOT / "examples" / "air_passengers.csv")).to_json())
    for body in (
        {"columns": columns(TABLE)},
        {"rows": TABLE.to_dict("records")},
        {"columns": {**columns(TABLE), "#Passengers": [float(text) for text in TABLE["#Passengers"]]}},
        {"columns": columns(TABLE), "model": "passengers", "read": {"time": "Month"}},
    ):
        answer = client.post("/forecast", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["forecast"] == document["forecast"]
        assert str(files["passengers"]) not in answer.text


def test_gaps_are_filled_where_that_is_asked_for(client):
    table = columns(TABLE.drop(index=[50]))
    refused = client.post("/forecast", json={"columns": table})
    assert refused.status_code == 400
    assert "fill" in refused.json()["hint"]
    assert client.post("/forecast", json={"columns": table, "read": {"fill": "linear"}}).status_code == 200


def test_labels_and_numbers_are_the_library_s(client, files):
    X = [np.ones((4, 2)), np.arange(6.0).reshape(3, 2)]
    body = {"sequences": [one.tolist() for one in X]}
    classifier, regressor = (gatewise.load(files[name]) for name in ("classifier", "regressor"))
    answer = client.post("/classify", json=body).json()
    assert answer["labels"] == classifier.predict(X).tolist()
    assert answer["probabilities"] == classifier.predict_proba(X).tolist()
    assert answer["classes"] == ["a", "b"]
    assert client.post("/regress", json=body).json()["predictions"] == regressor.predict(X).tolist()


def test_a_text_depends_on_what_was_asked_alone(client, files):
    model = gatewise.load(files["language"])
    asked = {"prompt": "abc", "length": 30, "temperature": 0.7, "top_p": 0.9, "seed": 5}
    expected = model.generate(asked["prompt"], 30, temperature=0.7, top_p=0.9, seed=5)
    first = client.post("/generate", json=asked).json()
    assert client.post("/generate", json={"prompt": "c", "length": 3}).status_code == 200
    assert first == client.post("/generate", json=asked).json() == {"prompt": "abc", "text": expected}


def scores(anomalies):
    """As an answer has them."""
    frame = anomalies.to_pandas()
    return frame["score"].tolist(), frame["expected"].tolist(), frame["surprise"].tolist(), frame["kind"].tolist()


def scores_in(*answers):
    rows = [row for answer in answers for row in answer.json()["scores"]]
    return tuple([row[name] for row in rows] for name in ("score", "expected", "surprise", "kind"))


def test_rows_are_judged_as_by_the_library(client, files):
    detector = gatewise.load(files["watch"])
    anomalies = detector.update(load(132)[120:])
    for _ in range(2):  # from where the file stands, each time
        answer = client.post("/detect", json={"columns": columns(WATCHED[120:])})
        assert scores_in(answer) == scores(anomalies)
        told = {name: value for name, value in answer.json().items() if name != "scores"}
        assert told == json.loads(anomalies.to_json())
    assert told["alerts"][0]["kind"] == "spike"


@pytest.mark.parametrize("by", ["state", "session"])
def test_a_stream_of_rows_is_judged_bit_for_bit_as_by_the_library(client, files, by):
    expected = scores(gatewise.load(files["watch"]).update(load(132)[120:]))
    answers, state = [], None
    for at, one in enumerate((WATCHED[120:125], WATCHED[125:126], WATCHED[126:])):
        told = {"sequence_id": "kiln", "sequence_start": at == 0, "sequence_end": at == 2}
        more = {"state": state} if by == "state" else {"parameters": told}
        answers.append(client.post("/detect", json={"columns": columns(one), **more}))
        state = answers[-1].json().get("state")
        strange = client.post("/detect", json={"columns": columns(WATCHED[:1]), **more, "parameters": {}})
        assert strange.status_code == 400  # and changes nothing
        assert ('gatewise_sessions{model="watch"} 1' in client.get("/metrics").text) == (by == "session" and at < 2)
    assert scores_in(*answers) == expected
    assert (state is None) == (by == "session")


def test_a_session_of_a_detector_is_ended(client):
    told = {"sequence_id": 7, "sequence_start": True}
    assert client.post("/detect", json={"columns": columns(WATCHED[120:]), "parameters": told}).status_code == 200
    assert client.delete("/v2/models/watch/sessions/7").status_code == 204
    assert client.delete("/v2/models/watch/sessions/7").status_code == 404


def test_the_state_of_another_detector_is_refused(client, files):
    other = Detector().fit(load(120).rename(columns={"load": "weight"}))
    state = base64.b64encode(other.pack()).decode()
    answer = client.post("/detect", json={"columns": columns(WATCHED[120:]), "state": state})
    assert (answer.status_code, "of another detector" in answer.json()["error"]) == (400, True)


def test_rows_and_sessions_of_a_detector_are_limited(files):
    limits = Limits(steps=6, computed=1)
    with TestClient(application(files, limits=limits), base_url="http://localhost") as client:
        answer = client.post("/detect", json={"columns": columns(WATCHED[120:])})
        assert "there are 12 rows, missing ones included, and 6 may be" in answer.json()["error"]
        answer = client.post("/detect", json={"columns": columns(WATCHED[128:129])})
        assert "there are 9 rows" in answer.json()["error"]
        begun = [
            client.post(
                "/detect",
                json={
                    "columns": columns(WATCHED[120:121]),
                    "parameters": {"sequence_id": name, "sequence_start": True},
                },
            ).status_code
            for name in ("a", "b")
        ]
        assert begun == [200, 503]


REFUSED = {
    "no table": ("/forecast", {}, "as columns, or as rows"),
    "both": ("/forecast", {"columns": {"a": [1]}, "rows": [{"a": 1}]}, "as columns, or as rows"),
    "columns of two lengths": ("/forecast", {"columns": {"ds": ["2020"], "y": []}}, "of different lengths"),
    "a table in a cell": ("/forecast", {"columns": {"ds": [{}]}}, "not text"),
    "no columns": ("/forecast", {"columns": {}}, "the table"),
    "no numbers": ("/forecast", {"columns": {"Month": ["2020-01", "2020-02"], "#Passengers": ["x", "y"]}}, "the table"),
    "another frequency": (
        "/forecast",
        {"columns": {"Month": ["2020-01-01", "2020-01-02", "2020-01-03"], "#Passengers": [1, 2, 3]}},
        "the model was made for the frequency",
    ),
    "a way to read": ("/forecast", {"columns": {"a": [1]}, "read": {"encoding": "utf-8"}}, "no field 'read.encoding'"),
    "no sequences": ("/classify", {"sequences": []}, "at least 1"),
    "too few features": ("/classify", {"sequences": [[[1]]]}, "sequences[0]: it has 1 features, and the model reads 2"),
    "no numbers there": ("/classify", {"sequences": [[["a", "b"]]]}, "sequences[0]: it is not a list of steps"),
    "an empty sequence": ("/classify", {"sequences": [[]]}, "sequences[0]: it is not a list of steps"),
    "steps of two widths": ("/regress", {"sequences": [[[1, 2], [3]]]}, "different numbers of features"),
    "a number too large": ("/regress", {"sequences": [[[10**400, 2]]]}, "sequences[0]"),
    "no prompt": ("/generate", {}, "prompt is missing"),
    "an empty prompt": ("/generate", {"prompt": ""}, "the prompt is empty"),
    "an unknown letter": ("/generate", {"prompt": "ü"}, "does not occur in the text"),
    "a long text": ("/generate", {"prompt": "a", "length": 10**6}, "more than 10,000 characters"),
    "an endless text": ("/generate", {"prompt": "a", "length": 10**7}, "length is 10000000"),
    "heat": ("/generate", {"prompt": "a", "temperature": -1}, "temperature is -1"),
    "rows that are known": ("/detect", {"columns": columns(WATCHED[:2])}, "overlap with its history"),
    "another series": ("/detect", {"columns": {"time": ["2024-01-09"], "weight": [1]}}, "column 'load'"),
    "a row far away": (
        "/detect",
        {"columns": {"time": ["2045-01-01"], "load": [1]}},
        "of series 'load' are missing",
    ),
    "an endless value": ("/detect", {"columns": {"time": ["2024-01-06"], "load": [1e300]}}, "is too large"),
    "a fill": ("/detect", {"columns": {"a": [1]}, "read": {"fill": "zero"}}, "no field 'read.fill'"),
    "no base64": ("/detect", {"columns": columns(WATCHED[120:]), "state": "?"}, "state: it is not base64"),
    "no state": ("/detect", {"columns": columns(WATCHED[120:]), "state": "AAAA"}, "the state: "),
    "no session": ("/detect", {"columns": columns(WATCHED[120:]), "parameters": {"sequence_id": 9}}, "no session '9'"),
    "two states": (
        "/detect",
        {"columns": columns(WATCHED[120:]), "state": "AAAA", "parameters": {"sequence_id": 9}},
        "a session has a state of its own",
    ),
    "another kind": ("/generate", {"prompt": "a", "model": "chain"}, "'chain' is a chain"),
    "no such model": ("/generate", {"prompt": "a", "model": "x"}, "there is no model 'x'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_named(client, name):
    path, body, words = REFUSED[name]
    answer = client.post(path, content=json.dumps(body))
    assert 400 <= answer.status_code < 500
    assert words in answer.json()["error"]


def test_of_two_models_one_is_named(files):
    two = {"one": files["language"], "other": files["language"]}
    with TestClient(application(two), base_url="http://localhost") as client:
        assert "one, other" in client.post("/generate", json={"prompt": "a"}).json()["error"]
        assert client.post("/generate", json={"prompt": "a", "model": "other"}).status_code == 200


def test_a_forecast_may_be_too_large(files):
    with TestClient(application(files, limits=Limits(numbers=10)), base_url="http://localhost") as client:
        answer = client.post("/forecast", json={"columns": columns(TABLE)})
        assert (answer.status_code, answer.json()["error"]) == (413, "1 series of 3 steps are more than 10 numbers")
