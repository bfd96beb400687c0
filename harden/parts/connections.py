"""The server's sockets, used by clients that speak no HTTP, half of it, or leave; others have to be served."""

from __future__ import annotations

import errno
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..part import Report
from ..seeds import stepping_chain

NIGHTLY, QUICK = 10_000, 200

_ASKED = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1, 2], "data": [0.5, -1]}]}).encode()
_HEAD = b"POST /v2/models/chain/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n"
_HEADERS = (b"transfer-encoding: chunked", b"expect: 100-continue", b"upgrade: websocket\r\nconnection: upgrade")
_HONEST = _HEAD % len(_ASKED) + b"\r\n" + _ASKED
_GROWTH, _SETTLED = 64, 100
"""MiB that the server may grow by after so many connections."""
_PATIENCE = 60.0
_HUNG_UP = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
"""What a socket says when the other side has ended the connection before all was sent."""


def run(seed: int, count: int) -> Report:
    """Make so many connections, some of them at once; after each twenty an honest client has to be answered."""
    draw, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder), report) as (port, process):
        before = 0
        for number in range(count):
            words, leaves = _words(draw), draw.random() < 0.3
            what = f"connection {number}: {words[:80]!r}"
            answer = _said(port, words, leaves=leaves)
            status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
            report.outcomes[str(status or "closed")] += 1
            if b"Traceback" in answer or (status >= 500 and status != 503):
                report.findings.append(f"{what} is answered by {answer[:200]!r}")
            if number % 20 == 19 and not _said(port, _HONEST).startswith(b"HTTP/1.1 200"):
                report.findings.append(f"{what}: then an honest client is not answered")
            if number == _SETTLED:
                before = _memory(process)
        grown = _memory(process) - before if before else 0
        report.remarks.append(f"the server grew by {grown} MiB")
        if grown > _GROWTH:
            report.findings.append(f"the server grew by {grown} MiB over {count} connections")
    return report


@contextmanager
def _server(folder: Path, report: Report) -> Iterator[tuple[int, int]]:
    """Port and process of a server; what it writes to standard error is a finding, and so is how it ends."""
    stepping_chain().save(folder / "chain.safetensors")
    command = [sys.executable, "-m", "gatewise", "serve", str(folder / "chain.safetensors"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        errors: list[str] = []
        reading = threading.Thread(target=lambda: errors.extend(server.stderr or ()))
        reading.start()
        found = re.search(r":(\d+):", server.stdout.readline())
        assert found is not None
        try:
            yield int(found[1]), server.pid
        finally:
            server.terminate()
        code = server.wait(_PATIENCE)
        reading.join()
        if code != 143 or errors:
            report.findings.append(f"the server ended with {code}: {errors[:5]}")


def _memory(process: int) -> int:
    """MiB that a process holds."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def _said(port: int, words: bytes, *, leaves: bool = False) -> bytes:
    """What comes back at first, if anything. leaves: end the connection without waiting for it."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        try:
            connection.sendall(words)
            if leaves:
                return b""
            connection.shutdown(socket.SHUT_WR)  # so that nothing is waited for that does not come
            return connection.recv(1 << 16)
        except OSError as error:
            if error.errno not in _HUNG_UP:
                raise
            return b""


def _words(draw: random.Random) -> bytes:
    kind = draw.randrange(6)
    if kind == 0:
        return bytes(draw.randrange(256) for _ in range(draw.choice((0, 1, 30, 2000))))
    if kind == 1:
        return _HONEST[: draw.randrange(len(_HONEST))]
    if kind == 2:
        at = draw.randrange(len(_HONEST))
        return _HONEST[:at] + bytes([draw.randrange(256)]) + _HONEST[at + draw.randrange(2) :]
    if kind == 3:
        length = draw.choice((b"-1", b"x", b"9" * 30, b"1e3", b"0x10", b"100000000", b""))
        return _HEAD.replace(b"%d", length) + b"\r\n" + _ASKED
    if kind == 4:
        header, body = draw.choice(_HEADERS), draw.choice((_ASKED, b"zz\r\n", b"ffffffffff\r\n", b"5\r\nabc"))
        return _HEAD % len(_ASKED) + header + b"\r\n\r\n" + body
    path, headers = b"a" * draw.choice((0, 100, 70_000)), b"x: y\r\n" * draw.choice((0, 5, 5000))
    return b"GET /" + path + b" HTTP/1.1\r\n" + headers + b"\r\n"
