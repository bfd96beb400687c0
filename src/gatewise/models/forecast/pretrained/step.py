"""One step of the cell lstm, made by tools/make_numpy_step.py from its program. Do not edit it."""

from __future__ import annotations

from typing import Any

from numpy import tanh

STATES = 2
"""How many states there are."""


def sigmoid(a: Any) -> Any:
    """The logistic function."""
    return (1 + tanh(a / 2)) / 2


def step(a_i: Any, a_f: Any, a_g: Any, a_o: Any, h_prev: Any, c_prev: Any) -> tuple[Any, ...]:
    """The new states."""
    i = sigmoid(a_i)
    f = sigmoid(a_f)
    g = tanh(a_g)
    o = sigmoid(a_o)
    t0 = f * c_prev
    t1 = i * g
    c = t0 + t1
    t2 = tanh(c)
    h = o * t2
    return h, c
