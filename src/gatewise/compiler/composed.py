"""Functions that a step may use and programs have no operation for: each is a composition of others.

Every one has its name and arguments in PyTorch, whatever these change in the result. Composed once, when a step is
recorded, they have their derivatives, kernels, files and pictures from the operations that they are made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..equation import Operand, Value
from ..errors import CellError
from ..value import constant


def _where(condition: Operand, a: Operand, b: Operand) -> Value:
    return Value("where", condition, a, b)


def _sigmoid(a: Operand) -> Value:
    return Value("sigmoid", a)


def _minimum(a: Operand, b: Operand) -> Value:
    return Value("minimum", a, b)


def _maximum(a: Operand, b: Operand) -> Value:
    return Value("maximum", a, b)


def clamp(input: Operand, min: Operand | None = None, max: Operand | None = None) -> Operand:
    """Between bounds, either of which may be missing."""
    if min is None and max is None:
        raise CellError("clamp without bounds", hint="clamp(a, min=-1.0, max=1.0)")
    bounded = input if min is None else _maximum(input, min)
    return bounded if max is None else _minimum(bounded, max)


def power(input: Operand, exponent: Operand) -> Operand:
    """A power of which either the exponent or the base is a number."""
    if isinstance(exponent, Value):
        if isinstance(input, Value) or not constant(input) > 0.0:
            raise CellError(
                "the step raises to a power that is no number",
                hint="write torch.exp(b * torch.log(a)), for positive a",
            )
        return Value("exp", exponent * math.log(constant(input)))
    base, number = input, constant(exponent)
    if number < 0.0:
        return 1.0 / power(base, -number)
    if number != int(number) or number > _MOST_FACTORS:
        root = Value("sqrt", base)
        return root if number == 0.5 else Value("exp", number * Value("log", base))
    return _whole_power(base, int(number)) if number else base * 0.0 + 1.0


_MOST_FACTORS = 64


def _whole_power(base: Operand, exponent: int) -> Operand:
    """By squares, so that the power of 8 takes three products."""
    if exponent == 1:
        return base
    half = _whole_power(base, exponent // 2)
    return half * half * base if exponent % 2 else half * half


def softplus(input: Operand, beta: float = 1.0, threshold: float = 20.0) -> Value:
    """log(1 + exp(beta a)) / beta, and a itself above the threshold, as in PyTorch."""
    scaled = input if beta == 1.0 else beta * input
    curve = -Value("log_sigmoid", -scaled)
    return _where(Value("gt", scaled, threshold), input, curve if beta == 1.0 else curve / beta)


def gelu(input: Operand, approximate: str = "none") -> Value:
    """By tanh; the error function itself is no operation of programs."""
    if approximate != "tanh":
        raise CellError("the step calls gelu by the error function", hint='write gelu(a, approximate="tanh")')
    inner = math.sqrt(2.0 / math.pi) * (input + 0.044715 * (input * input * input))
    return 0.5 * input * (1.0 + Value("tanh", inner))


def elu(input: Operand, alpha: float = 1.0) -> Value:
    """What is negative along an exponential."""
    return _where(Value("gt", input, 0.0), input, alpha * (Value("exp", _minimum(input, 0.0)) - 1.0))


def leaky_relu(input: Operand, negative_slope: float = 0.01) -> Value:
    """What is negative times a small slope."""
    return _where(Value("gt", input, 0.0), input, negative_slope * input)


def hardtanh(input: Operand, min_val: float = -1.0, max_val: float = 1.0) -> Operand:
    """A line between bounds."""
    return clamp(input, min_val, max_val)


def hardsigmoid(input: Operand) -> Operand:
    """A line from 0 at -3 to 1 at 3."""
    return clamp(input + 3.0, 0.0, 6.0) / 6.0


def sign(input: Operand) -> Value:
    """-1, 0 or 1."""
    return _where(Value("gt", input, 0.0), 1.0, _where(Value("lt", input, 0.0), -1.0, 0.0))


def larger(input: Operand, other: Operand) -> Value:
    """The larger of two; the largest over units is ``amax(-1, keepdim=True)``."""
    return _maximum(input, other)


def smaller(input: Operand, other: Operand) -> Value:
    """The smaller of two."""
    return _minimum(input, other)


def lerp(input: Operand, end: Operand, weight: Operand) -> Operand:
    """From one to the other, by a weight."""
    return input + weight * (end - input)


def addcmul(input: Operand, tensor1: Operand, tensor2: Operand, *, value: float = 1.0) -> Operand:
    """A sum with a product."""
    return input + (tensor1 * tensor2 if value == 1.0 else value * (tensor1 * tensor2))


def addcdiv(input: Operand, tensor1: Operand, tensor2: Operand, *, value: float = 1.0) -> Operand:
    """A sum with a quotient."""
    return input + (tensor1 / tensor2 if value == 1.0 else value * (tensor1 / tensor2))


def remainder(input: Operand, other: Operand) -> Operand:
    """What is left of a division, with the sign of the divisor."""
    return input - other * Value("floor", input / other)


def softmax(input: Operand, dim: int | None = None, dtype: None = None) -> Operand:
    """Over all units, of what is less than the largest, so that nothing overflows."""
    grown = Value("exp", input - Value("amax", input, **_over(dim)))
    return grown / Value("sum", grown, **_over(dim))


def log_softmax(input: Operand, dim: int | None = None, dtype: None = None) -> Operand:
    """Its logarithm."""
    return input - logsumexp(input, dim, keepdim=True)


def logsumexp(input: Operand, dim: int | None = None, keepdim: bool = False) -> Operand:
    """The logarithm of a sum of exponentials."""
    if not keepdim:
        raise CellError("the step takes a logsumexp that is not over all units", hint="logsumexp(-1, keepdim=True)")
    largest = Value("amax", input, **_over(dim))
    return largest + Value("log", Value("sum", Value("exp", input - largest), **_over(dim)))


def _over(dim: int | None) -> dict[str, Any]:
    return {"keywords": {"dim": dim, "keepdim": True}}


def number(condition: Value) -> Value:
    """1 where a comparison holds, else 0."""
    return _where(condition, 1.0, 0.0)


def type_as(input: Value, other: Operand) -> Value:
    """Itself: all values are of one type. A comparison becomes 0 or 1."""
    return number(input) if is_comparison(input) else input


COMPOSED: dict[str, Callable[..., Any]] = {
    "addcdiv": addcdiv,
    "addcmul": addcmul,
    "ceil": lambda input: -Value("floor", -input),
    "clamp": clamp,
    "clamp_max": lambda input, max: clamp(input, max=max),
    "clamp_min": lambda input, min: clamp(input, min=min),
    "clip": clamp,
    "elu": elu,
    "exp2": lambda input: Value("exp", math.log(2.0) * input),
    "frac": lambda input: input - sign(input) * Value("floor", Value("abs", input)),
    "gelu": gelu,
    "hardsigmoid": hardsigmoid,
    "hardswish": lambda input: input * hardsigmoid(input),
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "lerp": lerp,
    "log_softmax": log_softmax,
    "logical_and": lambda input, other: Value("gt", number(input) * number(other), 0.0),
    "logical_not": lambda input: Value("lt", number(input), 1.0),
    "logical_or": lambda input, other: Value("gt", number(input) + number(other), 0.0),
    "logsumexp": logsumexp,
    "max": larger,
    "min": smaller,
    "mish": lambda input: input * Value("tanh", softplus(input)),
    "ne": lambda input, other: Value("logical_not", Value("eq", input, other)),
    "not_equal": lambda input, other: Value("logical_not", Value("eq", input, other)),
    "ones_like": lambda input: 1.0,
    "pow": power,
    "reciprocal": lambda input: 1.0 / input,
    "relu6": lambda input: clamp(input, 0.0, 6.0),
    "remainder": remainder,
    "rsqrt": lambda input: 1.0 / Value("sqrt", input),
    "rsub": lambda input, other: other - input,
    "sign": sign,
    "silu": lambda input: input * _sigmoid(input),
    "softmax": softmax,
    "softplus": softplus,
    "softsign": lambda input: input / (1.0 + Value("abs", input)),
    "square": lambda input: input * input,
    "tan": lambda input: Value("sin", input) / Value("cos", input),
    "tanhshrink": lambda input: input - Value("tanh", input),
    "type_as": type_as,
    "zeros_like": lambda input: 0.0,
}
"""By the names that PyTorch calls them by."""

TURNED = {"gt": "lt", "greater": "lt", "ge": "le", "greater_equal": "le"}
_COMPARISONS = {
    "lt",
    "less",
    "le",
    "less_equal",
    "eq",
    *TURNED,
    "ne",
    "not_equal",
    "logical_and",
    "logical_or",
    "logical_not",
}
_FREE = ("inplace", "_stacklevel")


def turned(value: Value) -> Value:
    """A comparison of the other sense as one that programs have, from the other side."""
    return Value(TURNED[value.function], *reversed(value.arguments)) if value.function in TURNED else value


def is_comparison(value: object) -> bool:
    """Whether it is a choice between two numbers rather than a number."""
    return isinstance(value, Value) and value.function in _COMPARISONS


def composed(value: Value) -> Operand | None:
    """What a call is composed of; None where it is no composition.

    Raises TypeError for arguments that the function does not have, CellError for those that it has no rule for.
    """
    make = COMPOSED.get(value.function)
    if make is None:
        return None
    options = {name: option for name, option in value.keywords.items() if name not in _FREE}
    return make(*value.arguments, **options)
