"""Rows of a batch shared out among threads, without a barrier inside a sweep.

torch keeps a pool of OpenMP threads that go on spinning for a while after each operation, so threads of our own would
compete with them for the cores. Where torch's OpenMP library can be reached, its pool runs our kernels too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from llvmlite import ir

from ...compiler.render.llvm_math import I32, I64
from ..small import is_forked, usable_threads
from .compile import Runnable, engine_of, made_once
from .kept_code import Source
from .loops import numbers
from .team import TASK
from .writer import POINTER

# Multiplications that occupy one thread for some 50 microseconds. Less is not worth waking another, above all
# where other processes keep the cores busy.
_WORTH_SHARING = 2_000_000


# The same for threads that wait for each other after every step. Two may take a third of a microsecond for that, and
# more of them take longer.
_WORTH_WAITING = 40_000
_WORTH_HALVING = 24_000


class _OpenMP(NamedTuple):
    """parallel: the function that runs another on a team, and its address. thread_number, thread_count: addresses of
    the functions that tell a thread which of how many it is."""

    parallel: Callable[[int, int, int, int], None]
    address: int
    thread_number: int
    thread_count: int

    def share(self, code: Runnable, argument: int, items: int, part: int) -> None:
        """Give it to a team, always of as many threads as torch's own are; those that are too many find nothing to do.

        A team of another size would cost more: where one is smaller than the last, threads end, and begin anew for the
        next.
        """
        task = (ctypes.c_int64 * len(TASK))(*self.task(argument, items, part))
        self.parallel(code.share, ctypes.addressof(task), torch.get_num_threads(), 0)

    def task(self, argument: int, items: int, part: int) -> tuple[int, ...]:
        """What each thread of a team is told; see :data:`.team.TASK`."""
        return argument, items, part, self.thread_number, self.thread_count


@lru_cache(maxsize=1)
def _openmp() -> _OpenMP | None:
    """The pool that torch uses; None where it has none that we know."""
    folder = Path(torch.__file__).parent
    for path in sorted(
        library_path for kind in ("lib/lib*omp*", "../torch.libs/lib*omp*") for library_path in folder.glob(kind)
    ):
        library = ctypes.CDLL(str(path))
        if all(hasattr(library, name) for name in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")):
            addresses = [
                ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
                for name in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
            ]
            library.GOMP_parallel.restype = None
            library.GOMP_parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
            return _OpenMP(library.GOMP_parallel, *addresses)
    return None


def can_share() -> bool:
    """Whether machine code can hand work to torch's threads."""
    return _openmp() is not None


def sharing(code: Runnable, argument: int, items: int, part: int) -> tuple[int, ...]:
    """What the function :func:`sharer` is told to do the same as :meth:`_OpenMP.share`."""
    pool = _openmp()
    assert pool is not None
    return (pool.address, code.share, torch.get_num_threads(), *pool.task(argument, items, part))


@made_once
def sharer() -> int:
    """The address of a function of (numbers of :func:`sharing`, 0, 0), for scripts."""
    engine = engine_of(Source("sharing", lambda: str(_sharer_module())))
    _MODULES.append(engine)
    return engine.get_function_address("run")


_MODULES: list[Any] = []  # machine code lives as long as its engine


def _sharer_module() -> ir.Module:
    module = ir.Module("sharing")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    given = numbers(builder, function.args[0], ("parallel", "share", "threads"))
    task = builder.ptrtoint(builder.gep(function.args[0], [I64(len(given))], source_etype=I64), I64)
    parallel = ir.PointerType(ir.FunctionType(ir.VoidType(), (I64, I64, I32, I32)))
    threads = builder.trunc(given["threads"], I32)
    builder.call(builder.inttoptr(given["parallel"], parallel), (given["share"], task, threads, I32(0)))
    builder.ret_void()
    return module


@contextmanager
def _one_thread() -> Generator[None, None, None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def after_fork() -> AbstractContextManager[None]:
    """Keep to one thread in a forked child: the pool's threads stayed with the parent, and whatever waits for them,
    torch's own operations too, waits for ever."""
    return _one_thread() if is_forked() else nullcontext()


def wanted(work: int) -> int:
    """How many threads so many multiplications are worth."""
    return min(usable_threads(), 1 + work // _WORTH_SHARING)


def run(code: Runnable, argument: int, items: int, part: int, threads: int) -> None:
    """Run a kernel over all items, ``part`` at a time, on up to so many threads. argument: an address."""
    if threads <= 1 or part >= items:
        code.run(argument, 0, items)
        return
    pool = _openmp()
    if pool is None:
        _run_on_own_threads(code, argument, items, part, threads)
        return
    pool.share(code, argument, items, part)


def together(work: int) -> int:
    """How many threads are worth having wait for each other after every so many multiplications."""
    worth = max(1 + work // _WORTH_WAITING, 1 + (work >= _WORTH_HALVING))
    return min(usable_threads(), worth) if _openmp() else 1


def run_together(code: Runnable, argument: int, threads: int) -> None:
    """Run a kernel whose threads wait for each other: ``run(argument, number, count)`` on each."""
    pool = _openmp()
    if threads <= 1 or pool is None:
        code.run(argument, 0, 1)
        return
    pool.share(code, argument, threads, 1)


@lru_cache(maxsize=1)
def yield_address() -> int:
    """The address of a function that lets other threads run."""
    return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0


def _run_on_own_threads(code: Runnable, argument: int, items: int, part: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        starts = range(0, items, part)
        list(pool.map(lambda first: code.run(argument, first, min(first + part, items)), starts))
