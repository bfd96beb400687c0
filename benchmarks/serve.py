"""The server beside the library: sessions against streams, the share of its speed, the time of a step under load.

    python -m benchmarks serve [--seconds 10] [--sessions 1000]

The server runs in a process of its own, on one core where there are two; the client on the other. Requests go through
sockets, tensors as bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from torch import nn

import gatewise
from gatewise.nn import LSTM, Chain

STEP = Chain(LSTM(3, 32), nn.Linear(32, 1))
"""What sessions go on with: about what a sensor needs."""
WIDE = Chain(LSTM(8, 128), nn.Linear(128, 1))
"""What batches go through: as wide as the estimators are by default."""
ROWS, STEPS, CLIENTS = 64, 100, 4
RATE = 200
"""Requests a second."""
GOAL_SHARE, GOAL_MS = 0.8, 5.0


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks serve", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each part")
    parser.add_argument("--sessions", type=int, default=1000)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (port, server):
        busy = cpu(server)
        different, rate = asyncio.run(sessions(port, options.sessions))
        busy = 1000 * (cpu(server) - busy) / (5 * options.sessions)
        print(
            f"{options.sessions:,} sessions of 5 steps: {different} differ from streams; {rate:,.0f} steps a second",
            end="",
        )
        print(f", {busy:.2f} ms of the server's processor each")
        theirs, busy = alone(options.seconds), cpu(server)
        rate, count = asyncio.run(throughput(port, options.seconds))
        ours = count / (cpu(server) - busy)
        share = f"{ours:,.0f} a second of processor, {ours / theirs:.2f} of the library's own (goal {GOAL_SHARE})"
        print(f"{ROWS} sequences of {STEPS} steps a request: {share}; {rate:,.0f} by the clock")
        with echo(asyncio.run(one_answer(port))) as other:
            floor = asyncio.run(latency(other, options.seconds))
        waits = asyncio.run(latency(port, options.seconds))
        print(f"a step at {RATE} requests a second, {len(waits):,} of them: {tail(waits)} (goal {GOAL_MS:g})")
        print(f"the same bytes from a server that computes nothing: {tail(floor)}")


def tail(waits: Sequence[float]) -> str:
    """In words."""
    return f"median {median(waits):.2f} ms, most {max(waits):.2f}, p99 {quantiles(waits, n=100)[98]:.2f}"


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process of a server of both models."""
    STEP.save(folder / "step.safetensors")
    WIDE.save(folder / "wide.safetensors")
    names = [str(folder / name) for name in ("step.safetensors", "wide.safetensors")]
    command = [sys.executable, "-m", "gatewise", "serve", *names, "--port", "0", "--sessions", "100000"]
    with started(command) as (port, process):
        yield port, process


@contextmanager
def echo(answer: bytes) -> Iterator[int]:
    """Port of a server that gives this answer to whatever it is asked: what sockets and the machine take alone."""
    with started([sys.executable, "-c", ECHO, answer.hex()]) as (port, _):
        yield port


