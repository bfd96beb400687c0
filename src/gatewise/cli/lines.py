"""Standard input, line by line: whoever waits for an answer gets it, and whoever sends a file is not slowed down."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Thread

from ..errors import InputError

_MOST = 256
"""Lines that are handed over together, at most."""


def waiting_lines() -> Iterator[tuple[int, list[str]]]:
    """The lines of standard input that are there, without what ends them, and the number of the first, from 1.

    Waits for at least one. Raises InputError for a line that is not UTF-8.
    """
    arrived: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_read, args=(arrived,), daemon=True).start()
    number, ended = 1, False
    while not ended:
        lines = [arrived.get()]
        while lines[-1] and len(lines) < _MOST:
            try:
                lines.append(arrived.get_nowait())
            except Empty:
                break
        ended = not lines[-1]
        texts = [_decoded(line, number + at) for at, line in enumerate(lines) if line]
        if texts:
            yield number, texts
        number += len(texts)


def _read(arrived: SimpleQueue[bytes]) -> None:
    """Every line, and at the end an empty one."""
    for line in sys.stdin.buffer:
        arrived.put(line)
    arrived.put(b"")


def _decoded(line: bytes, number: int) -> str:
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        where = f"standard input, line {number}"
        raise InputError("this is not UTF-8", where=where, hint="convert it, for instance with iconv") from error
