"""Calls into machine code written down once and played many times, by a single call from Python.

A small layer takes a few microseconds; filling a table of numbers in Python, or calling one kernel after another, takes
many times that. What a pass does depends on sizes alone, all but the addresses of its tensors. So it is written down
once for each size, with placeholders for addresses, and played by a compiled function that puts them in.
"""

from __future__ import annotations

import ctypes
import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import I64
from .compile import Runnable, engine_of, made_once
from .elements import columns_summed, functions
from .kept_code import Source
from .loops import loop, numbers
from .memory import lent
from .threads import sharer, sharing, wanted
from .writer import POINTER

# Which of the addresses that a script is played with begin at the addresses themselves, at scratch memory, and at the
# script's own numbers; those of arguments follow.
_ADDRESSES, _SCRATCH, _NUMBERS = range(3)
_SHIFT = 48  # bits of an address; a placeholder has one more than the number of its memory above them
_LINE = 64  # bytes of a cache line

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
_HEADER = ("length", "template", "patches", "patch", "calls", "first_call")
_PATCH = ("slot", "memory", "offset")
_CALL = ("function", "a", "b", "c")


@dataclass(frozen=True)
class Unplaced:
    """Contiguous memory of which only the address is missing; it is asked what kernels ask of a tensor.

    memory: which of the script's. offset: in bytes. row: from one row to the next, in elements.
    """

    memory: int
    offset: int
    shape: tuple[int, ...]
    itemsize: int
    row: int

    def data_ptr(self) -> int:
        """A placeholder for the address."""
        return ((self.memory + 1) << _SHIFT) + self.offset

    def stride(self, dim: int) -> int:
        """Of the first dimension, which is the only one that is asked for."""
        assert dim == 0
        return self.row

    def __len__(self) -> int:
        return self.shape[0]

    def at(self, row: int, column: int = 0) -> int:
        """A placeholder for the address of an element, of rows without dimensions of their own."""
        return self.data_ptr() + (row * self.row + column) * self.itemsize

    def __getitem__(self, index: int) -> Unplaced:
        """One row, contiguous."""
        inner = self.shape[1:]
        return Unplaced(
            self.memory, self.offset + index * self.row * self.itemsize, inner, self.itemsize, _size(inner[1:])
        )

    def part(self, start: int, *shape: int) -> Unplaced:
        """So much of contiguous memory, from an element on."""
        return Unplaced(self.memory, self.offset + start * self.itemsize, shape, self.itemsize, _size(shape[1:]))

    def in_words(self, itemsize: int) -> Unplaced:
        """The same memory as words of so many bytes, of which whole ones make a row."""
        columns = self.row * self.itemsize // itemsize
        return Unplaced(self.memory, self.offset, (*self.shape[:-1], columns), itemsize, columns)

    @property
    def bytes(self) -> int:
        """Of all rows, one behind the other."""
        return _size(self.shape) * self.itemsize


