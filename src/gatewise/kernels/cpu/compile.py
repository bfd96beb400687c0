"""From an LLVM module to machine code in this process."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from llvmlite import binding

from ...compiler.stages import Sweep, with_products_apart
from .blocking import MOST_VECTORS, Machine, Tile, this_machine
from .emit import SweepEmitter
from .few_rows import FewEmitter
from .kept_code import Source, code_of
from .table import SlotTable


@dataclass(frozen=True)
class Runnable:
    """Machine code, callable from several threads at once.

    run: (address of an argument, first item, end). share: the address of the function for a team of threads.
    engine: owns the machine code.
    """

    run: Callable[[int, int, int], None]
    share: int
    engine: Any

    @property
    def address(self) -> int:
        """Of ``run``, for machine code that calls it."""
        return ctypes.cast(self.run, ctypes.c_void_p).value or 0  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Kernel:
    """A compiled sweep: what its table holds, how it is cut for registers, and the code."""

    table: SlotTable
    tiles: tuple[Tile, ...]
    code: Runnable


def target_machine() -> binding.TargetMachine:
    """This processor, as LLVM generates code for it; new for every use, since an engine owns the one it is given."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    features = binding.get_host_cpu_features().flatten()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(cpu=binding.get_host_cpu_name(), features=features, opt=3, jit=True)


def optimised(text: str) -> binding.ModuleRef:
    """The module with its small functions inlined.

    LLVM's other passes are left out: they took as long as generating the code, and left nothing faster. What they
    look for is not written in the first place: sums stay in registers from the start (see :func:`.loops.carrying`),
    what a loop does not change stands before it, and vectors are vectors.
    """
    module = binding.parse_assembly(text)
    module.verify()
    passes = binding.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.run(module, binding.create_pass_builder(target_machine(), binding.create_pipeline_tuning_options()))
    return module


FOR_FEW_ROWS = 0  # vectors in a block of units, where the kernel is one for few rows


def llvm_text(sweep: Sweep, dtype: torch.dtype, vectors: int = MOST_VECTORS, *, machine: Machine | None = None) -> str:
    """The module of a sweep before LLVM's passes, as it is written for a processor, this one without it.

    vectors: the most in one block of units, or ``FOR_FEW_ROWS``.
    """
    return _written(_emitter(sweep, dtype, vectors, machine or this_machine()))


def _emitter(sweep: Sweep, dtype: torch.dtype, vectors: int, machine: Machine) -> SweepEmitter | FewEmitter:
    sweep = with_products_apart(sweep)
    if vectors == FOR_FEW_ROWS:
        return FewEmitter(sweep, dtype, machine)
    return SweepEmitter(sweep, dtype, machine, most_vectors=vectors)


def _written(emitter: SweepEmitter | FewEmitter) -> str:
    """A module is ten thousands of objects that refer to each other and die together: looking for garbage among
    them, and among all that torch has, takes longer than writing them."""
    with _one_at_a_time:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return str(emitter.emit())
        finally:
            if enabled:
                gc.enable()


_one_at_a_time = threading.RLock()  # LLVM's code generation is not safe from several threads
_LLVMS: Any = getattr(binding.ffi.lib, "_lock", nullcontext())  # llvmlite's own lock, around every call of LLVM


def _before_fork() -> None:
    """Wait until LLVM is done: a child has no use for half of what it made, nor for locks whose threads it lacks."""
    _one_at_a_time.acquire()
    _LLVMS.__enter__()


def _after_fork() -> None:
    _LLVMS.__exit__(None, None, None)
    _one_at_a_time.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


_Arguments = ParamSpec("_Arguments")
_Made = TypeVar("_Made")


def made_once(make: Callable[_Arguments, _Made]) -> Callable[_Arguments, _Made]:
    """Remember what a function makes for its arguments, and let threads that ask at once wait for the first of them.

    For what is compiled, which LLVM does for one thread at a time anyway.
    """
    made: dict[tuple[object, ...], _Made] = {}

    @wraps(make)
    def of(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Made:
        key = (*arguments, *named.items())
        if key not in made:
            with _one_at_a_time:
                if key not in made:
                    made[key] = make(*arguments, **named)
        return made[key]

    return of


def engine_of(source: Source) -> Any:
    """An execution engine with the machine code of a module."""
    with _one_at_a_time:
        code = code_of(source, _generated)
        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
        engine.set_object_cache(getbuffer_func=lambda module: code)  # in place of what LLVM would make of no text
        engine.finalize_object()
    return engine


def _generated(text: str) -> bytes:
    return target_machine().emit_object(optimised(text))


def runnable(source: Source) -> Runnable:
    """The functions ``run`` and ``share`` of a module."""
    with _one_at_a_time:
        engine = engine_of(source)
        run, share = (engine.get_function_address(name) for name in ("run", "share"))
    signature = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    return Runnable(signature(run), share, engine)


def compile_sweep(sweep: Sweep, dtype: torch.dtype, vectors: int = MOST_VECTORS) -> Kernel:
    """Machine code for one sweep and dtype, right for every size, fastest where blocks of units have so many vectors.

    vectors: the most in one block of units, or ``FOR_FEW_ROWS``.
    """
    emitter = _emitter(sweep, dtype, vectors, this_machine())
    code = runnable(Source((emitter.sweep, dtype, vectors, emitter.writer.pairs), lambda: _written(emitter)))
    return Kernel(emitter.writer.table, tuple(emitter.tiles), code)
