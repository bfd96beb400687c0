"""Text files, plain or gzip: encoding, lines, and what is refused before a table is parsed."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from ..errors import InputError, argument
from ..files import open_regular

MAX_UNPACKED = 2 << 30  # bytes that a packed or re-encoded file may hold: what is read this way is not a bomb
CHUNK = 1 << 20  # bytes
UTF8 = "utf-8-sig"
GZIP = b"\x1f\x8b"
_DELIMITERS = ",;\t|"
_PEEKED = 20  # records looked at to choose one
_ENDING = 5000  # characters at the end that are kept
_NEARBY = 200  # bytes by which a script is guessed


@dataclass(frozen=True)
class TextFile:
    """A file that has been read through once and found to be text.

    encoding: a Python codec. gzipped: whether its bytes are packed. one_newline: False where line ends differ
    from line to line. ending: the last of its text, with one kind of line end.
    """

    path: Path
    encoding: str
    gzipped: bool = False
    one_newline: bool = True
    ending: str = ""

    @property
    def plain(self) -> bool:
        """Whether DuckDB can read the file from its path; it takes the first line end it sees for all of them."""
        return self.encoding == UTF8 and self.one_newline

    def records(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Every record that is not blank, with the number of the line it starts on (the first is 1).

        Raises InputError where the quoting is broken.
        """
        with self._open() as handle:
            yield from self._records(handle, delimiter)

    def first_line(self) -> str:
        """The first line, or the beginning of a very long one."""
        with self._open() as handle:
            return handle.readline(CHUNK)

    def recoded(self, delimiter: str, above: int = 0, below: int = 0) -> io.BytesIO:
        """The records as UTF-8 bytes with one kind of line end between them, below a header of one plain line.

        above: records above the header, which are left out. below: records at the end that are, too. The plain line
        shows DuckDB the line ends before it meets others in quotes. Raises InputError where the bytes are more than
        memory should hold.
        """
        copy = io.BytesIO()
        with self._open() as handle:
            records = self._records(handle, delimiter)
            _, names = next(islice(records, above, None))
            as_it_is = self.one_newline and not below
            newline = str(handle.newlines or "\n") if as_it_is else "\n"
            rows = _rewritten(_all_but(records, below), delimiter)
            copy.write(f"{delimiter.join('c' * len(names))}{newline}".encode())
            for text in iter(lambda: handle.read(CHUNK), "") if as_it_is else rows:
                copy.write(text.encode())
                check_size(self.path, copy.tell())
        copy.seek(0)
        return copy

    def _open(self) -> TextIO:
        """The decoded text, with its line ends unchanged."""
        return io.TextIOWrapper(unpacked(self.path, self.gzipped), encoding=self.encoding, newline="")

    def _records(self, handle: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        return records_of(handle, delimiter, self.path)


def records_of(handle: TextIO, delimiter: str, path: str | Path, hint: str = "") -> Iterator[tuple[int, list[str]]]:
    """Every record that is not blank, with the number of the line it starts on (the first is 1).

    hint: what else may be done where the quoting is broken, for which it raises InputError.
    """
    line = 1
    try:
        reader = csv.reader(handle, delimiter=delimiter, strict=True)
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"the record that starts here cannot be read ({error})",
            where=f"{path}, row {line}",
            hint=f'a field that holds a quote must be quoted and the quote doubled: "5"" pipe"{hint}',
        ) from error


def _all_but(records: Iterator[tuple[int, list[str]]], last: int) -> Iterator[tuple[int, list[str]]]:
    """The records without so many at the end."""
    held: deque[tuple[int, list[str]]] = deque()
    for record in records:
        held.append(record)
        if len(held) > last:
            yield held.popleft()


