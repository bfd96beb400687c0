"""What a layer costs beside throughput: a step's latency, a busy neighbour, memory, compilation."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

from gatewise.cells import CELLS
from gatewise.compiler.stages import backward_sweep, forward_sweep
from gatewise.kernels.cpu.compile import compile_sweep

from ..measure import alternately
from .plan import Plan
from .result import Finding, Row, Verdict, threads
from .shapes import MIDDLE
from .workload import Workload


def busy(plan: Plan) -> Finding:
    """One of two cores taken by another process: how our time on two threads grows, and torch's."""
    plan.progress("a busy core")
    workload = Workload(CELLS["lstm"], MIDDLE, False)
    module = torch.nn.LSTM(MIDDLE.inputs, MIDDLE.units)
    contenders = {"gatewise": workload.ours(), "torch.nn": lambda: _forward(module, workload.x)}
    with threads(2):
        idle = Row.of("idle", alternately(contenders, plan.seconds))
        with _neighbour():
            taken = Row.of("one core busy", alternately(contenders, plan.seconds))
    growth = taken.milliseconds["gatewise"] / idle.milliseconds["gatewise"]
    return Finding(
        f"LSTM inference, {MIDDLE}, two threads, beside a busy process",
        [idle, taken],
        [Verdict("our time grows at most 2.5 x", f"{growth:.2f} x", growth <= 2.5)],
    )


def _forward(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return module(x)[0]


@contextmanager
def _neighbour() -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    time.sleep(0.5)
    try:
        yield
    finally:
        process.kill()
        process.join()


def _spin() -> None:
    while True:
        pass


def memory(plan: Plan) -> Finding:
    """Peak memory of a training step beyond that of the process before it, each in a process of its own."""
    plan.progress("memory")
    found = {name: _peak(name) for name in ("gatewise", "torch")}
    growth = found["gatewise"] / found["torch"]
    return Finding(
        "peak memory of a training step, LSTM, 500 x 64 x 256 -> 256",
        [Row("MiB beyond the start", 1, figures=found)],
        [Verdict("at most 1.1 x nn.LSTM's", f"{growth:.2f} x", growth <= 1.1)],
    )


def _peak(name: str) -> float:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.cpu.peak", name], capture_output=True, text=True, check=True
    )
    return float(run.stdout)


def compilation(plan: Plan) -> Finding:
    """The first call of each cell: seconds to write, optimise and assemble its kernels."""
    rows: list[Row] = []
    for name, cell in CELLS.items():
        plan.progress(f"compiling {name}")
        kernels = {
            "inference": forward_sweep(cell, keep=False),
            "training": forward_sweep(cell, keep=True),
            "backward": backward_sweep(cell),
        }
        seconds = {kind: _seconds(partial(compile_sweep, sweep, torch.float32)) for kind, sweep in kernels.items()}
        rows.append(Row(name, 1, figures=seconds))
    slowest, case, kind = max((seconds, row.case, kind) for row in rows for kind, seconds in row.figures.items())
    return Finding(
        "seconds to compile a kernel",
        rows,
        [Verdict("at most 0.5 s each", f"{slowest:.2f} s: {case}, {kind}", slowest <= 0.5)],
    )


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


SECTIONS: dict[str, Callable[[Plan], Finding]] = {
    "busy": busy,
    "memory": memory,
    "compilation": compilation,
}
