"""Random masks: draws that hit with some probability, made by a compiled kernel from a seed and each number's place.

Philox4x32-10 of Salmon, Moraes, Dror, Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011: a number is a
function of a key and a counter, so any part of a mask can be made by any thread, in any order, with any vectors.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import I32, I64
from ...equation import Noise
from .blocking import this_machine
from .compile import Runnable, made_once, runnable
from .kept_code import Source
from .loops import loop, numbers
from .memory import lent
from .team import emit_share
from .threads import run, wanted
from .writer import FORMATS, POINTER

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)  # what is added to the two halves of the key from round to round
_ROUNDS = 10
_WORDS = 4  # that one counter gives
_COUNTERS = 16  # of a group: word w of its counter l is the draw at w * 16 + l
GROUP = _WORDS * _COUNTERS
"""Elements that are drawn together. Not the width of this machine's vectors: a seed gives the same mask everywhere."""

DTYPES = (torch.float32, torch.float64)
"""Of tensors that can be filled."""

_MULTIPLICATIONS = 8  # that take about as long as one draw


def masks(noise: Sequence[Noise], rows: int, units: int, like: Tensor) -> Tensor:
    """Draws of each kind, (K, rows, H), from a seed that torch's own generator of the CPU gives.

    like: a tensor on the CPU, of `DTYPES`.
    """
    seed = int(torch.empty((), dtype=torch.int64, device="cpu").random_())
    found = lent(like.detach(), len(noise), rows, units)
    for stream, (one, draw) in enumerate(zip(found, noise, strict=True)):
        target = like.new_empty(rows, 1) if draw.shared else one
        fill(target, seed, stream, draw.rate, draw.hit, draw.miss)
        if draw.shared:
            one.copy_(target.expand(rows, units))
    return found


