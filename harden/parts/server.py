"""The server's addresses, asked with what is wrong: bodies, tensors, states, headers, and what its document allows."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gatewise.estimators import Detector, LanguageModel, SequenceClassifier
from gatewise.forecast import Forecaster
from gatewise.nn import LSTM, Chain
from gatewise.serve import Limits, application

from ..part import Report
from ..seeds import TEXT, TINY, X, frame

NIGHTLY, QUICK = 10_000, 300

LIMITS = Limits(body=20_000, numbers=5_000, text=200, sessions=8, ttl=0.5, patience=5)
ODD: tuple[Any, ...] = (
    *(None, True, 0, 1, -1, 2**31, 2**63, 2**64, 10**30, 1e308, -1e308, 0.5, "", "x", "FP32", "\0", "\ud800", "\u202e"),
    *([], {}, [[]], [[[]]], [1, [2]], {"a": {"b": []}}, "9" * 400, ["1"] * 30, [None], [True], [[1], [2, 3]]),
)
HEADERS = (
    ("inference-header-content-length", ("0", "1", "-1", "x", "99999999999", "9" * 30, "")),
    ("content-encoding", ("gzip", "br", "identity")),
    ("content-type", ("text/plain", "application/json", "x")),
    ("host", ("evil.example", "", "[", "localhost:0")),
    ("origin", ("http://evil.example", "null", "http://localhost")),
)


def run(seed: int, count: int) -> Report:
    """Ask so many times; after each hundred an honest question has to have its honest answer."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # numbers are as large as can be
    with tempfile.TemporaryDirectory() as folder:
        app = application(saved_models(Path(folder)), limits=LIMITS)
        return asyncio.run(_run(app, random.Random(seed), count))


def saved_models(folder: Path) -> dict[str, Path]:
    torch.manual_seed(0)
    models: Mapping[str, Any] = {
        "chain": Chain(LSTM(2, 3), nn.Linear(3, 1)).eval(),
        "classifier": SequenceClassifier(**TINY).fit(X, list("ababab")),
        "language": LanguageModel(**TINY, embedding_size=2).fit(TEXT),
        "watch": Detector().fit(frame()),
        "table": Forecaster(2, model="seasonal_naive", season=4).fit(frame()),
    }
    for name, model in models.items():
        model.save(folder / name)
    return {name: folder / name for name in models}


async def _run(app: Any, draw: random.Random, count: int) -> Report:
    report = Report()
    async with app.router.lifespan_context(app):
        honest = await _asked(app, "POST", "/v2/models/chain/infer", _infer(draw, steps=2), {})
        for number in range(count):
            method, path, content, headers = _question(draw)
            what = f"question {number}: {method} {path} {headers} {content[:200]!r}"
            try:
                status, told = await asyncio.wait_for(_asked(app, method, path, content, headers), 30)
            except Exception as error:
                report.findings.append(f"{what}: {type(error).__name__}: {error}"[:600])
                continue
            report.outcomes[f"{path.split('/')[-1] or '/'} {status}"] += 1
            if status >= 500 and status != 503:
                report.findings.append(f"{what}: {status} {told[:200]!r}")
            if status >= 400 and (b"Traceback" in told or "error" not in _json(told)):
                report.findings.append(f"{what}: {status} says {told[:200]!r}")
            if number % 100 == 99:
                body = _infer(random.Random(0), steps=2)
                again = await _asked(app, "POST", "/v2/models/chain/infer", body, {})
                first = await _asked(app, "POST", "/v2/models/chain/infer", body, {})
                if again != first or again[0] != 200 or honest[0] != 200:
                    report.findings.append(f"{what}: then an honest question is answered by {again}")
    return report


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return {}