ECHO = """
import asyncio, contextlib, re, sys
answer = bytes.fromhex(sys.argv[1])

async def serve(reader, writer):
    with contextlib.suppress(asyncio.IncompleteReadError):  # the client has gone
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await reader.readexactly(int(re.search(rb"\\r\\ncontent-length: ([0-9]+)", head)[1]))
            writer.write(answer)

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"1 answer at http://127.0.0.1:{server.sockets[0].getsockname()[1]}: echo", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def started(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Port and process of a server on a core of its own, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as server:
        os.sched_setaffinity(server.pid, cores[:1])
        os.sched_setaffinity(0, cores[-1:])
        assert server.stdout is not None
        found = re.search(r":(\d+):", server.stdout.readline())
        assert found is not None
        try:
            yield int(found[1]), server.pid
        finally:
            server.terminate()


def cpu(process: int) -> float:
    """Seconds of processor that a process has taken, whoever else runs."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Client:
    """One connection that stays open."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 24))

    async def infer(self, model: str, x: Any, **parameters: Any) -> Any:
        """The output y of x (B, T, I)."""
        head, body = await self.ask(request(model, x, parameters))
        size = number(HEADER, head)
        shape = json.loads(body[:size])["outputs"][0]["shape"]
        return np.frombuffer(body[size:], "<f4").reshape(shape)

    async def ask(self, content: bytes) -> tuple[bytes, bytes]:
        """Head and body of the answer."""
        self.writer.write(content)
        head = await self.reader.readuntil(b"\r\n\r\n")
        return head, await self.reader.readexactly(number(b"content-length", head))

    def close(self) -> None:
        self.writer.close()


HEADER = b"inference-header-content-length"


def number(name: bytes, head: bytes) -> int:
    """The value of a header."""
    found = re.search(rb"\r\n%s: (\d+)" % name, head)
    assert found is not None
    return int(found[1])


def request(model: str, x: Any, parameters: dict[str, Any]) -> bytes:
    """With the tensor as bytes, both ways."""
    data = x.tobytes()
    told = {"name": "x", "datatype": "FP32", "shape": list(x.shape), "parameters": {"binary_data_size": len(data)}}
    body = json.dumps({"inputs": [told], "parameters": {"binary_data_output": True, **parameters}}).encode()
    head = f"POST /v2/models/{model}/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body) + len(data)}\r\n"
    return head.encode() + HEADER + b": %d\r\n\r\n" % len(body) + body + data


async def sessions(port: int, count: int) -> tuple[int, float]:
    """How many of so many interleaved sessions differ from a stream each, and steps a second."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(count, 5, 3)).astype(np.float32)
    y = np.zeros((count, 5, 1), np.float32)
    done = np.zeros(count, int)
    order = generator.permutation(np.repeat(np.arange(count), 5)).tolist()
    clients = [await Client.to(port) for _ in range(16)]
    turns: asyncio.Queue[int] = asyncio.Queue()
    locks = [asyncio.Lock() for _ in range(count)]

    async def work(client: Client) -> None:
        while not turns.empty():
            name = turns.get_nowait()
            async with locks[name]:
                at = done[name]
                told = {"sequence_id": name + 1, "sequence_start": bool(at == 0)}
                y[name, at] = (await client.infer("step", x[name : name + 1, at : at + 1], **told))[0, 0]
                done[name] += 1

    for name in order:
        turns.put_nowait(name)
    begun = time.perf_counter()
    await asyncio.gather(*map(work, clients))
    seconds = time.perf_counter() - begun
    for client in clients:
        client.close()
    different = sum(not np.array_equal(y[name], streamed(x[name])) for name in range(count))
    return different, 5 * count / seconds


def streamed(x: Any) -> Any:
    """(T, I) by a stream of its own."""
    stream = gatewise.stream(STEP.eval())
    return np.concatenate([stream.step(torch.from_numpy(step[None])).numpy() for step in x])


def batch() -> Any:
    """What one request holds, (B, T, I)."""
    return np.random.default_rng(0).normal(size=(ROWS, STEPS, 8)).astype(np.float32)


def alone(seconds: float) -> float:
    """Sequences a second by the library itself, from the same memory and back."""
    x, count, begun = torch.from_numpy(batch()), 0, time.thread_time()
    WIDE.eval()
    with torch.no_grad():
        while time.thread_time() - begun < seconds / 2:
            WIDE(x.transpose(0, 1).contiguous())[0].transpose(0, 1).contiguous()
            count += ROWS
    return count / (time.thread_time() - begun)


async def throughput(port: int, seconds: float) -> tuple[float, int]:
    """Sequences a second from some clients at once, by the clock, and how many in all."""
    x, counts = batch(), [0]
    clients = [await Client.to(port) for _ in range(CLIENTS)]
    until = time.perf_counter() + seconds

    async def work(client: Client) -> None:
        while time.perf_counter() < until:
            await client.infer("wide", x)
            counts[0] += ROWS

    begun = time.perf_counter()
    await asyncio.gather(*map(work, clients))
    for client in clients:
        client.close()
    return counts[0] / (time.perf_counter() - begun), counts[0]


async def one_answer(port: int) -> bytes:
    """To one step, whole."""
    client = await Client.to(port)
    head, body = await client.ask(request("step", np.ones((1, 1, 3), np.float32), {}))
    client.close()
    return head + body


async def latency(port: int, seconds: float) -> list[float]:
    """Milliseconds of steps that are asked for at a steady rate, whether or not those before are answered."""
    free = [await Client.to(port) for _ in range(32)]
    x, waits = np.ones((1, 1, 3), np.float32), list[float]()

    async def one(due: float, name: int) -> None:
        client = free.pop() if free else await Client.to(port)
        if client.reader.at_eof():  # left alone for so long that the server has closed it
            client = await Client.to(port)
        await client.infer("step", x, sequence_id=name, sequence_start=True)
        waits.append(1000 * (time.perf_counter() - due))
        free.append(client)

    begun, tasks = time.perf_counter(), list[asyncio.Task[None]]()
    for number in range(int(RATE * seconds)):
        due = begun + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(one(due, 1 + number % 500)))
    await asyncio.gather(*tasks)
    for client in free:
        client.close()
    return waits[RATE // 2 :]
