"""The functions of the GPU kernels, on tiles of float32 or float64. Reviewed here, used everywhere.

Written with Triton's own exp and log alone, which every target and the interpreter have. NaN stays NaN, as in torch.
"""

# pyright: basic
from __future__ import annotations

import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]


@triton.jit
def exp(x):
    """``exp(x)``."""
    return tl.exp(x)


@triton.jit
def log(x):
    """``log(x)``."""
    return tl.log(x)


@triton.jit
def sqrt(x):
    """``sqrt(x)``."""
    return tl.sqrt(x)


@triton.jit
def sigmoid(x):
    """``1 / (1 + exp(-x))``, without overflow, small values with all their digits."""
    e = tl.exp(-tl.abs(x))
    return tl.where(x < 0.0, e, 1.0) / (1.0 + e)


@triton.jit
def tanh(x):
    """``tanh(x)``: below one half a quotient of polynomials, Lambert's continued fraction cut after nine terms, right
    to 1e-21; above it by the exponential function of what is not positive, which cannot overflow."""
    size = tl.abs(x)
    e = tl.exp(-2.0 * size)
    s = x * x
    odd = 0.00392156862745098 + s * (2.8729440494146376e-05 + s * 2.901963686277412e-08)
    odd = 1.0 + s * (0.13725490196078433 + s * odd)
    even = 0.027450980392156862 + s * (0.00040221216691804925 + s * 1.3058836588248353e-06)
    even = 1.0 + s * (0.47058823529411764 + s * even)
    small = size < 0.5
    y = tl.where(small, size * odd, 1.0 - e) / tl.where(small, even, 1.0 + e)
    return tl.where(x < 0.0, -y, y)


@triton.jit
def log_sigmoid(x):
    """``log(sigmoid(x))``; ``log(1 + e)`` keeps the digits of a small e by Kahan's quotient."""
    e = tl.exp(-tl.abs(x))
    u = 1.0 + e
    grown = u - 1.0
    whole = grown == 0.0
    rise = tl.where(whole, e, tl.log(u) * (e / tl.where(whole, 1.0, grown)))
    return tl.where(x < 0.0, x, 0.0) - rise


@triton.jit
def relu(x):
    """The larger of x and 0."""
    return tl.where(x < 0.0, 0.0, x)


@triton.jit
def abs(x):
    """``|x|``."""
    return tl.abs(x)


@triton.jit
def maximum(a, b):
    """The larger, NaN where one is NaN."""
    return tl.where(a != a, a, tl.where(b > a, b, tl.where(b != b, b, a)))


@triton.jit
def minimum(a, b):
    """The smaller, NaN where one is NaN."""
    return tl.where(a != a, a, tl.where(b < a, b, tl.where(b != b, b, a)))


@triton.jit
def sin(x):
    """The sine."""
    return tl.sin(x)


@triton.jit
def cos(x):
    """The cosine."""
    return tl.cos(x)


@triton.jit
def floor(x):
    """The largest whole number that is not larger."""
    return tl.floor(x)


@triton.jit
def row_sum(values, inside, count):
    """The sum over the units of each row that are inside, in a column."""
    return tl.expand_dims(tl.sum(tl.where(inside, values, 0.0), axis=1), 1)


@triton.jit
def row_mean(values, inside, count):
    """Their mean."""
    return row_sum(values, inside, count) / count


@triton.jit
def row_amax(values, inside, count):
    """The largest of them."""
    return tl.expand_dims(tl.max(tl.where(inside, values, float("-inf")), axis=1), 1)
