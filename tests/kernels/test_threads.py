"""Threads are torch's own, however many there are, and none where another process or a worker has them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing import get_all_start_methods
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from gatewise.kernels.cpu import small
from gatewise.kernels.cpu import threads as pools
from gatewise.nn import GRU, LSTM

TASKS = Path("/proc/self/task")
on_linux = pytest.mark.skipif(not TASKS.exists(), reason="no other system lists the threads of a process")
can_fork = pytest.mark.skipif("fork" not in get_all_start_methods(), reason="no forks on this system")
# Python warns of threads in a process that forks, and a test worker has one.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
# So much work for each: one row, where threads wait for each other; a part of a batch for each of two or three.
SHAPES = {"one row": (60, 1, 64), "two threads' work": (20, 8, 64), "many threads' work": (40, 32, 64)}


def threads() -> set[str]:
    return set(os.listdir(TASKS))


@pytest.fixture
def many() -> Iterator[int]:
    """More threads than the work is for."""
    before, count = torch.get_num_threads(), 6
    torch.set_num_threads(count)
    yield count
    torch.set_num_threads(before)


def train(layer: torch.nn.Module, x: torch.Tensor, between: Callable[[], object] = lambda: None) -> list[torch.Tensor]:
    """The outputs, and the gradients of all weights. between: called after the forward pass."""
    y, _ = layer(x)
    between()
    return [y.detach(), *torch.autograd.grad(y.square().sum(), [*layer.parameters()])]


@on_linux
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_thread_ends_because_there_is_little_work(shape: tuple[int, ...]) -> None:
    layer, x, large = LSTM(64, 64), torch.randn(shape), torch.randn(2_000_000)
    train(layer, x)
    torch.nn.functional.gelu(large)
    before = threads()
    for _ in range(3):
        train(layer, x)
        torch.nn.functional.gelu(large)
    assert threads() == before


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("kind", [LSTM, GRU])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_how_many_threads_there_are_may_change_at_any_time(kind: type[torch.nn.Module], shape: tuple[int, ...]) -> None:
    layer, x = kind(64, 64), torch.randn(shape)
    torch.set_num_threads(1)
    alone = train(layer, x)
    for forward, backward in ((1, 6), (6, 1), (2, 5), (5, 2), (3, 3)):
        torch.set_num_threads(forward)
        results = train(layer, x, lambda backward=backward: torch.set_num_threads(backward))
        assert all(torch.equal(a, b) for a, b in zip(results, alone, strict=True))


class Encoded(Dataset[torch.Tensor]):
    """Sequences that a layer has read, as where features are computed by workers."""

    def __init__(self) -> None:
        # Too few numbers for torch to share out by itself: in a forked child it would wait for threads that are gone.
        self.layer, self.x = LSTM(64, 64), torch.randn(30, 16, 64)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return train(self.layer, self.x * (index + 1))[0]


@pytest.fixture
def pool_of_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Where torch's pool was asked for; a forked child, whose parent has its threads, would wait for ever."""
    asked: list[int] = []
    task = pools._OpenMP.task

    def noted(self: pools._OpenMP, *arguments: Any) -> tuple[int, ...]:
        asked.append(os.getpid())
        assert asked[-1] == here
        return task(self, *arguments)

    here = os.getpid()
    for written in (small._forward, small._backward):  # scripts ask when they are written
        written.cache_clear()
    monkeypatch.setattr(pools._OpenMP, "task", noted)
    yield asked
    assert asked


@can_fork
@forks
@pytest.mark.usefixtures("many", "pool_of_this_process")
def test_workers_of_a_data_loader_keep_to_one_thread() -> None:
    data = Encoded()
    expected = [data[index] for index in range(len(data))]
    read = list(DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context="fork"))
    assert all(torch.equal(y, other) for y, other in zip(read, expected, strict=True))


@can_fork
@forks
@pytest.mark.usefixtures("many", "pool_of_this_process")
def test_a_forked_process_keeps_to_one_thread() -> None:
    """Whatever it is told, and told again."""
    data = Encoded()
    data[0]
    child = os.fork()
    if child == 0:
        code = 1
        signal.alarm(60)  # so that one that waits for ever fails
        try:
            torch.set_num_threads(4)
            data[0]
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
