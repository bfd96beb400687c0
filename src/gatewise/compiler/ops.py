"""The scalar operations of programs, one row each: derivative, interval, linear rule, spelling for each target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch.nn.functional import logsigmoid

from ..equation import Operand, Value
from .rules import (
    Bounds,
    Rule,
    added,
    choice,
    curve,
    divided,
    either,
    larger,
    minus,
    multiplied,
    opposite,
    over,
    plus,
    rising,
    same,
    scaled,
    size,
    smaller,
    through,
    total,
    truth,
    wave,
)

Gradients: TypeAlias = "tuple[Operand | None, ...]"


@dataclass(frozen=True)
class Op:
    """One operation.

    derivative: (gradient, result, *arguments) -> the gradient of each argument, None where there is none.
    torch: what computes it on tensors. llvm: an LLVM instruction, or a function of render/llvm_math; of an operation
    over units, what joins two of them.
    onnx: its operator, or several, one applied to what the other gives. c: a C expression, @ standing for the prefix of
    functions. text: how programs print it. bounds: the interval of the result from those of the arguments. linear: how
    a signal passes, see :mod:`.rules`; None where none can. aliases: other names under which PyTorch knows the same
    function. context: places of arguments that carry no signal. over_units: whether it makes one number of all units of
    a row. triton: an expression of Triton's, where that of C is none of Python's.
    """

    name: str
    derivative: Callable[..., Gradients]
    torch: Callable[..., Any]
    llvm: str
    onnx: str
    c: str
    text: str
    bounds: Bounds
    linear: Rule | None
    aliases: tuple[str, ...] = ()
    context: tuple[int, ...] = ()
    over_units: bool = False
    triton: str = ""

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return self.text.count("{")

    @property
    def at_zero(self) -> float:
        """The value of a curve at zero; 0 for operations with several arguments."""
        return float(self.torch(torch.zeros(1, dtype=torch.float64))) if self.arity == 1 else 0.0


def where(condition: Value, a: Operand, b: Operand) -> Value:
    """``a`` where the condition holds, else ``b``."""
    return Value("where", condition, a, b)


def over_units(name: str, a: Operand) -> Value:
    """A mean, sum or maximum over all units of a row."""
    return Value(name, a)


def _sigmoid(g: Value, y: Value, a: Operand) -> Value:
    """The gradient of a sigmoid; ``1 - y`` is ``sigmoid(-a)`` where the program has that, precise even for y near 1."""
    return g * (y * Value("complement", y, a))


def _mean(a: torch.Tensor) -> torch.Tensor:
    return a.mean(-1, keepdim=True)


def _sum(a: torch.Tensor) -> torch.Tensor:
    return a.sum(-1, keepdim=True)


def _amax(a: torch.Tensor) -> torch.Tensor:
    return a.amax(-1, keepdim=True)


def _largest(g: Value, y: Value, a: Operand) -> Value:
    """The gradient of the largest of all units; those that tie share it, as in PyTorch."""
    return where(Value("lt", a, y), 0.0, over_units("sum", g) / over_units("sum", where(Value("lt", a, y), 0.0, 1.0)))


def _share(g: Value, value: Value, other: Value) -> Value:
    """The gradient of the larger of two; ties are split, as in PyTorch."""
    return where(other < value, g, where(value < other, 0.0, 0.5 * g))


def _chosen(g: Value, condition: Value) -> tuple[Value, Value]:
    """The gradients of the two branches of a choice."""
    return where(condition, g, 0.0), where(condition, 0.0, g)


_ROWS = (
    Op("add", lambda g, y, a, b: (g, g), torch.add,
       "fadd", "Add", "{} + {}", "{} + {}",
       added, lambda s, y, a, b: plus(s[0], s[1])),
    Op("sub", lambda g, y, a, b: (g, -g), torch.sub,
       "fsub", "Sub", "{} - {}", "{} - {}",
       lambda a, b: added(a, opposite(b)), lambda s, y, a, b: plus(s[0], minus(s[1])), ("subtract",)),
    Op("mul", lambda g, y, a, b: (g * b, g * a), torch.mul,
       "fmul", "Mul", "{} * {}", "{} * {}",
       multiplied, scaled, ("multiply",)),
    Op("div", lambda g, y, a, b: (g / b, -(g * y / b)), torch.div,
       "fdiv", "Div", "{} / {}", "{} / {}",
       divided, lambda s, y, a, b: over(s[0], b), ("divide", "true_divide"), context=(1,)),
    Op("neg", lambda g, y, a: (-g,), torch.neg,
       "fneg", "Neg", "-{}", "-{}",
       opposite, lambda s, y, a: minus(s[0]), ("negative",)),
    Op("exp", lambda g, y, a: (g * y,), torch.exp,
       "exp", "Exp", "@exp({})", "exp({})",
       rising(torch.exp), curve(torch.exp)),
    Op("log", lambda g, y, a: (g / a,), torch.log,
       "log", "Log", "@log({})", "log({})",
       rising(torch.log, least=0.0), curve(torch.log)),
    Op("sqrt", lambda g, y, a: (0.5 * (g / y),), torch.sqrt,
       "sqrt", "Sqrt", "@sqrt({})", "sqrt({})",
       rising(torch.sqrt, least=0.0), curve(torch.sqrt)),
    Op("sigmoid", lambda g, y, a: (_sigmoid(g, y, a),), torch.sigmoid,
       "sigmoid", "Sigmoid", "@sigmoid({})", "sigmoid({})",
       rising(torch.sigmoid), curve(torch.sigmoid), ("special_expit",)),
    Op("tanh", lambda g, y, a: (g * (1.0 - y * y),), torch.tanh,
       "tanh", "Tanh", "@tanh({})", "tanh({})",
       rising(torch.tanh), curve(torch.tanh)),
    Op("log_sigmoid", lambda g, y, a: (g * Value("sigmoid", -a),), logsigmoid,
       "log_sigmoid", "Neg Softplus Neg", "@log_sigmoid({})", "log_sigmoid({})",
       rising(logsigmoid), curve(logsigmoid)),
    Op("relu", lambda g, y, a: (where(y > 0.0, g, 0.0),), torch.relu,
       "relu", "Relu", "@relu({})", "relu({})",
       rising(torch.relu), lambda s, y, a: choice(a > 0.0, s[0], 0.0)),
    Op("abs", lambda g, y, a: (where(a > 0.0, g, where(a < 0.0, -g, 0.0)),), torch.abs,
       "abs", "Abs", "@abs({})", "abs({})",
       size, lambda s, y, a: choice(a < 0.0, minus(s[0]), s[0])),
    Op("maximum", lambda g, y, a, b: (_share(g, a, b), _share(g, b, a)), torch.maximum,
       "maximum", "Max", "@maximum({}, {})", "maximum({}, {})",
       larger, lambda s, y, a, b: choice(a < b, s[1], s[0])),
    Op("minimum", lambda g, y, a, b: (_share(g, b, a), _share(g, a, b)), torch.minimum,
       "minimum", "Min", "@minimum({}, {})", "minimum({}, {})",
       smaller, lambda s, y, a, b: choice(b < a, s[1], s[0])),
    Op("where", lambda g, y, c, a, b: (None, *_chosen(g, c)), torch.where,
       "select", "Where", "{} ? {} : {}", "where({}, {}, {})",
       either, lambda s, y, c, a, b: choice(c, s[1], s[2]), context=(0,),
       triton="tl.where({}, {}, {})"),
    Op("lt", lambda g, y, a, b: (None, None), torch.lt,
       "less", "Less", "{} < {}", "{} < {}",
       truth, None, ("less",)),
    Op("le", lambda g, y, a, b: (None, None), torch.le,
       "at_most_equal", "LessOrEqual", "{} <= {}", "{} <= {}",
       truth, None, ("less_equal",)),
    Op("eq", lambda g, y, a, b: (None, None), torch.eq,
       "equal", "Equal", "{} == {}", "{} == {}",
       truth, None),
    Op("sin", lambda g, y, a: (g * Value("cos", a),), torch.sin,
       "sin", "Sin", "@sin({})", "sin({})",
       wave, curve(torch.sin)),
    Op("cos", lambda g, y, a: (-(g * Value("sin", a)),), torch.cos,
       "cos", "Cos", "@cos({})", "cos({})",
       wave, curve(torch.cos)),
    Op("floor", lambda g, y, a: (None,), torch.floor,
       "floor", "Floor", "@floor({})", "floor({})",
       rising(torch.floor), curve(torch.floor)),
    Op("detach", lambda g, y, a: (None,), torch.detach,
       "same", "Identity", "{}", "detach({})",
       same, lambda s, y, a: s[0]),
    Op("mean", lambda g, y, a: (over_units("mean", g),), _mean,
       "fadd", "ReduceMean", "", "mean({})",
       same, through("mean"), over_units=True),
    Op("sum", lambda g, y, a: (over_units("sum", g),), _sum,
       "fadd", "ReduceSum", "", "sum({})",
       total, through("sum"), over_units=True),
    Op("amax", lambda g, y, a: (_largest(g, y, a),), _amax,
       "maximum", "ReduceMax", "", "amax({})",
       same, None, over_units=True),
)  # fmt: skip

OPS: dict[str, Op] = {op.name: op for op in _ROWS}
COMPARISONS: tuple[str, ...] = tuple(op.name for op in _ROWS if op.bounds is truth)
OVER_UNITS: tuple[str, ...] = tuple(op.name for op in _ROWS if op.over_units)
NAMES: dict[str, str] = {alias: op.name for op in _ROWS for alias in (op.name, *op.aliases)}
