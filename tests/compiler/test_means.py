from __future__ import annotations

import torch

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.compiler.gradient import backward_program, kept_row_numbers
from gatewise.compiler.lower import program_of
from gatewise.compiler.means import averaged, squares_of_deviations
from gatewise.compiler.render.reference import evaluate
from gatewise.compiler.stages import backward_sweep, forward_sweep, with_products_apart
from gatewise.equation import Cell
from gatewise.transforms import layer_norm

from ..matrix import every_cell, relative_error
from ..tolerance import DERIVATIVE

ONE = {"gate": "W x + U h"}
TWO = {"first": "W x + U h", "second": "W x + U h"}


def _mean(a):
    return a.mean(-1, keepdim=True)


@cell(gates=ONE, state="h")
def normalised(g, h):
    deviation = g - _mean(g)
    h = h + deviation / torch.sqrt(_mean(deviation * deviation) + 0.1)
    return h


@cell(gates=TWO, state="h")
def together(a, b, h):
    mean = _mean(a + b) / 2.0
    p, q = a - mean, b - mean
    h = h + (p - q * p) / torch.sqrt(_mean(p * p + q * q) / 2.0 + 0.1)
    return h


@cell(gates=TWO, state="h")
def about_the_wrong_mean(a, b, h):
    deviation = a - _mean(b)
    h = h + deviation / torch.sqrt(_mean(deviation * deviation) + 0.1)
    return h


@cell(gates=TWO, state="h")
def half_of_them(a, b, h):
    """The deviations of a alone have another mean than 0."""
    deviation = a - _mean(a + b) / 2.0
    h = h + deviation / torch.sqrt(_mean(deviation * deviation) + 0.1)
    return h


@cell(gates=TWO, state="h")
def a_wrong_count(a, b, h):
    mean = _mean(a + b) / 3.0
    p, q = a - mean, b - mean
    h = h + p / torch.sqrt(_mean(p * p + q * q) + 0.1)
    return h


@cell(gates=ONE, state="h")
def squares_used_twice(g, h):
    """What else is made of the squares weighs them."""
    deviation = g - _mean(g)
    squares = deviation * deviation
    h = deviation / torch.sqrt(_mean(squares) + 0.1) + h * squares
    return h


@cell(gates=ONE, state="h")
def no_mean(g, h):
    h = h + g / torch.sqrt(_mean(g * g) + 0.1)
    return h


@cell(gates=ONE, state="h")
def weighed_squares(g, h):
    deviation = g - _mean(g)
    h = h + deviation / torch.sqrt(_mean(deviation * deviation * h) ** 2 + 0.1)
    return h


@cell(gates=ONE, state="h")
def numbers_of_rows(g, h):
    """Means of means, their sums and maxima, choices between them, and a mean that each unit reads as well."""
    mean, size = _mean(g), _mean(torch.abs(h))
    larger = torch.maximum(mean.sum(-1, keepdim=True) / 50.0, (size * mean).amax(-1, keepdim=True))
    chosen = torch.where(mean > 0.0, larger, size) + _mean(size * size)
    h = torch.tanh(g * chosen + mean + size) * torch.exp(-chosen)
    return h


@cell(gates=ONE, state="h", inputs="elapsed")
def of_an_input(g, h, elapsed):
    h = h + torch.tanh(g - _mean(g) * torch.sigmoid(elapsed))
    return h


FOUND = {normalised: 1, together: 2}
OTHERS = (about_the_wrong_mean, half_of_them, a_wrong_count, squares_used_twice, no_mean, weighed_squares)


def test_squares_of_deviations_from_their_own_mean_are_found():
    assert {one: len(squares_of_deviations(program_of(one))) for one in FOUND} == FOUND
    for one in OTHERS:
        assert not squares_of_deviations(program_of(one)), one.name


def test_gradients_through_means_are_autograds():
    for one in (*FOUND, *OTHERS, numbers_of_rows, of_an_input, layer_norm(CELLS["lstm"])):
        for name, (found, expected) in _gradients(one).items():
            assert relative_error(found.expand_as(expected), expected) <= DERIVATIVE, (one.name, name)


def _gradients(one: Cell) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    program, backward = program_of(one), backward_program(one)
    sizes = {name: 1 if name in one.row_inputs else 50 for name in program.inputs}
    leaves = {name: torch.randn(size, dtype=torch.float64, requires_grad=True) for name, size in sizes.items()}
    values = evaluate(program, leaves, _no_product)
    seeds = {name: torch.randn(50, dtype=torch.float64) for name in one.state}
    torch.autograd.backward([values[program.outputs[name]] for name in one.state], list(seeds.values()))
    inputs = {name: value.detach() for name, value in {**values, **leaves}.items() if name in backward.inputs}
    inputs |= {f"d_{name}_later": seed for name, seed in seeds.items()}
    inputs |= {name: torch.zeros(50, dtype=torch.float64) for name in backward.inputs if name not in inputs}
    found = evaluate(backward, inputs, _no_product)
    gradients = {name: found[backward.outputs[f"d_{name}"]] for name in program.inputs}
    for name in one.row_inputs:  # of each unit
        gradients[name] = gradients[name].sum(-1, keepdim=True)
    return {name: (gradients[name], leaf.grad) for name, leaf in leaves.items() if leaf.grad is not None}


def _no_product(name: str, operand: torch.Tensor) -> torch.Tensor:
    raise AssertionError(name)


def test_numbers_of_rows_are_averaged_once():
    program = program_of(numbers_of_rows)
    found = averaged(program, ())
    assert {"mean", "size", "larger", "chosen"} <= found
    assert not {"h"} & found
    assert "elapsed" not in averaged(program_of(of_an_input), of_an_input.row_inputs)


def test_a_norm_crosses_units_once_backward():
    """Its two reductions in one stage: one for the output's norm, one for those of W x and U h."""
    for one in (normalised, together):
        assert len(backward_sweep(one).stages) == 2, one.name
    stages = backward_sweep(layer_norm(CELLS["lstm"])).stages
    assert [len(stage.reductions) for stage in stages] == [0, 2, 4]
    assert kept_row_numbers(layer_norm(CELLS["lstm"]))


@every_cell
def test_products_apart_are_the_same_program(cell):
    for sweep in (forward_sweep(cell, keep=False), forward_sweep(cell, keep=True), backward_sweep(cell)):
        apart = with_products_apart(sweep)
        assert [stage.products for stage in apart.stages if stage.products] == [
            stage.products for stage in sweep.stages if stage.products
        ]
        bodies = [stage.body for stage in apart.stages if stage.body.body or stage.body.outputs]
        assert [body.body for body in bodies] == [s.body.body for s in sweep.stages if s.body.body or s.body.outputs]
        kept = [{array for stage in one.stages for array in stage.keeps} for one in (sweep, apart)]
        assert kept[0] <= kept[1]
        if len(sweep.stages) == 1:
            assert apart == sweep