def fill(target: Tensor, seed: int, stream: int, rate: float, hit: float, miss: float) -> None:
    """Let each element be ``hit`` with probability ``rate``, else ``miss``.

    target: a contiguous tensor of float32 or float64 on the CPU. seed: of 64 bits. stream: of 32 bits; those of one
    seed are independent of each other.
    """
    threshold = min(2**32 - 1, round(rate * 2**32))
    values = struct.unpack("2q", struct.pack("2d", hit, miss))
    task = (ctypes.c_int64 * len(_TASK))(target.data_ptr(), target.numel(), seed, stream, threshold, *values)
    groups = -(-target.numel() // GROUP)
    threads = wanted(target.numel() * _MULTIPLICATIONS)
    run(_filler(target.dtype), ctypes.addressof(task), groups, -(-groups // threads) if groups else 1, threads)


_TASK = ("target", "count", "seed", "stream", "threshold", "hit", "miss")


@made_once
def _filler(dtype: torch.dtype) -> Runnable:
    """``run(task, first group, end)``."""
    return runnable(Source(("draws", dtype), lambda: str(_Filler(dtype).emit())))


class _Filler:
    """Writes the module."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.format = FORMATS[dtype]
        self.count = this_machine().vector_bytes // 4
        self.words = ir.VectorType(I32, self.count)
        self.module = ir.Module(f"draws_f{8 * self.format.bytes}")
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.run = function

    def emit(self) -> ir.Module:
        """The module, complete."""
        builder, (task, first, end) = self.builder, self.run.args
        room = builder.bitcast(builder.alloca(self.format.scalar, I64(GROUP)), POINTER)
        given = numbers(builder, task, _TASK)
        keys = self._keys(given["seed"])
        threshold, stream = (self._splat(builder.trunc(given[name], I32)) for name in ("threshold", "stream"))
        hit, miss = (self._splat(self._value(given[name])) for name in ("hit", "miss"))
        target = builder.inttoptr(given["target"], POINTER)
        whole = builder.udiv(given["count"], I64(GROUP))
        with loop(builder, first, end, 1) as group:
            done = builder.mul(group, I64(GROUP))
            is_whole = builder.icmp_signed("<", group, whole)
            place = builder.select(is_whole, self._at(target, done), room)
            with loop(builder, I64(0), I64(_COUNTERS), self.count) as part:
                for word, numbers_of in enumerate(self._philox(self._counter(group, part, stream), keys)):
                    drawn = builder.select(builder.icmp_unsigned("<", numbers_of, threshold), hit, miss)
                    at = self._at(place, builder.add(part, I64(word * _COUNTERS)))
                    builder.store(drawn, at, align=self.format.bytes)
            with builder.if_then(builder.not_(is_whole)), loop(builder, done, given["count"], 1) as index:
                number = builder.load(self._at(room, builder.sub(index, done)), typ=self.format.scalar)
                builder.store(number, self._at(target, index))
        builder.ret_void()
        emit_share(self.module, self.run)
        return self.module

    def _at(self, base: Any, offset: Any) -> Any:
        return self.builder.gep(base, [offset], source_etype=self.format.scalar)

    def _value(self, bits: Any) -> Any:
        """A float64, as what is drawn."""
        number = self.builder.bitcast(bits, ir.DoubleType())
        return number if self.format.bytes == 8 else self.builder.fptrunc(number, self.format.scalar)

    def _splat(self, scalar: Any) -> Any:
        kind = ir.VectorType(scalar.type, self.count)
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, I32(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(self.words, [0] * self.count))

    def _keys(self, seed: Any) -> list[tuple[Any, Any]]:
        """Of every round."""
        halves = [self.builder.trunc(half, I32) for half in (seed, self.builder.lshr(seed, I64(32)))]
        steps = [[I32(step * number & 0xFFFFFFFF) for number in _WEYL] for step in range(_ROUNDS)]
        return [
            tuple(self._splat(self.builder.add(half, step)) for half, step in zip(halves, both, strict=True))
            for both in steps
        ]  # pyright: ignore[reportReturnType]

    def _counter(self, group: Any, part: Any, stream: Any) -> list[Any]:
        """Neighbouring counters from one on: their number in 64 bits, then the stream, then nothing."""
        builder = self.builder
        first = builder.add(builder.mul(group, I64(_COUNTERS)), part)
        lanes = ir.Constant(self.words, list(range(self.count)))
        low = builder.add(self._splat(builder.trunc(first, I32)), lanes)  # groups of 16: the low half never runs over
        high = self._splat(builder.trunc(builder.lshr(first, I64(32)), I32))
        return [low, high, stream, ir.Constant(self.words, [0] * self.count)]

    def _philox(self, counter: list[Any], keys: list[tuple[Any, Any]]) -> list[Any]:
        builder = self.builder
        for key in keys:
            (high_0, low_0), (high_1, low_1) = (
                self._product(counter[word], number) for word, number in zip((0, 2), _MULTIPLIERS, strict=True)
            )
            mixed = (builder.xor(high_1, counter[1]), builder.xor(high_0, counter[3]))
            first, third = (builder.xor(word, part) for word, part in zip(mixed, key, strict=True))
            counter = [first, low_1, third, low_0]
        return counter

    def _product(self, words: Any, number: int) -> tuple[Any, Any]:
        """The high and low words of products of 32 bits, of even and of odd places apart as processors multiply."""
        builder, pairs = self.builder, ir.VectorType(I64, self.count // 2)

        def every(value: int) -> ir.Constant:
            return ir.Constant(pairs, [value] * (self.count // 2))

        both = builder.bitcast(words, pairs)
        even = builder.mul(builder.and_(both, every(0xFFFFFFFF)), every(number))
        odd = builder.mul(builder.lshr(both, every(32)), every(number))
        even, odd = (builder.bitcast(product, self.words) for product in (even, odd))
        places = [[at + (place & 1) * self.count + (place & ~1) for place in range(self.count)] for at in (1, 0)]
        return tuple(builder.shuffle_vector(even, odd, ir.Constant(self.words, mask)) for mask in places)  # pyright: ignore[reportReturnType]
