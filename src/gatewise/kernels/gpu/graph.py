"""The launches of some steps as one CUDA graph, replayed until all of time is done.

A step's kernels and products are told everything but the time when they are captured; the time from which they count
lies in memory, and each replay moves it on. So a layer captures a few steps for itself, on its own memory: nothing is
kept for the next, and nothing copied into what was kept.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import torch
from torch import Tensor

STEPS = 16
"""In a graph: then launching one costs little beside what its kernels take."""

_LEAST = 4 * STEPS
"""Steps of a layer below which capturing may take longer than it saves."""

Replay = Callable[[], None]
"""Runs calls again as they ran once, on the same memory."""

_running: deque[tuple[torch.cuda.CUDAGraph, torch.cuda.Event]] = deque()
"""Graphs, and when a device will have run them: before that they must not be freed."""


def is_worth_while(device: torch.device, steps: int) -> bool:
    """Whether a layer's launches are captured: on NVIDIA's cards, if it has many steps, and unless the caller captures
    them already."""
    if device.type != "cuda" or torch.version.hip or steps < _LEAST:
        return False
    return not torch.cuda.is_current_stream_capturing()


def run(step: Callable[[int], None], steps: int, clock: Tensor, *, backward: bool) -> None:
    """All steps of a layer, on a stream beside the current one, since that one may be none that can be captured.

    step: launches a step, of the time since ``clock``. clock: one number, 0.
    """
    current, beside = torch.cuda.current_stream(clock.device), _stream(clock.device)
    beside.wait_stream(current)
    with torch.cuda.stream(beside):
        repeated(step, steps, clock, _captured, backward=backward)
    current.wait_stream(beside)


def repeated(
    step: Callable[[int], None],
    steps: int,
    clock: Tensor,
    capture: Callable[[Sequence[Callable[[], object]]], Replay],
    *,
    backward: bool,
) -> None:
    """Those steps that fill no graph one by one, which compiles what they need, then the others by replays."""
    whole = (steps - 1) // STEPS * STEPS
    alone, others = range(steps - whole), range(steps - whole, steps)
    if backward:
        alone, others = range(steps - 1, whole - 1, -1), range(whole - 1, -1, -1)
    for time in alone:
        step(time)
    inside = range(STEPS - 1, -1, -1) if backward else range(STEPS)
    move = partial(clock.add_, -STEPS if backward else STEPS)
    try:
        replay = capture([*(partial(step, time) for time in inside), move])
    except RuntimeError as error:
        warnings.warn(f"launches are not captured, which is slower: {error}", stacklevel=2)
        for time in others:
            step(time)
        return
    clock.fill_(whole - STEPS if backward else steps - whole)
    for _ in range(whole // STEPS):
        replay()


def _captured(calls: Sequence[Callable[[], object]]) -> Replay:
    """As a CUDA graph, on the current stream."""
    while _running and _running[0][1].query():
        _running.popleft()
    graph = torch.cuda.CUDAGraph()
    graph.capture_begin(capture_error_mode="thread_local")
    try:
        for call in calls:
            call()
    finally:
        graph.capture_end()

    def replay() -> None:
        graph.replay()
        done = torch.cuda.Event()
        done.record()
        _running.append((graph, done))

    return replay


@lru_cache(maxsize=64)
def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