def _size(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


@dataclass
class ScriptWriter:
    """Writes a script: arguments and scratch memory, tables of numbers, and calls ``function(a, b, c)`` in order."""

    dtype: torch.dtype
    _arguments: int = 0
    _scratch: int = 0  # bytes
    _numbers: list[int] = field(default_factory=list[int])
    _calls: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    _alive: list[Any] = field(default_factory=list[Any])
    _limit: int = 0  # bits

    def argument(self, *shape: int, dtype: torch.dtype | None = None) -> Unplaced:
        """A contiguous tensor that the script is played with, in the order of these calls; of another dtype than the
        rest where one is given."""
        self._arguments += 1
        return self._place(_NUMBERS + self._arguments, 0, shape, dtype=dtype)

    def scratch(self, *shape: int, row: int = 0, dtype: torch.dtype | None = None) -> Unplaced:
        """Memory of a call's own. row: from one row to the next, where that is more than what they hold. dtype: as of
        arguments."""
        start = -(-self._scratch // _LINE) * _LINE
        place = self._place(_SCRATCH, start, shape, row, dtype)
        self._scratch = start + shape[0] * place.row * place.itemsize
        return place

    def zeros(self, *shape: int) -> Unplaced:
        """The same, filled with zeros."""
        place = self.scratch(*shape)
        self.clear(place)
        return place

    def _place(
        self, memory: int, offset: int, shape: tuple[int, ...], row: int = 0, dtype: torch.dtype | None = None
    ) -> Unplaced:
        return Unplaced(memory, offset, shape, (dtype or self.dtype).itemsize, row or _size(shape[1:]))

    def table(self, content: Sequence[int]) -> int:
        """A placeholder for the address of these numbers, among which there may be placeholders."""
        start = ((_NUMBERS + 1) << _SHIFT) + 8 * len(self._numbers)
        self._numbers += content
        return start

    def keep(self, content: Any) -> None:
        """Something that numbers of the script point to, alive as long as the script is."""
        self._alive.append(content)

    def call(self, function: int, a: int, b: int, c: int) -> None:
        """Call the function at an address."""
        self._calls.append((function, a, b, c))

    def run(self, code: Runnable, argument: int, items: int, part: int, threads: int) -> None:
        """Run a kernel over all items, as :func:`.threads.run`."""
        if threads <= 1 or part >= items:
            self.call(code.address, argument, 0, items)
        else:
            self.call(sharer(), self.table(sharing(code, argument, items, part)), 0, 0)

    def run_in_parts(self, code: Runnable, argument: int, items: int, threads: int) -> None:
        """The same with one part for each thread."""
        self.run(code, argument, items, -(-items // max(1, threads)), threads)

    def clear(self, place: Unplaced) -> None:
        """Zeros."""
        if place.bytes:
            self.call(_address(ctypes.memset), place.data_ptr(), 0, place.bytes)

    def copy(self, target: int, source: int, count: int) -> None:
        """So many elements, from address to address."""
        if count:
            self.call(_address(ctypes.memmove), target, source, count * self.dtype.itemsize)

    def add(self, target: int, a: int, b: int, count: int) -> None:
        """The sums of so many elements each."""
        self.call(functions(self.dtype)["add"].address, self.table((a, b, target)), 0, count)

    def sum_rows(self, target: int, source: int, rows: int, row: int, count: int) -> None:
        """The sums over rows of so many columns."""
        task = self.table((source, row, rows, target))
        self.run_in_parts(functions(self.dtype)["sum_rows"], task, count, wanted(rows * count))

    def sum_columns(self, target: int, target_row: int, source: Unplaced) -> None:
        """The sums over columns of rows, which go so far apart."""
        rows, columns = source.shape
        task = self.table((source.data_ptr(), source.row, columns, target, target_row))
        self.call(columns_summed(self.dtype).address, task, 0, rows)

    def measure(self, source: Unplaced, limit: float, dtype: torch.dtype | None = None) -> None:
        """Let the script say whether an element is larger than that, or not finite. dtype: as of arguments."""
        dtype = dtype or self.dtype
        self._limit = int(torch.tensor(limit, dtype=dtype).view(_INTEGERS[dtype.itemsize]))
        where = ((_ADDRESSES + 1) << _SHIFT) + 8  # after the address of the addresses, where it is not asked for
        self.call(functions(dtype)["largest"].address, self.table((source.data_ptr(), where)), 0, _size(source.shape))

    def written(self) -> PlayableScript:
        """The script, complete."""
        content = [*self._numbers, *(number for call in self._calls for number in call)]
        patches = [
            (slot, (number >> _SHIFT) - 1, number & ((1 << _SHIFT) - 1))
            for slot, number in enumerate(content)
            if number >> _SHIFT > 0
        ]
        template = (ctypes.c_int64 * len(content))(*content)
        patch = (ctypes.c_int64 * (len(_PATCH) * len(patches)))(*(number for patch in patches for number in patch))
        sizes = (len(content), ctypes.addressof(template), len(patches), ctypes.addressof(patch), len(self._calls))
        header = (ctypes.c_int64 * len(_HEADER))(*sizes, len(self._numbers))
        start = -(-self._scratch // _LINE) * _LINE
        alive = (template, patch, *self._alive)
        return PlayableScript(self.dtype, header, start, start + 8 * len(content), self._arguments, self._limit, alive)


class PlayableScript:
    """Ready to be played, from any number of threads at once."""

    def __init__(
        self,
        dtype: torch.dtype,
        header: ctypes.Array[ctypes.c_int64],
        numbers: int,
        size: int,
        arguments: int,
        limit: int,
        alive: Any,
    ) -> None:
        self._header, self._limit, self._alive = header, limit, alive
        self._start, self._numbers = ctypes.addressof(header), numbers
        self._size, self._arguments = size, arguments
        self._play = _player()

    def play(self, arguments: Sequence[int]) -> bool:
        """Play it with the addresses of its arguments; see :meth:`..small.PlayableScript.play`."""
        start, memory = _scratch(self._size)
        assert len(arguments) == self._arguments
        addresses = array("q", (0, start, start + self._numbers, *arguments))
        addresses[_ADDRESSES] = address = addresses.buffer_info()[0]
        self._play(self._start, address, start + self._numbers)
        del memory
        return addresses[1] > self._limit  # bits of NaN and infinity are above those of any number


_KEPT = 2**20  # bytes of scratch memory that a thread keeps from call to call
_thread = threading.local()


def _scratch(size: int) -> tuple[int, Tensor]:
    """The address of so many bytes that nobody else uses, and what they belong to.

    A thread uses the same memory in every call, which nothing can interrupt; it is in its cache, and costs nothing to
    get. What is larger is lent.
    """
    if size > _KEPT:
        memory = lent(_BYTES, size)
        return memory.data_ptr(), memory
    try:
        address, memory = _thread.scratch
    except AttributeError:
        memory = torch.empty(_KEPT + _LINE, dtype=torch.uint8, device="cpu")
        address = -(-memory.data_ptr() // _LINE) * _LINE
        _thread.scratch = address, memory
    return address, memory


_BYTES = torch.empty(0, dtype=torch.uint8, device="cpu")


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


_MODULES: list[Any] = []  # machine code lives as long as its engine


@made_once
def _player() -> Any:
    """``play(header, addresses, numbers)``: the template copied, addresses put in, every call made."""
    engine = engine_of(Source("script", lambda: str(_player_module())))
    _MODULES.append(engine)
    signature = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
    return signature(engine.get_function_address("play"))


def _player_module() -> ir.Module:
    module = ir.Module("script")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER,) * 3), "play")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    header, addresses, content = function.args
    given = numbers(builder, header, _HEADER)

    def load(base: Any, index: Any) -> Any:
        return builder.load(builder.gep(base, [index], source_etype=I64), typ=I64)

    template, patches = (builder.inttoptr(given[name], POINTER) for name in ("template", "patch"))
    with loop(builder, I64(0), given["length"], 1) as index:
        builder.store(load(template, index), builder.gep(content, [index], source_etype=I64))
    with loop(builder, I64(0), given["patches"], 1) as index:
        base = builder.gep(patches, [builder.mul(index, I64(len(_PATCH)))], source_etype=I64)
        patch = numbers(builder, base, _PATCH)
        number = builder.add(load(addresses, patch["memory"]), patch["offset"])
        builder.store(number, builder.gep(content, [patch["slot"]], source_etype=I64))
    kind = ir.PointerType(ir.FunctionType(ir.VoidType(), (I64,) * 3))
    calls = builder.gep(content, [given["first_call"]], source_etype=I64)
    with loop(builder, I64(0), given["calls"], 1) as index:
        base = builder.gep(calls, [builder.mul(index, I64(len(_CALL)))], source_etype=I64)
        call = numbers(builder, base, _CALL)
        builder.call(builder.inttoptr(call["function"], kind), [call[name] for name in ("a", "b", "c")])
    builder.ret_void()
    return module
