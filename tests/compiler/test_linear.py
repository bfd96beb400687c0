"""What an operation says of its range, and how it passes a signal on."""

from __future__ import annotations

import pytest

from gatewise.compiler.lower import lower
from gatewise.compiler.ops import COMPARISONS, OPS, OVER_UNITS
from gatewise.compiler.render.reference import evaluate
from gatewise.compiler.rules import Interval
from gatewise.equation import Value

from ..matrix import relative_error
from ..tolerance import DERIVATIVE
from .test_ops import cases

PASSING = [name for name, op in OPS.items() if op.linear is not None and name != "log"]


def passed(name, columns, signals):
    """What the rule gives, on tensors. signals: for each argument another, or None for context."""
    op = OPS[name]
    arguments = [Value("input", label=f"x{i}") for i in range(op.arity)]
    given = [None if signal is None else Value("input", label=f"s{i}") for i, signal in enumerate(signals)]
    program = lower(
        name,
        (*(a.label for a in arguments), *(s.label for s in given if s is not None)),
        {"": op.linear(tuple(given), Value(name, *arguments), *arguments)},
        {},
    )
    inputs = {f"x{i}": column for i, column in enumerate(columns)}
    inputs |= {f"s{i}": signal for i, signal in enumerate(signals) if signal is not None}
    return evaluate(program, inputs)[program.outputs[""]]


def carrying(name, columns):
    """For every way in which the arguments may be signals: those, and None for context."""
    op = OPS[name]
    contexts = [(0,), (1,)] if name == "mul" else [op.context]
    return [[None if i in context else column for i, column in enumerate(columns)] for context in contexts]


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_the_result_less_what_the_function_is_at_zero(name):
    columns = cases(name)
    columns = [c.abs() if name == "sqrt" else c for c in columns]
    for signals in carrying(name, columns):
        found = passed(name, columns, signals) + OPS[name].at_zero
        expected = OPS[name].torch(*columns).expand_as(columns[-1])
        assert relative_error(found.expand_as(expected), expected) <= DERIVATIVE


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_linear_in_the_signals(name):
    columns = cases(name)
    for signals in carrying(name, columns):
        twice = [None if signal is None else -3.0 * signal for signal in signals]
        found, expected = passed(name, columns, twice), -3.0 * passed(name, columns, signals)
        assert relative_error(found, expected) <= DERIVATIVE


@pytest.mark.parametrize("name", OPS)
def test_results_lie_within_their_bounds_and_touch_them(name):
    columns = cases(name)
    given = [Interval(float(c.double().min()), float(c.double().max())) for c in columns]
    low, high = OPS[name].bounds(*given)
    result = OPS[name].torch(*columns).double()
    assert (result >= low).all()
    assert (result <= high).all()
    if name not in (*OVER_UNITS, *COMPARISONS, "sin", "cos"):
        assert low == result.min()
        assert high == result.max()


def test_what_is_unbounded_is_bounded_by_what_it_goes_through():
    every = Interval()
    assert OPS["sigmoid"].bounds(every) == (0.0, 1.0)
    assert OPS["tanh"].bounds(every) == (-1.0, 1.0)
    assert OPS["exp"].bounds(every).nonnegative
    assert OPS["log_sigmoid"].bounds(every).high == 0.0
    assert not OPS["sub"].bounds(Interval(0.0, 1.0), Interval(0.0, 1.0)).nonnegative
    assert OPS["div"].bounds(every, Interval(-1.0, 1.0)) == every
    assert OPS["div"].bounds(Interval(1.0, 2.0), Interval(-4.0, -2.0)) == (-1.0, -0.25)
