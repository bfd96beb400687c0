"""The one look at every byte of a text file before anything else is made of it."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO

from ...errors import InputError
from .text import CHUNK, UTF8, TextFile, check_size, unpacked

MAX_LINE = 2_000_000  # characters, DuckDB's own limit
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def examine(path: Path, encoding: str | None) -> TextFile:
    """Read ``path`` through once, in chunks, and refuse what is not text.

    Raises InputError, with the line, for bytes outside the encoding, NUL characters, endless lines, damaged or
    too large gzip data.
    """
    with path.open("rb") as handle:
        gzipped = handle.read(2) == b"\x1f\x8b"
    try:
        with unpacked(path, gzipped) as binary:
            codec = _codec(binary.read(4), encoding, path)
        with unpacked(path, gzipped) as binary:
            one_newline = _Survey(path, codec, capped=gzipped).run(binary)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"the gzip data is damaged ({error})", where=str(path), hint="pack or download the file again"
        ) from error
    return TextFile(path, codec, gzipped, one_newline)


class _Survey:
    """One pass over the bytes that keeps nothing but counts."""

    def __init__(self, path: Path, codec: str, *, capped: bool) -> None:
        self.path, self.codec, self.capped = path, codec, capped
        self.lines = 0  # line ends seen
        self.size = 0  # bytes seen
        self.unbroken = 0  # characters since the last line end
        self.decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec)(), translate=True)

    def run(self, binary: BinaryIO) -> bool:
        """Whether all line ends are alike."""
        while chunk := binary.read(CHUNK):
            self._take(chunk)
            if self.capped:
                check_size(self.path, self.size)
        self._take(b"")
        return not isinstance(self.decoder.newlines, tuple)

    def _take(self, chunk: bytes) -> None:
        try:
            text = self.decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise self._undecodable(error, len(chunk)) from error
        except UnicodeError as error:
            raise self._refusal(f"the text is not {self.codec} ({error})", "choose another --encoding") from error
        if "\0" in text:
            line = self.lines + text.count("\n", 0, text.index("\0")) + 1
            raise self._refusal(
                "a NUL character: this is not plain text",
                "if it is UTF-16 without a mark, say --encoding utf-16-le; otherwise remove the character",
                line,
            )
        self.size += len(chunk)
        self._measure(text)

    def _measure(self, text: str) -> None:
        last = text.rfind("\n")
        self.unbroken = self.unbroken + len(text) if last < 0 else len(text) - last - 1
        self.lines += text.count("\n")
        if self.unbroken > MAX_LINE:
            raise self._refusal(
                f"a line of more than {MAX_LINE:,} characters", "check that this is a table", self.lines + 1
            )

    def _undecodable(self, error: UnicodeDecodeError, fresh: int) -> InputError:
        name = self.codec.removesuffix("-sig")
        known = error.object[: error.start].decode(name, errors="replace")
        line = self.lines + len(io.StringIO(known, newline=None).getvalue().split("\n"))
        # The decoder may have kept the first bytes of a character that the chunk before cut in two.
        offset = self.size + fresh - len(error.object) + error.start
        return self._refusal(
            f"byte 0x{error.object[error.start]:02x} at offset {offset} is not {name.upper()} text",
            "say how the file is encoded, such as --encoding latin-1 or --encoding cp1252",
            line,
        )

    def _refusal(self, what: str, hint: str, line: int | None = None) -> InputError:
        where = str(self.path) if line is None else f"{self.path}, row {line}"
        return InputError(what, where=where, hint=hint)


def _codec(head: bytes, encoding: str | None, path: Path) -> str:
    if encoding is None:
        return next((codec for mark, codec in _BOMS if head.startswith(mark)), UTF8)
    try:
        b"a".decode(encoding, "replace")
        name = codecs.lookup(encoding).name
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(
            f"{encoding!r} is not a text encoding", where=str(path), hint="--encoding utf-8, latin-1, utf-16, cp1252"
        ) from error
    return UTF8 if name in ("utf-8", "ascii") else name
