"""Delimited text: where its records begin, and how DuckDB can be given it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from ...errors import InputError

MAX_UNPACKED = 2 << 30  # bytes that a packed or re-encoded file may hold: what is read this way is not a bomb
CHUNK = 1 << 20  # bytes
UTF8 = "utf-8-sig"
_DELIMITERS = ",;\t|"
_PEEKED = 20  # records looked at to choose one


@dataclass(frozen=True)
class TextFile:
    """A file that has been read through once and found to be text.

    encoding: a Python codec. gzipped: whether its bytes are packed. one_newline: False where line ends differ
    from line to line.
    """

    path: Path
    encoding: str
    gzipped: bool = False
    one_newline: bool = True

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

    def recoded(self, delimiter: str) -> io.BytesIO:
        """The records as UTF-8 bytes with one kind of line end between them, below a header of one plain line.

        That line shows DuckDB the line ends before it meets others in quotes. Raises InputError where the bytes
        are more than memory should hold.
        """
        copy = io.BytesIO()
        with self._open() as handle:
            records = self._records(handle, delimiter)
            _, names = next(records)
            newline = str(handle.newlines or "\n") if self.one_newline else "\n"
            copy.write(f"{delimiter.join('c' * len(names))}{newline}".encode())
            for text in iter(lambda: handle.read(CHUNK), "") if self.one_newline else _rewritten(records, delimiter):
                copy.write(text.encode())
                check_size(self.path, copy.tell())
        copy.seek(0)
        return copy

    def _open(self) -> TextIO:
        """The decoded text, line ends as they are."""
        return io.TextIOWrapper(unpacked(self.path, self.gzipped), encoding=self.encoding, newline="")

    def _records(self, handle: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
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
                where=f"{self.path}, row {line}",
                hint='a field that holds a quote must be quoted and the quote doubled: "5"" pipe"',
            ) from error


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


def check_size(path: Path, size: int) -> None:
    """InputError for text that would fill the memory."""
    if size > MAX_UNPACKED:
        raise InputError(
            f"more than {MAX_UNPACKED:,} bytes of text come out of this file",
            where=str(path),
            hint="if that is as it should be, store it unpacked, as UTF-8 and with one kind of line end, and read that",
        )


def likely_delimiter(file: TextFile) -> str:
    """The delimiter that splits the header, and among several the one that splits the next records alike."""

    def fit(delimiter: str) -> tuple[bool, int, int]:
        widths: list[int] = []
        try:
            for _, (_, fields) in zip(range(_PEEKED), file.records(delimiter), strict=False):
                widths.append(len(fields))
        except InputError:
            pass  # the records so far count
        header = widths[0] if widths else 0
        return header > 1, widths.count(header), header

    return max(_DELIMITERS, key=fit)


def unpacked(path: Path, gzipped: bool) -> BinaryIO:
    """The bytes of the file, out of their packing."""
    return cast(BinaryIO, gzip.open(path, "rb")) if gzipped else path.open("rb")
