from __future__ import annotations

import torch

from gatewise.cells import CELLS
from gatewise.compiler.gradient import backward_program, kept_gates, kept_row_numbers
from gatewise.compiler.lower import program_of
from gatewise.compiler.render.reference import evaluate
from gatewise.compiler.stages import backward_sweep, forward_sweep

from ..matrix import ALL_CELLS, every_cell, random_layer, relative_error
from ..tolerance import DERIVATIVE


@every_cell
def test_backward_without_recurrence_is_autograds(cell):
    """One step, the products inside it standing still: every derivative of the pointwise part."""
    program, backward = program_of(cell), backward_program(cell)
    products = [i.name for i in program.body if i.op == "product"]
    leaves = {name: torch.randn(50, dtype=torch.float64, requires_grad=True) for name in (*program.inputs, *products)}
    values = evaluate(program, leaves, lambda name, operand: leaves[name] + 0 * operand)
    seeds = {name: torch.randn(50, dtype=torch.float64) for name in cell.state}
    outputs = [values[program.outputs[name]] for name in cell.state]
    torch.autograd.backward(outputs, list(seeds.values()))

    inputs = {name: leaf.detach() for name, leaf in leaves.items()}
    zero = torch.zeros(50, dtype=torch.float64)
    inputs |= {name: values[value].detach() for name, value in kept_gates(cell).items()}
    inputs |= {name: values[name].detach() for name in kept_row_numbers(cell)}
    inputs |= {name: zero for name in backward.inputs if name not in inputs}
    inputs |= {f"d_{name}_later": seed for name, seed in seeds.items()}
    found = evaluate(backward, inputs, lambda name, operand: zero)
    for draw in cell.noise:  # nothing is learned about random numbers
        del leaves[draw.name]
    for name, leaf in leaves.items():
        gradient = found[backward.outputs[f"d_{name}"]]
        expected = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        assert relative_error(gradient.expand_as(leaf), expected) <= DERIVATIVE, name


def test_a_gate_is_kept_where_its_gradient_needs_no_more():
    """One way or the other: never both the pre-activation and the gate."""
    assert list(kept_gates(CELLS["lstm"])) == ["i", "f", "g", "o"]
    assert list(kept_gates(CELLS["peephole_lstm"])) == ["i", "f", "g", "o"], "the peephole's term lies in between"
    assert list(kept_gates(CELLS["gru"])) == ["r", "a_z", "n", "a_n_h"], "r's gradient reads a_n_h, z's both its sides"
    assert list(kept_gates(CELLS["rnn_relu"])) == ["a_a"]
    met = [f"kept_{gate}_x" for gate in "ifgo"]
    assert list(kept_gates(CELLS["nested_lstm"])) == ["i", "f", "g", "o", *met], "two parts of a sum, kept once"
    for cell in ALL_CELLS.values():
        assert len(set(kept_gates(cell).values())) == len(kept_gates(cell)) <= len(cell.gates)


@every_cell
def test_stages_compute_what_the_program_does(cell):
    for sweep in (forward_sweep(cell, keep=False), forward_sweep(cell, keep=True), backward_sweep(cell)):
        stored: set[str] = set()
        for stage in sweep.stages:
            stage.body.verify()
            known = set(stage.starts) | stored | set(sweep.vectors)
            internal = {name for other in sweep.stages for name in (*other.starts, *other.keeps)}
            assert not (set(stage.body.inputs) & internal) - known, "a stage reads what no earlier one has stored"
            stored |= {*stage.keeps, *stage.body.outputs}


def test_random_layers_fit_their_cells():
    from gatewise.kernels.check import checked

    for cell in ALL_CELLS.values():
        checked(cell, random_layer(cell, 2, 3, 4, 5))
