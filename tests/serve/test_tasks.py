"""Plain JSON: the answers are the library's, and what cannot be used is named."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import gatewise
from gatewise.serve import Limits, application

from .conftest import ROOT

TABLE = pd.read_csv(ROOT / "examples" / "air_passengers.csv", dtype=str)


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
