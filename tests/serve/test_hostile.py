"""A server on a socket, and clients that speak badly, slowly or too much: they are refused or cut off, alone."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.conftest import peak_memory

from gatewise.serve import Limits, application, running

from .asking import tensor

PATIENCE = 1.0
STEPS = 400_000
ASKED = json.dumps({"inputs": [tensor("x", [[[1.0, 2, 3]]])]}).encode()
HEAD = b"POST /v2/models/chain/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"


@pytest.fixture(scope="module")
def place(files: dict[str, Path]) -> Iterator[tuple[str, int]]:
    limits = Limits(patience=PATIENCE, connections=20, body=4 << 20)
    with running(application([files["chain"]], limits=limits)) as address:
        parts = urlsplit(address)
        yield str(parts.hostname), int(parts.port or 0)


@contextmanager
def connected(place: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(place, timeout=20) as connection:
        yield connection


def send(connection: socket.socket, words: bytes) -> None:
    """All of it, or as much as the other side reads before it has had enough."""
    with suppress(ConnectionError):
        connection.sendall(words)


def said(connection: socket.socket) -> bytes:
    """All that comes until the other side ends; nothing where it is cut off."""
    parts = b""
    try:
        while part := connection.recv(65536):
            parts += part
    except ConnectionError:
        pass
    return parts


def status(answer: bytes) -> int:
    """Of an answer; 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def works(place: tuple[str, int]) -> bool:
    """Whether an honest client is answered, once the others are gone."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with connected(place) as connection:
            connection.sendall(HEAD % len(ASKED) + ASKED)
            if status(connection.recv(65536)) == 200:
                return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET / HTTP/1.1\r\n\r\n",  # without a host
        b"\0" * 100,
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 2_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n",
        b"POST /generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST /generate HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST /generate HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        HEAD % (5 << 20) + b"x" * 1000,
        HEAD % 10**30,
        HEAD % len(ASKED) + ASKED[:-1] + b"?" + b"garbage that is no request\r\n\r\n" * 10,
    ],
    ids=range(13),
)
def test_what_is_no_request_is_refused(place, words):
    with connected(place) as connection:
        send(connection, words)
        answer = said(connection)
    assert status(answer) in range(400, 500) or not answer
    assert b"Traceback" not in answer
    assert works(place)


@pytest.mark.parametrize("words", [b"", b"GET / HT", HEAD % 100, HEAD % 100 + b"{"], ids=range(4))
def test_who_is_slow_is_cut_off(place, words):
    with connected(place) as connection:
        begun = time.monotonic()
        connection.sendall(words)
        answer = said(connection)
    assert status(answer) in (0, 408)
    assert time.monotonic() - begun < 10 * PATIENCE


def drip(connection: socket.socket, words: bytes) -> None:
    for letter in words:
        connection.sendall(bytes([letter]))
        time.sleep(PATIENCE / 10)


def test_drops_do_not_keep_a_connection(place):
    with connected(place) as connection:
        begun = time.monotonic()
        with pytest.raises(ConnectionError):
            drip(connection, HEAD * 100)
        assert time.monotonic() - begun < 10 * PATIENCE


def test_who_ends_its_half_is_answered(place):
    with connected(place) as connection:
        connection.sendall(HEAD % len(ASKED) + ASKED)
        connection.shutdown(socket.SHUT_WR)
        assert status(said(connection)) == 200
    with connected(place) as connection:
        connection.sendall(HEAD % len(ASKED))
        connection.shutdown(socket.SHUT_WR)
        assert status(said(connection)) in (0, 400)


@pytest.mark.slow
def test_who_does_not_read_is_cut_off(place):
    """The answer is larger than what the system holds for a connection."""
    x = {"name": "x", "datatype": "FP32", "shape": [1, STEPS, 3], "data": [0] * (3 * STEPS)}
    big = json.dumps({"inputs": [x]}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(place)
        connection.sendall(HEAD % len(big) + big)
        answer = connection.recv(4096)
        time.sleep(4 * PATIENCE)
        answer += said(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None
    assert len(body) < int(length[1])
    assert works(place)


def test_one_too_many_is_refused_and_the_others_are_served(place):
    held = [socket.create_connection(place, timeout=20) for _ in range(20)]
    time.sleep(0.3)
    with connected(place) as connection:
        connection.sendall(HEAD % len(ASKED) + ASKED)
        assert status(said(connection)) in (0, 503)
    held[0].sendall(HEAD % len(ASKED) + ASKED)
    assert status(held[0].recv(65536)) == 200
    for connection in held:
        connection.close()
    time.sleep(0.3)
    assert works(place)


@pytest.mark.slow
def test_connections_in_turn_take_no_memory(place):
    before = 0
    for turn in range(600):
        with connected(place) as connection:
            connection.sendall((HEAD % len(ASKED) + ASKED, b"GET /", b"")[turn % 3])
        before = peak_memory() if turn == 100 else before
    assert peak_memory() - before < 16
    time.sleep(0.3)
    assert works(place)
