from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatewise.cells import CELLS
from gatewise.compiler.gradient import backward_program
from gatewise.compiler.lower import lower, program_of
from gatewise.compiler.program import Instruction, Program
from gatewise.equation import Value

from ..matrix import every_cell

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.mark.parametrize("name", CELLS)
def test_programs_are_what_they_were(name):
    """`make regen` writes them anew, for a change that is meant."""
    text = f"{program_of(CELLS[name])}\n\n{backward_program(CELLS[name])}\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GATEWISE_REGEN"):
        path.write_text(text)
    assert path.read_text() == text


def test_no_golden_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CELLS)


@every_cell
def test_a_program_recorded_again_is_the_same_program(cell):
    program = program_of(cell)
    values = program.values()
    names = {name: value for name, value in values.items() if not isinstance(value, float)}
    outputs = {state: values[value] for state, value in program.outputs.items()}
    assert lower(program.name, program.inputs, outputs, names) == program


def test_values_that_are_known_are_not_computed():
    program = Program("p", ("a",), (Instruction("b", "tanh", ("a",)), Instruction("c", "neg", ("b",))), {"c": "c"})
    known = Value("input", label="kept_b")
    values = program.values({"b": known})
    assert values["b"] is known
    assert values["c"].arguments == (known,)


@every_cell
def test_the_names_of_the_step_are_the_names_of_the_program(cell):
    program = program_of(cell)
    local = {name for name, value in cell.values.items() if value.function not in ("input", "product")}
    local -= {*cell.state}  # the kernels' own; a value of the step that is called so gets another name
    assert local & set(program.by_name) == local
    program.verify()


@pytest.mark.parametrize(
    "body",
    [
        (Instruction("y", "add", ("x",)),),
        (Instruction("y", "sideways", ("x",)),),
        (Instruction("y", "neg", ("z",)),),
        (Instruction("x", "neg", ("x",)),),
        (),
    ],
)
def test_verify_refuses_malformed_programs(body):
    with pytest.raises(AssertionError):
        Program("broken", ("x",), body, {"y": "y"}).verify()


def test_equal_expressions_are_computed_once_and_unused_ones_never():
    from torch import sigmoid

    from gatewise import cell

    @cell(gates="one", state="h")
    def wasteful(a, h):
        unused = sigmoid(h) * 3  # noqa: F841 - that it is unused is the point
        return sigmoid(a) * sigmoid(a)

    assert [instruction.op for instruction in program_of(wasteful).body] == ["sigmoid", "mul"]
