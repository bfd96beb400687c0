"""The OpenAPI document says what the server does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewise.errors import InputError
from gatewise.serve import shapes


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def nested(node: Any) -> list[dict[str, Any]]:
    """Every table in a document."""
    if isinstance(node, dict):
        return [node, *(one for value in node.values() for one in nested(value))]
    return [one for value in node for one in nested(value)] if isinstance(node, list) else []


def test_every_address_of_it_answers(client, document):
    for path, methods in document["paths"].items():
        for method in methods:
            answer = client.request(method.upper(), path.format(model="chain", session="1"))
            assert answer.status_code != 405
            assert str(answer.status_code) in methods[method]["responses"]


def test_every_example_is_answered(client, document):
    asked = 0
    for path, methods in document["paths"].items():
        for body in (one["requestBody"] for one in methods.values() if "requestBody" in one):
            example = body["content"]["application/json"]["example"]
            answer = client.post(path.format(model="chain"), content=json.dumps(example))
            asked += 1
            assert answer.status_code == 200, answer.text
    assert asked == 6


def test_schemas_are_closed_and_named(document):
    bodies = [one for one in nested(document) if one.get("type") == "object" and "properties" in one]
    assert all(set(one.get("required", [])) <= set(one["properties"]) for one in bodies)
    assert document["openapi"] == "3.1.0"
    assert {"/v2/models/{model}/infer", "/forecast", "/classify", "/regress", "/generate", "/detect"} <= set(
        document["paths"]
    )


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (shapes.whole(1, 3), [1, 3], [0, 4, 1.0, True, None, "1"]),
        (shapes.number(0, 1), [0, 0.5, 1], [-0.1, 1.1, float("nan"), "0"]),
        (shapes.one_of("a", "b"), ["a"], ["c", 1, None]),
        (shapes.listed(shapes.FLAG, 1, 2), [[True], [True, False]], [[], [True] * 3, [1], None]),
        (shapes.table(shapes.TEXT), [{}, {"a": "b"}], [{"a": 1}, []]),
        (shapes.either(shapes.TEXT, shapes.FINITE), ["a", 1.5], [None, [], float("inf")]),
        (
            shapes.Body({"a": shapes.TEXT, "b": shapes.FLAG}, ("a",)).shape,
            [{"a": ""}],
            [{}, {"b": True}, {"a": "", "c": 1}],
        ),
    ],
)
def test_a_shape_checks_what_it_says(shape, good, bad):
    """The check and the schema are one; `python -m harden server` asks what the schema allows and forbids."""
    for value in good:
        assert shape.check("it", value) == value
    for value in bad:
        with pytest.raises(InputError):
            shape.check("it", value)
    assert shape.schema
