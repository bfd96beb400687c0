"""The model file: safetensors with a checksum.

The file is a plain safetensors file. Its metadata holds one entry, ``gatewise``: a JSON object whose first
member is ``sha256``, followed by ``format`` (this module's number), ``gatewise`` (the version that wrote it)
and what the caller recorded. The checksum is SHA-256 over the whole file with its own 64 digits replaced by
zeros, so that a change of any byte shows. Nothing in the file is ever executed, and no series is in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import ModelFileError
from ..version import version

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
LARGEST_FILE, LARGEST_HEADER = 1 << 30, 1 << 20
BLANK = "0" * 64
DIGEST = re.compile(rb'\\"sha256\\":\\"([0-9a-f]{64})\\"')
PREFIX = 8
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
RETRAIN = "train the model again and save it anew"


def write(path: str | Path, tensors: Mapping[str, Tensor], record: Mapping[str, object]) -> None:
    """Write a model file; a crash midway leaves no half-written one. record: what JSON can hold."""
    from ..files import atomic_write

    atomic_write(path, pack(tensors, record))


def read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the record of a model file. Raises ModelFileError where it cannot be trusted."""
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelFileError(f"it is larger than {LARGEST_FILE >> 20} MiB", where=str(path), hint=RETRAIN)
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    try:
        return unpack(data)
    except ModelFileError as error:
        raise ModelFileError(error.what, where=str(path), hint=error.hint) from error.__cause__


def pack(tensors: Mapping[str, Tensor], record: Mapping[str, object]) -> bytes:
    """The bytes of a model file."""
    from safetensors.torch import save

    known = {"sha256": BLANK, "format": FORMAT, "gatewise": version(), **record}
    metadata = {"gatewise": json.dumps(known, separators=(",", ":"), allow_nan=False)}
    data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata)
    found = DIGEST.search(data)
    assert found, "safetensors writes its metadata as JSON"
    return data[: found.start(1)] + hashlib.sha256(data).hexdigest().encode() + data[found.end(1) :]


def unpack(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `pack` was given, with its own additions to the record. Raises ModelFileError."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    record = _record(_header(data))
    _check_sum(data)
    try:
        return load(data), record
    except (SafetensorError, ValueError, KeyError, OverflowError) as error:
        raise ModelFileError("its tensors cannot be read", hint=RETRAIN) from error


def _header(data: bytes) -> dict[str, Any]:
    """The safetensors header, once the file is known to hold all that the header announces."""
    length = int.from_bytes(data[:PREFIX], "little")
    if data[PREFIX : PREFIX + 1] != b"{":
        raise _foreign(data)
    if length > LARGEST_HEADER:
        raise ModelFileError("its header is damaged", hint=RETRAIN)
    if length > len(data) - PREFIX:
        raise _truncated(data, length + PREFIX)
    try:
        header = json.loads(data[PREFIX : PREFIX + length])
        tensors = [entry for name, entry in header.items() if name != "__metadata__"]
        end = PREFIX + length + max((int(entry["data_offsets"][1]) for entry in tensors), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ModelFileError("its header is damaged", hint=RETRAIN) from error
    if end > len(data):
        raise _truncated(data, end)
    return header


def _record(header: dict[str, Any]) -> dict[str, Any]:
    """The record in the metadata, of a format that this version knows."""
    try:
        record = json.loads(header["__metadata__"]["gatewise"])
        written, author = int(record["format"]), str(record["gatewise"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(
            "it is a safetensors file, but not a gatewise model",
            hint="give a file written by Forecaster.save",
        ) from error
    if written > FORMAT:
        raise ModelFileError(
            f"its format {written} (gatewise {author}) is newer than this version's, {FORMAT}",
            hint="upgrade gatewise",
        )
    return cast("dict[str, Any]", record)


def _check_sum(data: bytes) -> None:
    found = DIGEST.search(data)
    blank = data[: found.start(1)] + BLANK.encode() + data[found.end(1) :] if found else b""
    if not found or hashlib.sha256(blank).hexdigest().encode() != found[1]:
        raise ModelFileError("it is damaged: its checksum does not match its contents", hint=RETRAIN)


def _foreign(data: bytes) -> ModelFileError:
    if data.startswith(PICKLES):
        return ModelFileError("it is a pickle, which can run code, so it is not opened", hint=RETRAIN)
    if len(data) <= PREFIX:
        return ModelFileError(f"it is truncated: {len(data)} bytes", hint=RETRAIN)
    return ModelFileError("it is not a safetensors file", hint="give a file written by Forecaster.save")


def _truncated(data: bytes, wanted: int) -> ModelFileError:
    return ModelFileError(f"it is truncated: {len(data):,} bytes of {wanted:,}", hint="copy or download it again")
