"""Requests of the Open Inference protocol, as a client writes them."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

HEADER = "inference-header-content-length"
KINDS = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "INT32": "<i4"}


def tensor(name: str, values: Any, datatype: str = "FP32") -> dict[str, Any]:
    """An input in JSON."""
    array = np.asarray(values)
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": array.ravel().tolist()}


def infer(client: Any, *inputs: dict[str, Any], model: str = "chain", outputs: Any = None, **parameters: Any) -> Any:
    """The answer to a request in JSON."""
    body = {"inputs": list(inputs), "parameters": parameters} | ({"outputs": outputs} if outputs else {})
    return client.post(f"/v2/models/{model}/infer", json=body)


def output(answer: Any, name: str = "y") -> Any:
    """A tensor of an answer in JSON; of the state the bytes of each row."""
    assert answer.status_code == 200, answer.text
    one = next(one for one in answer.json()["outputs"] if one["name"] == name)
    if one["datatype"] == "BYTES":
        return [base64.b64decode(text) for text in one["data"]]
    return np.array(one["data"], KINDS[one["datatype"]]).reshape(one["shape"])


def binary(*tensors: tuple[str, str, Any], **more: Any) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request whose tensors follow its JSON. Texts are lists of bytes."""
    inputs: list[dict[str, Any]] = []
    tail = b""
    for name, datatype, values in tensors:
        data = (
            b"".join(struct.pack("<I", len(text)) + text for text in values)
            if datatype == "BYTES"
            else np.asarray(values, KINDS[datatype]).tobytes()
        )
        parameters = {"binary_data_size": len(data)}
        inputs.append({"name": name, "datatype": datatype, "shape": list(np.shape(values)), "parameters": parameters})
        tail += data
    head = json.dumps({"inputs": inputs, **more}).encode()
    return head + tail, {HEADER: str(len(head))}


def outputs_in(answer: Any) -> dict[str, Any]:
    """The tensors of an answer in bytes, by name."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers[HEADER])
    told, rest = json.loads(answer.content[:length]), answer.content[length:]
    found: dict[str, Any] = {}
    for one in told["outputs"]:
        size = one["parameters"]["binary_data_size"]
        mine, rest = rest[:size], rest[size:]
        if one["datatype"] == "BYTES":
            found[one["name"]] = texts_in(mine)
        else:
            found[one["name"]] = np.frombuffer(mine, KINDS[one["datatype"]]).reshape(one["shape"])
    assert rest == b""
    return found


def texts_in(data: bytes) -> list[bytes]:
    """Texts after their lengths."""
    texts: list[bytes] = []
    while data:
        (length,) = struct.unpack("<I", data[:4])
        texts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return texts


def ran(work: Coroutine[Any, Any, Any]) -> Any:
    """What comes of it, in a thread of its own: playwright leaves a loop running in that of the tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
