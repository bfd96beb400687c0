"""Tensors in requests and answers of the Open Inference protocol, version 2, with its binary tensor extension.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..escape import json_ascii
from .body import json_of
from .shapes import ANYTHING, FLAG, TEXT, Body, Shape, either, listed, one_of, table, whole

HEADER = "inference-header-content-length"
NUMBERS = {"FP32": np.dtype("<f4"), "FP64": np.dtype("<f8"), "INT32": np.dtype("<i4"), "INT64": np.dtype("<i8")}
BYTES = "BYTES"
_LENGTH = struct.Struct("<I")
_MOST_AXES, _MOST_TENSORS, _LONGEST_NAME = 8, 16, 256

Values: TypeAlias = NDArray[Any] | list[bytes]
"""Numbers of the tensor's shape, or what BYTES hold, one after another."""

NAME = Shape(lambda name, value: _short(name, value), {"type": "string", "maxLength": _LONGEST_NAME})
PARAMETERS = table(ANYTHING)
INPUT = Body(
    {
        "name": NAME,
        "datatype": one_of(*NUMBERS, BYTES),
        "shape": listed(whole(1, 2**31 - 1), most=_MOST_AXES),
        "parameters": PARAMETERS.about("``binary_data_size``: bytes of this tensor behind the JSON"),
        "data": listed(ANYTHING).about("Numbers, nested or flat; of BYTES texts in base64"),
    },
    required=("name", "datatype", "shape"),
).shape
OUTPUT = Body({"name": NAME, "parameters": PARAMETERS.about("``binary_data``: behind the JSON")}, ("name",)).shape
SESSION = either(whole(0, 2**63 - 1), NAME)
REQUEST = Body(
    {
        "id": NAME.about("Comes back in the answer"),
        "inputs": listed(INPUT, 1, _MOST_TENSORS),
        "outputs": listed(OUTPUT, 1, _MOST_TENSORS).about("Those that are wanted; by default all but the state"),
        "parameters": PARAMETERS.about(
            "``sequence_id``, ``sequence_start``, ``sequence_end``: a session; ``binary_data_output``"
        ),
    },
    required=("inputs",),
).shape


def _short(name: str, value: Any) -> str:
    text = TEXT.check(name, value)
    if len(text) > _LONGEST_NAME:
        raise InputError(f"{name} has {len(text):,} letters, more than {_LONGEST_NAME}")
    return text


@dataclass(frozen=True)
class Given:
    """One tensor of a request; places of values are told from ``where``."""

    datatype: str
    shape: tuple[int, ...]
    values: Values
    where: str

    def numbers(self, datatype: str, shape: Sequence[int | None]) -> NDArray[Any]:
        """Finite numbers of this datatype and shape, None for any length. Raises InputError."""
        if self.datatype != datatype:
            raise InputError(f"it is {self.datatype}, and the model takes {datatype}", where=self.where)
        fits = len(shape) == len(self.shape) and all(
            want in (None, size) for want, size in zip(shape, self.shape, strict=True)
        )
        if not fits:
            wanted = ["any" if size is None else str(size) for size in shape]
            raise InputError(f"its shape is {list(self.shape)}, expected [{', '.join(wanted)}]", where=self.where)
        assert isinstance(self.values, np.ndarray)
        if not np.isfinite(self.values).all():
            place = np.argwhere(~np.isfinite(self.values))[0].tolist()
            raise InputError(
                f"the number at {place} is not finite", where=self.where, hint="fill it in or leave it out"
            )
        return self.values


@dataclass(frozen=True)
class Asked:
    """A request, read. outputs: names that are wanted, and whether as bytes; None for the default."""

    inputs: Mapping[str, Given]
    outputs: Mapping[str, bool] | None
    parameters: Mapping[str, Any]
    id: str | None = None

    def flag(self, name: str) -> bool:
        """A parameter that is true or false. Raises InputError."""
        return FLAG.check(f"parameters.{name}", self.parameters.get(name, False))

    @property
    def session(self) -> str | int | None:
        """Of which session the request is."""
        name = self.parameters.get("sequence_id")
        return None if name in (None, 0, "") else SESSION.check("parameters.sequence_id", name)

    def wants(self, name: str, *, default: bool) -> bool:
        """Whether this output is wanted."""
        return default if self.outputs is None else name in self.outputs

    def binary(self, name: str) -> bool:
        """Whether this output is wanted as bytes."""
        return self.flag("binary_data_output") if self.outputs is None else self.outputs[name]