async def _asked(app: Any, method: str, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body of an answer, without a socket between."""
    answer: list[dict[str, Any]] = []
    parts = [content[:50], content[50:]]

    async def receive() -> dict[str, Any]:
        return (
            {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
            if parts
            else {"type": "http.disconnect"}
        )

    async def send(message: Any) -> None:
        answer.append(message)

    told = {"host": "localhost", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(errors="replace"),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(name.encode(), text.encode()) for name, text in told.items()],
        "http_version": "1.1",
    }
    await app(scope, receive, send)
    return answer[0]["status"], b"".join(message.get("body", b"") for message in answer)


def _question(draw: random.Random) -> tuple[str, str, bytes, dict[str, str]]:
    path, body = draw.choice(_QUESTIONS)(draw)
    headers: dict[str, str] = {}
    if draw.random() < 0.2:
        name, words = draw.choice(HEADERS)
        headers[name] = draw.choice(words)
    if isinstance(body, bytes) and draw.random() < 0.9:
        headers["inference-header-content-length"] = str(body.rindex(b"}") + 1)
    method = draw.choice(("POST",) * 40 + ("GET", "DELETE", "PUT", "HEADX"))
    if isinstance(body, bytes):
        return method, path, body, headers
    for _ in range(draw.choice((0, 0, 0, 1, 1, 2))):
        body = _spoilt(draw, body)
    content = json.dumps(body).encode()
    return method, path, _torn(draw, content) if draw.random() < 0.2 else content, headers


def _spoilt(draw: random.Random, value: Any) -> Any:
    """One place in a nest of tables and lists is something else, is gone, or is there twice."""
    if draw.random() < 0.25 or not isinstance(value, dict | list) or not value:
        return draw.choice(ODD)
    keys: Any = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw.choice(keys)
    if draw.random() < 0.15:
        if isinstance(value, dict):
            return {name: one for name, one in value.items() if name != key}
        return value + value[: key + 1]
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    changed[key] = _spoilt(draw, value[key])
    return changed


def _torn(draw: random.Random, content: bytes) -> bytes:
    at = draw.randrange(len(content) + 1)
    return draw.choice(
        (
            content[:at],
            content[:at] + bytes([draw.randrange(256)]) + content[at:],
            content[:at] + draw.choice((b"NaN", b"Infinity", b"1e999", b"[" * 3000, b'{"a":' * 3000)) + content[at:],
            content * 3,
            b"x" * 30_000,
        )
    )


def _infer(draw: random.Random, steps: int | None = None) -> bytes:
    return json.dumps(_tensors(draw, steps)[1]).encode()


def _tensors(draw: random.Random, steps: int | None = None) -> tuple[str, Any]:
    rows, length = draw.randint(1, 3), steps or draw.randint(1, 4)
    data = [round(draw.uniform(-2, 2), 3) for _ in range(rows * length * 2)]
    body: Any = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [rows, length, 2], "data": data}]}
    if steps is None and draw.random() < 0.3:
        lengths = [draw.randint(0, length + 1) for _ in range(rows)]
        body["inputs"].append({"name": "lengths", "datatype": "INT64", "shape": [rows], "data": lengths})
    if steps is None and draw.random() < 0.3:
        state = base64.b64encode(bytes(draw.randrange(256) for _ in range(draw.choice((0, 8, 100))))).decode()
        body["inputs"].append({"name": "state", "datatype": "BYTES", "shape": [rows], "data": [state] * rows})
    if steps is None and draw.random() < 0.4:
        body["parameters"] = {"sequence_id": draw.randint(0, 12), "sequence_start": draw.random() < 0.5}
    if steps is None and draw.random() < 0.4:
        body["outputs"] = [{"name": name} for name in draw.sample(("y", "state"), draw.randint(1, 2))]
    return f"/v2/models/{draw.choice(('chain',) * 8 + ('language', 'table', 'x', '..', '%00'))}/infer", body


def _binary(draw: random.Random) -> tuple[str, bytes]:
    """Bytes behind JSON, of which some are not finite, and whose number may be a lie."""
    values = np.array([draw.choice((0.5, float("nan"), float("inf"), 1e38)) for _ in range(4)], "<f4").tobytes()
    told = {
        "name": "x",
        "datatype": "FP32",
        "shape": [1, 2, 2],
        "parameters": {"binary_data_size": draw.choice((16, 15, 0, 10**12))},
    }
    return "/v2/models/chain/infer", json.dumps({"inputs": [told]}).encode() + values


def _table(draw: random.Random) -> tuple[str, Any]:
    rows = draw.randint(1, 12)
    days = [f"2020-01-{1 + at:02}" for at in range(rows)]
    columns: dict[str, Any] = {"ds": days, "y": [round(draw.uniform(-9, 9), 2) for _ in range(rows)]}
    if draw.random() < 0.3:
        columns["unique_id"] = [draw.choice("ab") for _ in range(rows)]
    body: Any = {"columns": columns}
    if draw.random() < 0.4:
        body["read"] = {
            draw.choice(("fill", "time", "target", "frequency", "decimal")): draw.choice(
                ("linear", "ds", "D", ",", "y")
            )
        }
    return "/forecast", body


def _watched(draw: random.Random) -> tuple[str, Any]:
    """Rows after those known, most of them, in a session, from a state, or from neither."""
    rows, first = draw.randint(1, 12), draw.choice((1, 1, 1, 5, 29))
    days = [f"2020-03-{1 + (first + at - 1) % 30:02}" for at in range(rows)]
    odd = [draw.random() < 0.1 for _ in range(rows)]
    values = [draw.choice((None, 1e99, 1e300)) if one else round(draw.uniform(4, 6), 2) for one in odd]
    body: Any = {"columns": {"ds": days, "y": values}}
    if draw.random() < 0.4:
        state = base64.b64encode(bytes(draw.randrange(256) for _ in range(draw.choice((0, 8, 100))))).decode()
        body["state"] = draw.choice((None, state, "?"))
    if draw.random() < 0.4:
        body["parameters"] = {"sequence_id": draw.randint(0, 12), "sequence_start": draw.random() < 0.5}
    return "/detect", body


def _labels(draw: random.Random) -> tuple[str, Any]:
    return "/classify", {
        "sequences": [[[draw.uniform(-1, 1)] * 2 for _ in range(draw.randint(1, 4))] for _ in range(2)]
    }


def _text(draw: random.Random) -> tuple[str, Any]:
    prompt = "".join(draw.choice("abc ü") for _ in range(draw.randint(0, 5)))
    return "/generate", {"prompt": prompt, "length": draw.randint(0, 30), "temperature": draw.choice((0, 0.5, 1, 1e6))}


def _other(draw: random.Random) -> tuple[str, Any]:
    words = (
        "/",
        "/v2",
        "/metrics",
        "/openapi.json",
        "/v2/models/chain",
        "/v2/models/chain/sessions/3",
        "/nothing",
        "/v2/repository/index",
    )
    return draw.choice(words), {}


_QUESTIONS = (_tensors, _tensors, _binary, _table, _watched, _labels, _text, _other)
