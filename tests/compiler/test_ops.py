from __future__ import annotations

import itertools

import pytest
import torch

from gatewise.compiler.lower import lower
from gatewise.compiler.ops import COMPARISONS, OPS
from gatewise.compiler.render.reference import evaluate
from gatewise.equation import Value

from ..matrix import relative_error
from ..tolerance import DERIVATIVE

# Where functions bend, saturate or tie, and where they do not.
POINTS = (-40.0, -3.0, -1.0, -1e-3, 0.0, 0.5, 0.5, 2.0, 30.0)
POSITIVE = {"log": 1e-3, "div": 1e-3, "sqrt": 1e-3}


def cases(name: str) -> list[torch.Tensor]:
    grid = torch.tensor(list(itertools.product(POINTS, repeat=OPS[name].arity)), dtype=torch.float64)
    columns = list(grid.t().contiguous())
    if name in POSITIVE:
        columns[-1] = columns[-1].abs() + POSITIVE[name]
    if name == "where":
        columns[0] = columns[0] > 0
    return columns


# What lets no gradient through: PyTorch has none to compare with.
FLAT = (*COMPARISONS, "detach", "floor")


@pytest.mark.parametrize("name", [name for name in OPS if name not in FLAT])
def test_each_derivative_is_autograds(name):
    op, columns = OPS[name], cases(name)
    leaves = [column.clone().requires_grad_(column.is_floating_point()) for column in columns]
    result = op.torch(*leaves)
    result.expand_as(leaves[0]).sum().backward()  # a mean is the same number for every unit

    symbols = [Value("input", label=f"x{index}") for index in range(op.arity)]
    gradient = Value("input", label="g")
    parts = op.derivative(gradient, Value(name, *symbols), *symbols)
    outputs = {f"d{index}": part for index, part in enumerate(parts) if part is not None}
    program = lower(name, ("g", *(symbol.label for symbol in symbols)), outputs, {})
    inputs = {"g": torch.ones(len(columns[0]), dtype=torch.float64)}
    values = evaluate(program, inputs | {f"x{i}": column for i, column in enumerate(columns)})
    for index, leaf in enumerate(leaves):
        if leaf.requires_grad:
            found = values[program.outputs[f"d{index}"]]
            assert relative_error(found.expand_as(leaf.grad), leaf.grad) <= DERIVATIVE


@pytest.mark.parametrize("name", FLAT)
def test_flat_operations_have_no_derivative_here_or_in_autograd(name):
    columns = cases(name)
    result = OPS[name].torch(*(column.requires_grad_() for column in columns))
    if result.requires_grad:  # PyTorch's floor has a gradient, of zero
        result.sum().backward()
        assert not columns[0].grad.any()
    symbols = [Value("input", label=f"x{index}") for index in range(OPS[name].arity)]
    assert OPS[name].derivative(Value("input", label="g"), Value(name, *symbols), *symbols) == (None,) * len(symbols)


def test_every_name_is_used_once():
    from gatewise.compiler.ops import NAMES

    assert set(NAMES.values()) == set(OPS)