def read(content: bytes, header: int | None) -> Asked:
    """A request out of its bytes. header: how many of them are JSON, where tensors follow. Raises InputError."""
    if header is not None and header > len(content):
        raise InputError(f"the body has {len(content):,} bytes, and its header is to have {header:,}")
    told = REQUEST.check("", json_of(content if header is None else content[:header]))
    rest = memoryview(b"" if header is None else content[header:])
    inputs: dict[str, Given] = {}
    for at, one in enumerate(told["inputs"]):
        where = f"inputs[{at}]"
        if one["name"] in inputs:
            raise InputError(f"there is a second input {one['name']!r}", where=where)
        size = one.get("parameters", {}).get("binary_data_size")
        values, rest = _values(one, size, rest, where)
        inputs[one["name"]] = Given(one["datatype"], tuple(one["shape"]), values, f"{where} ({one['name']!r})")
    if len(rest):
        raise InputError(f"{len(rest):,} bytes follow the last tensor")
    parameters = told.get("parameters", {})
    default = FLAG.check("parameters.binary_data_output", parameters.get("binary_data_output", False))
    outputs = {
        one["name"]: FLAG.check(f"outputs[{at}].binary_data", one.get("parameters", {}).get("binary_data", default))
        for at, one in enumerate(told.get("outputs", []))
    }
    return Asked(inputs, outputs or None, parameters, told.get("id"))


def _values(told: Mapping[str, Any], size: Any, rest: memoryview, where: str) -> tuple[Values, memoryview]:
    """The values of an input, and what of the bytes is left. size: as the request says, None where it holds data."""
    count = math.prod(told["shape"])
    if (size is None) == ("data" not in told):
        raise InputError("it has both data and binary data, or neither", where=where)
    if size is None:
        return _from_json(told, count, where), rest
    whole(0, 2**31 - 1).check(f"{where}.binary_data_size", size)
    if size > len(rest):
        raise InputError(f"it is to have {size:,} bytes, and {len(rest):,} are left", where=where)
    mine, rest = rest[:size], rest[size:]
    if told["datatype"] == BYTES:
        return _texts(mine, count, where), rest
    kind = NUMBERS[told["datatype"]]
    if size != count * kind.itemsize:
        raise InputError(f"it has {size:,} bytes, and its shape takes {count * kind.itemsize:,}", where=where)
    return np.frombuffer(mine, kind).reshape(told["shape"]), rest


def _texts(data: memoryview, count: int, where: str) -> list[bytes]:
    """BYTES: each has its length before it, in four bytes."""
    texts: list[bytes] = []
    while len(data) >= _LENGTH.size and len(texts) < count:
        (length,) = _LENGTH.unpack(data[: _LENGTH.size])
        texts.append(bytes(data[_LENGTH.size : _LENGTH.size + length]))
        data = data[_LENGTH.size + length :] if length <= len(data) - _LENGTH.size else memoryview(b"?")
    if len(texts) != count or len(data):
        raise InputError(f"its bytes are not {count:,} texts, each after its length", where=where)
    return texts


def _from_json(told: Mapping[str, Any], count: int, where: str) -> Values:
    data = told["data"]
    if told["datatype"] == BYTES:
        return _decoded(data, count, where)
    kind = NUMBERS[told["datatype"]]
    try:
        values = np.array(data)
        if values.dtype.kind not in ("iu" if kind.kind == "i" else "iuf") and values.size:
            raise ValueError("there is something else than numbers of the datatype")
        with np.errstate(over="ignore"):
            numbers = values.astype(kind)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError("its data are not numbers of its datatype", where=where) from error
    if numbers.size != count or (values.ndim > 1 and values.shape != tuple(told["shape"])):
        what = f"its data have the shape {list(values.shape)}, and it says {list(told['shape'])}"
        raise InputError(what, where=where)
    return numbers.reshape(told["shape"])


def _decoded(data: list[Any], count: int, where: str) -> list[bytes]:
    if len(data) != count:
        raise InputError(f"it has {len(data):,} texts, and its shape takes {count:,}", where=where)
    try:
        texts = [TEXT.check(f"{where}.data[{at}]", text) for at, text in enumerate(data)]
        return [base64.b64decode(text, validate=True) for text in texts]
    except (binascii.Error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("its texts are not base64", where=where) from error


@dataclass(frozen=True)
class Told:
    """One tensor of an answer."""

    name: str
    datatype: str
    shape: Sequence[int]
    values: Values
    binary: bool = False


@dataclass(frozen=True)
class Written:
    """An answer in bytes. header: how many of them are JSON, where tensors follow."""

    content: bytes
    header: int | None = None


def write(model: str, request_id: str | None, outputs: Sequence[Told]) -> Written:
    """An answer, as bytes where an output is wanted so. Raises ValueError for what JSON cannot hold."""
    described: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for one in outputs:
        about: dict[str, Any] = {"name": one.name, "datatype": one.datatype, "shape": list(one.shape)}
        if one.binary:
            tail.append(_bytes_of(one))
            about["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            about["data"] = _plain(one.values)
        described.append(about)
    told = {"model_name": model, "model_version": "1", "outputs": described}
    head = json_ascii(told if request_id is None else {**told, "id": request_id}).encode()
    if not tail:
        return Written(head)
    return Written(b"".join([head, *tail]), len(head))


def _bytes_of(one: Told) -> bytes:
    if isinstance(one.values, list):
        return b"".join(part for text in one.values for part in (_LENGTH.pack(len(text)), text))
    return np.ascontiguousarray(one.values, NUMBERS[one.datatype]).tobytes()


def _plain(values: Values) -> list[Any]:
    if isinstance(values, list):
        return [base64.b64encode(text).decode() for text in values]
    return values.ravel().tolist()
