from __future__ import annotations

import ctypes

import numpy as np
import pytest
from llvmlite import ir

from gatewise.compiler.render.llvm_math import FLOAT32, Lanes
from gatewise.kernels.cpu.compile import engine_of
from gatewise.kernels.cpu.tile import AVX512, this_machine

from ..tolerance import ULP

POINTER = ir.PointerType()
EDGES = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38, 88.0, 89.0, 104.0, 1e38, np.inf, np.nan], np.float32)


def compiled(name: str):
    """The function of the kernels on one vector at a time."""
    lanes = this_machine().vector_bytes // 4
    module = ir.Module(name)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER, POINTER)), "run")
    builder = ir.IRBuilder(function.append_basic_block())
    writer = Lanes(builder, FLOAT32, lanes, wide=this_machine().vector_bytes == AVX512)
    x = builder.load(function.args[0], typ=writer.vector, align=4)
    builder.store(getattr(writer, name)(x), function.args[1], align=4)
    builder.ret_void()
    engine = engine_of(str(module))
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(engine.get_function_address("run"))

    def apply(x: np.ndarray) -> np.ndarray:
        padded = np.resize(x, -(-len(x) // lanes) * lanes).astype(np.float32)
        result = np.empty_like(padded)
        for start in range(0, len(padded), lanes):
            call(padded.ctypes.data + 4 * start, result.ctypes.data + 4 * start)
        return result[: len(x)]

    return apply, engine


EXACT = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_functions_are_right_to_the_last_digits(name):
    apply, _engine = compiled(name)
    generator = np.random.default_rng(0)
    scales = 10.0 ** generator.uniform(-30, 2, 200_000)
    x = np.concatenate((EDGES, -EDGES, generator.normal(size=200_000) * scales, np.linspace(-100, 100, 400_001)))
    x = x.astype(np.float32)
    found, expected = apply(x).astype(np.float64), EXACT[name](x.astype(np.float64))
    assert np.array_equal(np.isnan(found), np.isnan(x)), "NaN in, NaN out, and only then"
    tiny, largest = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    normal = (np.abs(expected) >= tiny) & (np.abs(expected) <= largest)
    spacing = np.spacing(np.abs(expected[normal]).astype(np.float32)).astype(np.float64)
    assert (np.abs(found[normal] - expected[normal]) / spacing).max() <= ULP[name]
    assert np.all(found[expected > largest * 1.001] == np.inf)
    small = np.abs(expected) < tiny
    assert np.all(np.abs(found[small] - expected[small]) <= tiny)
