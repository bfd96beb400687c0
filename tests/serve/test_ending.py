"""``gatewise serve`` as a program: what it says, and how it ends while it has much to do."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from gatewise.errors import InputError
from gatewise.serve import application, run

from .asking import tensor

BODY = json.dumps({"inputs": [tensor("x", [[[1.0, 2, 3]] * 200] * 4)]}).encode()
REQUEST = b"POST /v2/models/chain/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


def whole(answer: bytes) -> str:
    """How an answer came: whole, refused, not at all, or in part."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    if not answer:
        return "closed"
    if length is None or len(body) != int(length[1]):
        return f"in part: {answer[:200]!r} ({len(body)} bytes)"
    return head[9:12].decode()


def one(port: int) -> str:
    """One request on a connection of its own."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(REQUEST.replace(b"host:", b"connection: close\r\nhost:"))
            parts = b""
            while part := connection.recv(1 << 16):
                parts += part
            return whole(parts)
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "closed"


def test_it_ends_under_load_with_no_answer_half_written(files: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "gatewise", "serve", f"chain={files['chain']}", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        line = server.stdout.readline()
        port = int(re.fullmatch(r"1 model at http://127\.0\.0\.1:(\d+): chain\n", line)[1])  # type: ignore[index]
        outcomes: Counter[str] = Counter()
        ended = threading.Event()

        def load() -> None:
            while not ended.is_set():
                outcomes[one(port)] += 1

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        while outcomes["200"] < 20:
            time.sleep(0.01)
        server.send_signal(signal.SIGTERM)
        code = server.wait(60)
        ended.set()
        for thread in threads:
            thread.join()
        errors = server.stderr.read()
    assert (code, errors) == (128 + signal.SIGTERM, "")
    assert set(outcomes) <= {"200", "503", "refused", "closed"}, outcomes


def test_a_place_that_is_taken_is_named(files: dict[str, Path]) -> None:
    app = application([files["chain"]])
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="nothing can listen"):
        run(app, port=taken.getsockname()[1])
    with pytest.raises(InputError, match="`port` is 70000"):
        run(app, port=70000)
    with pytest.raises(InputError, match="nothing can listen"):
        run(app, host="no.such.host.invalid")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.safetensors"], "missing.safetensors: it cannot be read: there is no such file"),
        (["a=x", "a=y"], "two models are called 'a'"),
        (["x", "--ttl", "0"], "the limit ttl is 0.0"),
        (["x", "--port", "70000"], "less than or equal to 65535"),
    ],
)
def test_the_shell_is_told_in_one_line(words, said, capsys, tmp_path, monkeypatch):
    from gatewise.cli import follow

    monkeypatch.chdir(tmp_path)
    assert follow(["serve", *words]) in (1, 2)
    errors = capsys.readouterr().err
    assert said in errors
    assert len(errors.splitlines()) <= 2
    assert os.listdir(tmp_path) == []
