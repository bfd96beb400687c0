"""What a layer costs beside throughput: a step's latency, a busy neighbour, memory."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product

import torch
from torch import Tensor

import gatewise
from gatewise.cells import CELLS
from gatewise.nn import LSTM

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


def streaming(plan: Plan) -> Finding:
    """One step from Python with the state kept, one sequence."""
    plan.progress("streaming")
    units = 32
    module, cell = LSTM(1, units), torch.nn.LSTMCell(1, units)
    running, x = gatewise.stream(module), torch.randn(1, 1)
    state = (torch.zeros(1, units), torch.zeros(1, units))

    def plain() -> object:
        with torch.inference_mode():
            return cell(x, state)

    with threads(1):
        samples = alternately({"gatewise.stream": lambda: running.step(x), "nn.LSTMCell": plain}, plan.seconds)
        row = Row.of(f"H {units}, B 1", samples)
    microseconds = 1e3 * row.milliseconds["gatewise.stream"]
    return Finding(
        "one step of an LSTM from Python, state kept",
        [row],
        [Verdict("at most 3 microseconds", f"{microseconds:.2f}", microseconds <= 3)],
    )


def long_sequence(plan: Plan) -> Finding:
    """Inference over a million steps of one sequence: memory beyond input and output."""
    plan.progress("a million steps")
    extra = _peak("long")
    return Finding(
        "inference over T 1,000,000, B 1, H 64",
        [Row("MiB beyond input and output", 1, figures={"gatewise": extra})],
        [Verdict("no buffer of gates, which would be 977 MiB", f"{extra:.0f} MiB", extra < 64)],
    )


def time_chunks(plan: Plan) -> Finding:
    """One long sequence in chunks of time and as usual, by layers that forget and by layers that never do."""
    rows: list[Row] = []
    x = torch.randn(_LONG, 1, _INPUTS)
    for units, forgets, count in product((128, 256), (True, False), plan.threads):
        case = f"H {units}, a layer {_FORGETS if forgets else _KEEPS}"
        plan.progress(f"chunks of time, {case}")
        module = LSTM(_INPUTS, units)
        if not forgets:
            with torch.no_grad():
                module.bias_ih_l0[units : 2 * units] = _NEVER
        calls = {"in chunks": partial(_chunked, module, x), _USUAL: partial(_whole, module, x)}
        with threads(count):
            apart = float((_chunked(module, x) - _whole(module, x)).abs().max())
            rows.append(Row.of(case, alternately(calls, plan.seconds), apart=apart))
    return Finding(f"one sequence, T {_LONG:,}, B 1, I {_INPUTS}, in chunks of time", rows, _chunk_goals(rows))


_LONG, _INPUTS = 100_000, 64
_NEVER = 6.0  # bias of a forget gate
_FORGETS, _KEEPS, _USUAL = "that forgets", "that never forgets", "as usual"


def _whole(module: LSTM, x: Tensor) -> Tensor:
    with torch.no_grad():
        return module(x)[0]


def _chunked(module: LSTM, x: Tensor) -> Tensor:
    with torch.no_grad(), gatewise.time_chunks(module):
        return module(x)[0]


def _chunk_goals(rows: list[Row]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for count, least in ((1, 1.7), (2, 3.0)):
        speeds = [row.ratios[_USUAL].median for row in rows if row.threads == count and row.case.endswith(_FORGETS)]
        if speeds:
            goal = f"at least {least} x as fast, threads: {count}"
            verdicts.append(Verdict(goal, f"{min(speeds):.2f} x", min(speeds) >= least))
    slower = max(1 / row.ratios[_USUAL].median for row in rows if row.case.endswith(_KEEPS))
    apart = max(row.figures["apart"] for row in rows)
    return [
        *verdicts,
        Verdict("at most 1.3 x slower where nothing is forgotten", f"{slower:.2f} x", slower <= 1.3),
        Verdict("at most 1e-5 apart", f"{apart:.1e}", apart <= 1e-5),
    ]


SECTIONS: dict[str, Callable[[Plan], Finding]] = {
    "busy": busy,
    "memory": memory,
    "streaming": streaming,
    "long_sequence": long_sequence,
    "time_chunks": time_chunks,
}
