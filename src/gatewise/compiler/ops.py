"""The scalar operations of programs: one row each, with its derivative and one spelling for every target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch.nn.functional import logsigmoid

from ..equation import Operand, Value

Gradients: TypeAlias = "tuple[Operand | None, ...]"


@dataclass(frozen=True)
class Op:
    """One operation.

    derivative: (gradient, result, *arguments) -> the gradient of each argument, None where there is none.
    torch: what computes it on tensors. llvm: an LLVM instruction, or a function of render/llvm_math; empty for a
    mean, which is not taken unit by unit.
    text: how programs print it. aliases: other names under which PyTorch knows the same function.
    """

    name: str
    derivative: Callable[..., Gradients]
    torch: Callable[..., Any]
    llvm: str
    text: str
    aliases: tuple[str, ...] = ()

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return self.text.count("{")


def where(condition: Value, a: Operand, b: Operand) -> Value:
    """``a`` where the condition holds, else ``b``."""
    return Value("where", condition, a, b)


def mean(a: Operand) -> Value:
    """The mean over all units of a row."""
    return Value("mean", a)


def _sigmoid(g: Value, y: Value, a: Operand) -> Value:
    """``1 - y`` is ``sigmoid(-a)`` where the program has that, for it keeps its digits where y is nearly 1."""
    return g * (y * Value("complement", y, a))


def _over_units(a: torch.Tensor) -> torch.Tensor:
    return a.mean(-1, keepdim=True)


def _share(g: Value, mine: Value, other: Value) -> Value:
    """The gradient of the larger of two; a tie is split, as PyTorch does."""
    return where(other < mine, g, where(mine < other, 0.0, 0.5 * g))


def _chosen(g: Value, condition: Value) -> tuple[Value, Value]:
    """The gradients of the two branches of a choice."""
    return where(condition, g, 0.0), where(condition, 0.0, g)


_ROWS = (
    Op("add", lambda g, y, a, b: (g, g), torch.add, "fadd", "{} + {}"),
    Op("sub", lambda g, y, a, b: (g, -g), torch.sub, "fsub", "{} - {}", ("subtract",)),
    Op("mul", lambda g, y, a, b: (g * b, g * a), torch.mul, "fmul", "{} * {}", ("multiply",)),
    Op("div", lambda g, y, a, b: (g / b, -(g * y / b)), torch.div, "fdiv", "{} / {}", ("divide", "true_divide")),
    Op("neg", lambda g, y, a: (-g,), torch.neg, "fneg", "-{}", ("negative",)),
    Op("exp", lambda g, y, a: (g * y,), torch.exp, "exp", "exp({})"),
    Op("log", lambda g, y, a: (g / a,), torch.log, "log", "log({})"),
    Op("sqrt", lambda g, y, a: (0.5 * (g / y),), torch.sqrt, "sqrt", "sqrt({})"),
    Op("sigmoid", lambda g, y, a: (_sigmoid(g, y, a),), torch.sigmoid, "sigmoid", "sigmoid({})", ("special_expit",)),
    Op("tanh", lambda g, y, a: (g * (1.0 - y * y),), torch.tanh, "tanh", "tanh({})"),
    Op("log_sigmoid", lambda g, y, a: (g * Value("sigmoid", -a),), logsigmoid, "log_sigmoid", "log_sigmoid({})"),
    Op("relu", lambda g, y, a: (where(y > 0.0, g, 0.0),), torch.relu, "relu", "relu({})"),
    Op("abs", lambda g, y, a: (where(a > 0.0, g, where(a < 0.0, -g, 0.0)),), torch.abs, "abs", "abs({})"),
    Op("maximum", lambda g, y, a, b: (_share(g, a, b), _share(g, b, a)), torch.maximum, "maximum", "maximum({}, {})"),
    Op("minimum", lambda g, y, a, b: (_share(g, b, a), _share(g, a, b)), torch.minimum, "minimum", "minimum({}, {})"),
    Op("where", lambda g, y, c, a, b: (None, *_chosen(g, c)), torch.where, "select", "where({}, {}, {})"),
    Op("lt", lambda g, y, a, b: (None, None), torch.lt, "less", "{} < {}", ("less",)),
    Op("detach", lambda g, y, a: (None,), torch.detach, "same", "detach({})"),
    Op("mean", lambda g, y, a: (mean(g),), _over_units, "", "mean({})"),
)  # fmt: skip

OPS: dict[str, Op] = {op.name: op for op in _ROWS}
NAMES: dict[str, str] = {alias: op.name for op in _ROWS for alias in (op.name, *op.aliases)}
