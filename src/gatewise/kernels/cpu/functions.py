"""The kernels' functions over an array, for those who measure them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch
from llvmlite import ir
from torch import Tensor

from ...compiler.render.llvm_math import I64, Lanes
from .blocking import AVX512, Machine, this_machine
from .compile import runnable
from .kept_code import Source
from .loops import loop
from .writer import FORMATS, POINTER


def function(
    name: str, dtype: torch.dtype = torch.float32, *, brief: bool = False, machine: Machine | None = None
) -> Callable[[Tensor], Tensor]:
    """``exp``, ``tanh``, ``sigmoid`` or another function of ``render.llvm_math``, as the kernels compute it.

    brief: as those do whose products take bfloat16. machine: whose vectors it uses, by default this one's.
    """
    width = (machine or this_machine()).vector_bytes
    count = width // dtype.itemsize
    origin = ("over an array", name, dtype, brief, width)
    code = runnable(Source(origin, lambda: str(function_module(name, dtype, width, brief=brief))))

    def apply(x: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(x, (0, -len(x) % count))
        values = torch.empty_like(padded)
        task = (ctypes.c_int64 * 2)(padded.data_ptr(), values.data_ptr())
        code.run(ctypes.addressof(task), 0, len(padded))
        return values[: len(x)]

    return apply


def function_module(name: str, dtype: torch.dtype, width: int, *, brief: bool = False) -> ir.Module:
    """Its module. width: bytes of a vector."""
    form, count = FORMATS[dtype], width // dtype.itemsize
    module = ir.Module(name)
    run = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
    builder = ir.IRBuilder(run.append_basic_block("entry"))
    lanes = Lanes(builder, form, count, wide=width == AVX512, brief=brief)
    pair, first, end = run.args
    source, target = (builder.load(builder.gep(pair, [I64(i)], source_etype=I64), typ=I64) for i in range(2))
    with loop(builder, first, end, count) as index:
        place, goal = (
            builder.gep(builder.inttoptr(base, POINTER), [index], source_etype=form.scalar) for base in (source, target)
        )
        result = getattr(lanes, name)(builder.load(place, typ=lanes.vector, align=form.bytes))
        builder.store(result, goal, align=form.bytes)
    builder.ret_void()
    ir.Function(module, ir.FunctionType(ir.VoidType(), ()), "share").append_basic_block("entry")
    ir.IRBuilder(module.globals["share"].blocks[0]).ret_void()
    return module