def _rewritten(records: Iterator[tuple[int, list[str]]], delimiter: str) -> Iterator[str]:
    """Each record on a line of its own, or on several where its cells hold line ends."""
    line = io.StringIO(newline="")
    # Left to itself, the writer would not quote a lone carriage return.
    writer = csv.writer(line, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for _, fields in records:
        writer.writerow(fields)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def check_size(path: Path, size: int, most: int | None = None) -> None:
    """InputError for text that would fill the memory. most: bytes; `MAX_UNPACKED` by default."""
    most = MAX_UNPACKED if most is None else most
    if size > most:
        raise InputError(
            f"more than {most:,} bytes of text come out of this file",
            where=str(path),
            hint="if that is as it should be, store it unpacked, as UTF-8 and with one kind of line end, and read that",
        )


def likely_delimiter(file: TextFile) -> str:
    """The delimiter that splits most of the first records alike, and into most cells."""

    def fit(delimiter: str) -> tuple[bool, int, int]:
        widths: list[int] = []
        try:
            for _, (_, fields) in zip(range(_PEEKED), file.records(delimiter), strict=False):
                widths.append(len(fields))
        except InputError:
            pass  # the records so far count
        width = max(widths, key=lambda width: (widths.count(width), width), default=0)
        return width > 1, widths.count(width), width

    return max(_DELIMITERS, key=fit)


def unpacked(path: Path, gzipped: bool) -> BinaryIO:
    """The bytes of the file, decompressed where it is gzip."""
    file = open_regular(path)
    return cast(BinaryIO, _Gzip(file)) if gzipped else file


class _Gzip(gzip.GzipFile):
    """Closes the file below, too."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._file = file

    def close(self) -> None:
        """See `GzipFile`."""
        super().close()
        self._file.close()


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
    with open_regular(path) as handle:
        gzipped = handle.read(2) == GZIP
    try:
        with unpacked(path, gzipped) as binary:
            codec = _codec(binary.read(4), encoding, path)
        with unpacked(path, gzipped) as binary:
            survey = _Survey(path, codec, capped=gzipped)
            one_newline = survey.run(binary)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"the gzip data is damaged ({error})", where=str(path), hint="pack or download the file again"
        ) from error
    return TextFile(path, codec, gzipped, one_newline, survey.ending)


class _Survey:
    """One pass over the bytes that keeps nothing but counts, and the end."""

    def __init__(self, path: Path, codec: str, *, capped: bool) -> None:
        self.path, self.codec, self.capped = path, codec, capped
        self.lines = 0  # line ends seen
        self.size = 0  # bytes seen
        self.unbroken = 0  # characters since the last line end
        self.ending = ""  # the last characters
        self.decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec)(), translate=True)

    def run(self, binary: BinaryIO) -> bool:
        """Whether all line ends are the same."""
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
            raise self._refusal(
                f"the text is not {self.codec} ({error})", f"use another {argument('encoding')}"
            ) from error
        if "\0" in text:
            line = self.lines + text.count("\n", 0, text.index("\0")) + 1
            raise self._refusal(
                "a NUL character: this is not plain text",
                f"if it is UTF-16 without a mark, use {argument('encoding', 'utf-16-le')}; "
                "otherwise remove the character",
                line,
            )
        self.size += len(chunk)
        self.ending = (self.ending + text[-_ENDING:])[-_ENDING:]
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
            _encodings(error.object[error.start : error.start + _NEARBY]),
            line,
        )

    def _refusal(self, what: str, hint: str, line: int | None = None) -> InputError:
        where = str(self.path) if line is None else f"{self.path}, row {line}"
        return InputError(what, where=where, hint=hint)


def _encodings(text: bytes) -> str:
    """What to do about bytes that are no UTF-8: of accents two may stand side by side, and of other scripts words."""
    if re.search(rb"[\x80-\xff]{3}", text) is None:
        return f"give its encoding, such as {argument('encoding', 'latin-1')} or {argument('encoding', 'cp1252')}"
    others = {"cp1251": "Cyrillic", "gbk": "Chinese", "cp949": "Korean", "cp932": "Japanese"}
    named = ", ".join(f"{argument('encoding', codec)} for {script}" for codec, script in others.items())
    return f"give its encoding, such as {named}"


def _codec(head: bytes, encoding: str | None, path: Path) -> str:
    if encoding is None:
        return next((codec for mark, codec in _BOMS if head.startswith(mark)), UTF8)
    try:
        b"a".decode(encoding, "replace")
        name = codecs.lookup(encoding).name
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(
            f"{encoding!r} is not a text encoding",
            where=str(path),
            hint=f"use one such as {argument('encoding', 'latin-1')}",
        ) from error
    return UTF8 if name in ("utf-8", "ascii") else name


MAX_TEXT = 1 << 30
"""Bytes of a text that is held as a whole."""


def read_text(path: Path) -> str:
    """The file as text. Raises InputError for what cannot be read, is damaged, too large, or is no UTF-8."""
    with open_regular(path) as handle:
        gzipped = handle.read(2) == GZIP
    try:
        with unpacked(path, gzipped) as binary:
            data = _limited(path, binary)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"the gzip file is damaged ({error})", where=str(path), hint="get it again") from error
    except (OSError, MemoryError) as error:
        raise InputError(f"the file cannot be read ({error})", where=str(path), hint="check the file") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError("this is not UTF-8", where=f"{path}, line {line}", hint="store it as UTF-8") from error


def _limited(path: Path, binary: BinaryIO) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := binary.read(CHUNK):
        size += len(chunk)
        check_size(path, size, MAX_TEXT)
        parts.append(chunk)
    return b"".join(parts)
