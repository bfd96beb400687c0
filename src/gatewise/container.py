"""Files that prove themselves: safetensors with a record and a checksum over every byte.

A plain safetensors file whose metadata holds one entry: a JSON object whose first member is ``sha256``, followed
by ``format`` (a number), ``gatewise`` (the version that wrote it) and what the caller recorded. The checksum is
SHA-256 over the whole file with its own 64 digits replaced by zeros, so that a change of any byte shows. Nothing
in the file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from .errors import GatewiseError, InputError, ModelFileError
from .fields import Fields, anything, table, whole
from .files import atomic_write, open_regular
from .version import version

if TYPE_CHECKING:
    from torch import Tensor

BLANK = b"0" * 64
DIGEST = re.compile(rb'\\"sha256\\":\\"([0-9a-f]{64})\\"')
PREFIX = 8
LARGEST_HEADER = 1 << 24
_LONGEST_REASON = 200
_OWN = ("sha256", "format", "gatewise")
_SPOILT = (LookupError, TypeError, ValueError, RuntimeError, AttributeError, ArithmeticError, MemoryError, struct.error)
"""Whatever can be raised where a file describes nothing; a RecursionError is a RuntimeError."""
_OFFSET, _FORMAT = whole(0, 1 << 62), whole(1)
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


@dataclass(frozen=True)
class Container:
    """One kind of file: what it is called, how it is told apart, and the error that refuses it.

    key: its entry in the metadata. noun: as in "not a gatewise model". format: the newest that this version reads,
    and the one it writes. error: raised for whatever cannot be trusted. again: the hint when a file is spoilt, and
    source: where it is of another kind. largest_file, largest_header: bytes; beyond them nothing is even read.
    """

    key: str
    noun: str
    format: int
    error: type[GatewiseError]
    again: str
    source: str
    largest_file: int = 1 << 30
    largest_header: int = LARGEST_HEADER

    def write(self, path: str | Path, tensors: Mapping[str, Tensor], record: Mapping[str, object]) -> None:
        """Write a file; a crash midway leaves no half-written one. record: what JSON can hold."""
        atomic_write(path, self.pack(tensors, record))

    def read(self, path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and the record of a file. Raises ``error`` where it cannot be trusted."""
        try:
            with open_regular(path) as file:
                return self.unpack(self._bytes(file))
        except (InputError, OSError, MemoryError) as error:
            raise self.error(_unreadable(error), where=str(path)) from error
        except self.error as error:
            raise self.error(error.what, where=str(path), hint=error.hint) from error.__cause__

    @contextmanager
    def understood(self, path: str | Path, what: str, hint: str = "") -> Generator[None]:
        """Whatever goes wrong in making something of a record becomes ``error``: ``what``, and why in brackets."""
        try:
            yield
        except self.error as error:
            raise self.error(error.what, where=error.where or str(path), hint=error.hint) from error
        except (GatewiseError, *_SPOILT) as error:
            reason = (str(getattr(error, "what", error)) or type(error).__name__).splitlines()[0][:_LONGEST_REASON]
            raise self.error(f"{what} ({reason})", where=str(path), hint=hint) from error

    def fields(self, fields: Fields, record: Mapping[str, Any]) -> dict[str, Any]:
        """What the caller recorded: these fields and no others. Raises InputError."""
        return fields.read({name: value for name, value in record.items() if name not in _OWN})

    def pack(self, tensors: Mapping[str, Tensor], record: Mapping[str, object]) -> bytes:
        """The bytes of a file."""
        from safetensors.torch import save

        known = {"sha256": BLANK.decode(), "format": self.format, "gatewise": version(), **record}
        metadata = {self.key: json.dumps(known, separators=(",", ":"), allow_nan=False)}
        data = save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata)
        found = DIGEST.search(data)
        assert found, "safetensors writes its metadata as JSON"
        return b"".join((data[: found.start(1)], hashlib.sha256(data).hexdigest().encode(), data[found.end(1) :]))

    def unpack(self, data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `pack` was given, with its own additions to the record. Raises ``error``."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        record = self._record(self.header(data, len(data)))
        if not _sum_is_right(data):
            raise self.error("it is damaged: its checksum does not match its contents", hint=self.again)
        try:
            return load(data), record
        except (SafetensorError, *_SPOILT) as error:
            raise self.error("its tensors cannot be read", hint=self.again) from error

    def _bytes(self, file: BinaryIO) -> bytes:
        """The whole file, or enough of one that is longer than its header announces. Raises ``error``."""
        size = _size(file)
        if size > self.largest_file:
            raise self.error(f"it is larger than {self.largest_file >> 20} MiB", hint=self.again)
        start = _start(file, self.largest_header)
        end = _end(self.header(start, size), int.from_bytes(start[:PREFIX], "little"))
        return start + file.read(min(size, end + 1) - len(start))

    def header(self, start: bytes, size: int) -> dict[str, Any]:
        """The safetensors header, once the file is known to hold all that the header announces.

        start: the first bytes of the file, with the whole header in them. size: of the file. Raises ``error``.
        """
        length = int.from_bytes(start[:PREFIX], "little")
        if start[PREFIX : PREFIX + 1] != b"{":
            raise self._foreign(start, size)
        if length > self.largest_header:
            raise self.error("its header is damaged", hint=self.again)
        if length > size - PREFIX:
            raise self._truncated(size, length + PREFIX)
        try:
            header = json.loads(start[PREFIX : PREFIX + length])
            end = _end(header, length)
        except _SPOILT as error:
            raise self.error("its header is damaged", hint=self.again) from error
        if end > size:
            raise self._truncated(size, end)
        return header

    def _record(self, header: dict[str, Any]) -> dict[str, Any]:
        """The record in the metadata, of a format that this version knows."""
        try:
            record = json.loads(header["__metadata__"][self.key])
            written, author = _FORMAT("format", record["format"]), str(record["gatewise"])[:_LONGEST_REASON]
        except _SPOILT as error:
            raise self.error(f"it is a safetensors file, but not a {self.noun}", hint=self.source) from error
        if written > self.format:
            raise self.error(
                f"its format {written} (gatewise {author}) is newer than this version's, {self.format}",
                hint="upgrade gatewise",
            )
        return cast("dict[str, Any]", record)

    def _foreign(self, start: bytes, size: int) -> GatewiseError:
        if start.startswith(PICKLES):
            return self.error("it is a pickle, which can run code, so it is not opened", hint=self.again)
        if size <= PREFIX:
            return self.error(f"it is truncated: {size} bytes", hint=self.again)
        return self.error("it is not a safetensors file", hint=self.source)

    def _truncated(self, size: int, wanted: int) -> GatewiseError:
        return self.error(f"it is truncated: {size:,} bytes of {wanted:,}", hint="copy or download it again")


_ANY = Container(
    key="",
    noun="gatewise file",
    format=0,
    error=ModelFileError,
    again="save it again",
    source="give a file that gatewise has written",
    largest_header=100_000_000,  # safetensors reads no larger one
)
"""A file of whichever kind."""


def records(path: str | Path) -> dict[str, dict[str, Any]]:
    """The records in a file's metadata, by each kind of container's key; empty where gatewise has not written it.

    Only the header is read, and the checksum is not looked at. Raises ModelFileError for what is no safetensors file.
    """
    try:
        with open_regular(path) as file:
            size, start = _size(file), _start(file, _ANY.largest_header)
    except (InputError, OSError, MemoryError) as error:
        raise ModelFileError(_unreadable(error), where=str(path)) from error
    try:
        metadata = _ANY.header(start, size).get("__metadata__", {})
    except ModelFileError as error:
        raise ModelFileError(error.what, where=str(path), hint=error.hint) from error.__cause__
    with _ANY.understood(path, "its header is damaged", _ANY.again):
        claims = {key: json.loads(text) for key, text in metadata.items() if key.startswith("gatewise")}
        return {key: table(anything)(key, record) for key, record in claims.items()}


def _end(header: dict[str, Any], length: int) -> int:
    """Where the last tensor ends, behind a header of this length."""
    tensors = (entry for name, entry in header.items() if name != "__metadata__")
    return PREFIX + length + max((_OFFSET("offset", entry["data_offsets"][1]) for entry in tensors), default=0)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _start(file: BinaryIO, largest_header: int) -> bytes:
    """As much of a file as its header takes."""
    start = file.read(PREFIX + 1)
    length = int.from_bytes(start[:PREFIX], "little")
    return start + file.read(length - 1) if start.endswith(b"{") and length <= largest_header else start


def _unreadable(error: InputError | OSError | MemoryError) -> str:
    reason = error.what if isinstance(error, InputError) else getattr(error, "strerror", "") or "it is too large"
    return f"it cannot be read: {reason}"


def _sum_is_right(data: bytes) -> bool:
    found = DIGEST.search(data)
    if not found:
        return False
    whole, view = hashlib.sha256(), memoryview(data)
    for part in (view[: found.start(1)], BLANK, view[found.end(1) :]):
        whole.update(part)
    return whole.hexdigest().encode() == found[1]
