"""Trainings at once, in forked processes and in threads, give what each gives alone, bit for bit."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_all_start_methods, get_context

import pytest
import torch

from gatewise import cache
from gatewise.cells import CELLS
from gatewise.kernels.cpu import compile as compiling
from gatewise.kernels.cpu import memory, passes
from gatewise.kernels.cpu.kept_code import Source
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.registry import register
from gatewise.nn import GRU, LSTM

from ..matrix import random_layer

SEEDS = range(4)
FORWARD_ONLY = threading.Barrier(1)
can_fork = pytest.mark.skipif("fork" not in get_all_start_methods(), reason="no forks on this system")
# Python warns of threads in a process that forks, and a test worker has one.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def train(kind, seed, all_ran_forward=FORWARD_ONLY):
    """The weights after some steps. Backward begins when all have run forward, and read what was kept."""
    generator = torch.Generator().manual_seed(seed)
    module = kind(3, 16)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / 4)
    for _ in range(3):
        y, _ = module(torch.randn(20, 4, 3, generator=generator))
        all_ran_forward.wait(timeout=60)
        gradients = torch.autograd.grad(y.square().sum(), list(module.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(module.parameters(), gradients, strict=True):
                weight -= 0.01 * gradient
    return b"".join(weight.detach().numpy().tobytes() for weight in module.parameters())


@pytest.fixture(autouse=True)
def everything_is_lent(monkeypatch):
    monkeypatch.setattr(memory, "_WORTH_LENDING", 1)


def train_here(kind, seed):
    return train(kind, seed, _barrier)


def meet_at(barrier, graph):
    global _barrier
    _barrier = barrier
    torch.set_num_threads(1)
    graph.clear()  # what it kept for its backward pass is lent again, in this process


@can_fork
@forks
@pytest.mark.parametrize("kind", [LSTM, pytest.param(GRU, marks=pytest.mark.slow)])
def test_four_forked_trainings_and_the_one_that_was_going_on(kind):
    alone = [train(kind, seed) for seed in SEEDS]
    module, x = kind(3, 16), torch.randn(20, 4, 3)
    expected = torch.autograd.grad(module(x)[0].square().sum(), module.weight_hh_l0)[0]
    graph = [module(x)[0].square().sum()]
    fork = get_context("fork")
    start = (fork.Barrier(len(SEEDS)), graph)
    with ProcessPoolExecutor(len(SEEDS), fork, initializer=meet_at, initargs=start) as pool:
        assert list(pool.map(train_here, [kind] * len(SEEDS), SEEDS)) == alone
    assert torch.equal(torch.autograd.grad(graph[0], module.weight_hh_l0)[0], expected)


def compile_something():
    compiling.engine_of(Source("something", lambda: "define void @f() { ret void }"))


def ends_well(function):
    """Whether a forked process that calls it comes to its end."""
    child = get_context("fork").Process(target=function)
    child.start()
    child.join(timeout=20)
    child.kill()
    return child.exitcode == 0


def fork_once(begun, busy):
    """Compile in a forked child, when a thread that is busy with something has begun."""
    thread = threading.Thread(target=busy)
    thread.start()
    assert begun.wait(timeout=20)
    assert ends_well(compile_something)
    thread.join()


@can_fork
@forks
def test_a_fork_while_another_thread_compiles(monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, cache.OFF)
    begun, optimised = threading.Event(), compiling.optimised

    def slowly(text):
        begun.set()
        time.sleep(0.2)
        return optimised(text)

    monkeypatch.setattr(compiling, "optimised", slowly)
    fork_once(begun, compile_something)


@can_fork
@forks
def test_a_fork_while_another_thread_is_in_llvm():
    """As one is that drops an engine, long after ours is done."""
    begun = threading.Event()

    def stay():
        with compiling._LLVMS:
            begun.set()
            time.sleep(0.2)

    fork_once(begun, stay)


@can_fork
@forks
def test_a_fork_while_another_thread_borrows_memory():
    with memory._blocks._lock:
        assert ends_well(lambda: memory.lent(torch.empty(0), 4))


@pytest.mark.parametrize("kind", [LSTM, pytest.param(GRU, marks=pytest.mark.slow)])
def test_four_trainings_in_threads(kind):
    alone = [train(kind, seed) for seed in SEEDS]
    barrier = threading.Barrier(len(SEEDS))
    with ThreadPoolExecutor(len(SEEDS)) as pool:
        assert list(pool.map(lambda seed: train(kind, seed, barrier), SEEDS)) == alone


def test_batch_sizes_that_another_thread_changes_are_those_that_were_checked(monkeypatch):
    """A kernel goes by them wherever they lead, and a first call compiles between the check and the kernel."""
    cell, sizes, plan = CELLS["lstm"], torch.tensor([3, 3, 1]), passes.forward_plan
    layer = random_layer(cell, 3, 3, 2, 4, dtype=torch.float32, batch_sizes=sizes)
    expected = sequence(register(cell), layer).y

    def planned(*arguments):
        sizes.fill_(1)
        return plan(*arguments)

    monkeypatch.setattr(passes, "forward_plan", planned)
    assert torch.equal(sequence(register(cell), layer).y, expected)
