"""Processes of one thread each, to which buckets are handed out as they become free."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ....errors import InputError
from ...processes import Process, handed_out
from .folder import Folder

_WORKER = f"{__package__}.worker"
_KEPT = "what is done is kept: run it again, and where memory is short with fewer workers"


def forecast_buckets(folder: Folder, buckets: Sequence[int], count: int) -> Iterator[int]:
    """The buckets, each as it is done, by so many processes. Raises InputError where one cannot be."""
    for bucket, answer in handed_out((_WORKER, str(folder.path.resolve())), buckets, count, _answer):
        if not isinstance(answer, int):
            raise answer or InputError(f"a worker said nothing that can be read of bucket {bucket}", hint=_KEPT)
        yield answer


def _answer(process: Process, bucket: int) -> int | InputError:
    """Let a process forecast a bucket: the bucket, or why it could not."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{bucket}\n".encode())
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = b""
    if not line:
        return InputError(f"a worker ended early (exit code {process.wait()})", hint=_KEPT)
    answer = json.loads(line)
    return InputError(answer["what"], where=answer["where"], hint=answer["hint"]) if "what" in answer else bucket
