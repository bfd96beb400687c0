"""Pairs of lines out of files: two columns of a table in text, or two files whose lines belong together."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import InputError, argument
from ..files import path_of
from ..words import count
from .text_file import read_text, records_of

_COMMA = (".csv", ".csv.gz")
_NAMES = {"source", "src", "target", "trg", "tgt", "input", "output"}
"""What a first line is taken for names of columns by, where nobody names them."""


@dataclass(frozen=True)
class Parallel:
    """Lines that belong together.

    Attributes:
        source: N lines.
        target: Their N translations.
        name: What they are called, for messages.
        notes: What was inferred, a sentence each.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    name: str
    notes: tuple[str, ...] = ()


def load_pairs(
    path: str | Path, other: str | Path | None = None, *, source: str | None = None, target: str | None = None
) -> Parallel:
    """Read pairs of lines, from UTF-8, plain or gzip.

    Args:
        path: A table whose name ends in ``.csv`` (with quotes and commas), any other table with a tab between its
            columns and no quotes, or with ``other`` a file with a source on each line.
        other: A file with the translation of each line; then ``path`` is no table.
        source: The column of sources, by its name or, counted from 1, by its number; by default the first of two.
        target: The column of translations, likewise; by default the second of two.

    Returns:
        `Parallel`: blank lines and cells are kept, and left to who learns from them.

    Raises:
        InputError: A file cannot be read, two files have not equally many lines, or a line of a table has not the
            columns of the first; the error names file and line.
    """
    if other is not None:
        return _of_two(path_of(path), path_of(other, "other"))
    return _of_table(path_of(path), source, target)


def read_lines(path: Path) -> list[str]:
    """The lines of a text, without what ends them."""
    lines = read_text(path).split("\n")  # splitlines knows ends that other tools do not
    return [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]


def _of_two(path: Path, other: Path) -> Parallel:
    sources, targets = read_lines(path), read_lines(other)
    if len(sources) != len(targets):
        raise InputError(
            f"it has {count(len(targets), 'line')}, and {path.name} has {count(len(sources), 'line')}",
            where=str(other),
            hint="line N of one is to be the translation of line N of the other: find the line that is missing",
        )
    return Parallel(tuple(sources), tuple(targets), f"{path.name} and {other.name}")


def _of_table(path: Path, source: str | None, target: str | None) -> Parallel:
    records = _records(path)
    first = next(records, None)
    if first is None:
        raise InputError("the file is empty", where=str(path), hint="give a pair on each line")
    head = first[1]
    places = _places(path, head, source, target)
    named = _is_head(head, source, target)
    rows = records if named else _again(first, records)
    pairs: list[tuple[str, str]] = []
    for line, cells in rows:
        if len(cells) != len(head):
            raise _uneven(path, line, len(cells), len(head))
        pairs.append((cells[places[0]], cells[places[1]]))
    said = f"columns {head[places[0]]!r} and {head[places[1]]!r}" if named else "no line of names: every line is a pair"
    return Parallel(tuple(one for one, _ in pairs), tuple(other for _, other in pairs), path.name, (said,))


def _again(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of every line that is not empty, and its number, from 1."""
    if not path.name.lower().endswith(_COMMA):
        for line, text in enumerate(read_lines(path), 1):
            if text:
                yield line, text.split("\t")
        return
    text = read_text(path)
    hint = "; or give the pairs with a tab between them"
    yield from records_of(io.StringIO(text, newline=""), _delimiter(text), path, hint)


def _delimiter(text: str) -> str:
    """A semicolon where the first line has one and no comma."""
    first = next(islice(io.StringIO(text), 1), "")
    return ";" if ";" in first and "," not in first else ","


def _is_head(head: list[str], source: str | None, target: str | None) -> bool:
    chosen = [name for name in (source, target) if name is not None]
    if chosen:
        return any(name in head and not name.isdecimal() for name in chosen)
    return {cell.strip().lower() for cell in head} <= _NAMES


def _places(path: Path, head: list[str], source: str | None, target: str | None) -> tuple[int, int]:
    """Which columns hold sources and translations."""
    if source is None and target is None and len(head) != 2:
        what = f"its first line has {count(len(head), 'column')}, not a source and its translation"
        hint = f"put a tab between the two, or choose columns with {argument('source')} and {argument('target')}"
        raise InputError(what, where=str(path), hint=hint)
    places = _place(path, head, "source", source, 0), _place(path, head, "target", target, 1)
    if places[0] == places[1]:
        raise InputError("source and translation are the same column", where=str(path), hint="choose two")
    return places


def _place(path: Path, head: list[str], side: str, name: str | None, default: int) -> int:
    if name is None:
        return default
    if name.isdecimal() and 0 < int(name) <= len(head):
        return int(name) - 1
    if name in head:
        return head.index(name)
    hint = f"choose one of {', '.join(head[:8])}, or a number from 1 to {len(head)}"
    raise InputError(f"{argument(side)} is {name!r}, which is no column", where=str(path), hint=hint)


def _uneven(path: Path, line: int, cells: int, expected: int) -> InputError:
    return InputError(
        f"{count(cells, 'column')}, expected {expected}",
        where=f"{path}, line {line}",
        hint="put a tab between source and translation, and none within them",
    )
