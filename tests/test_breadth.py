"""A quick run has every file, every mechanism and every choice, a full one every pair of them, and CI does both."""

from __future__ import annotations

import subprocess
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from gatewise.compiler.lower import program_of
from gatewise.compiler.ops import OPS

from .conftest import ONLY_SLOW, belongs
from .matrix import ALL_CELLS, MECHANISMS, every_pair

ROOT = Path(__file__).parents[1]
CHOICES = {"number": [1, 2, 3, 4], "letter": ["a", "b"], "cell": ["lstm", "janet", "slstm"], "is_it": [False, True]}


def test_every_file_has_a_test_of_the_quick_breadth(pytestconfig):
    assert pytestconfig.stash[ONLY_SLOW] == []


def test_ci_runs_the_full_breadth():
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '\neval "$(command_of test)"\n' in steps.partition("\nmake test-rest\n")[0]  # the quick breadth comes first
    # A make above this one has it print directories.
    command = ["make", "--dry-run", "--no-print-directory", "test-rest"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.split()[1:] == ["-m", "pytest", "--breadth=rest"]


@given(number=integers())
def draws_its_cases(number: int) -> None: ...


@pytest.mark.parametrize(
    ("marks", "test", "quick", "rest"),
    [([], len, True, False), (["slow"], len, False, True), ([], draws_its_cases, True, True)],
)
def test_quick_and_rest_together_are_the_full_breadth(marks, test, quick, rest):
    item = SimpleNamespace(obj=test, get_closest_marker=lambda name: name if name in marks else None)
    assert [belongs(item, breadth) for breadth in ("quick", "rest", "full")] == [quick, rest, True]


@pytest.mark.parametrize("kind", MECHANISMS)
def test_cells_of_a_quick_run_have_the_mechanism_that_they_stand_for(kind):
    cell = ALL_CELLS[MECHANISMS[kind]]
    operations = {instruction.op for instruction in program_of(cell).body}
    ties = cell.scalars and any(gate.tied for gate in cell.gates)
    has = {
        "sums of products": {gate.recurrent for gate in cell.gates} == {"h"},
        "a gate that reads another": "product" in operations,
        "states of several kinds": len(cell.state) > 2,
        "every operation": operations >= OPS.keys() - {"sqrt", "detach", "mean", "sum", "amax"},  # others have these
        "means over units, and noise": "mean" in operations and len(cell.noise) > 0,
        "what a step reads itself": cell.row_inputs and ties and operations >= {"sum", "amax"},
    }
    assert has[kind]


def test_a_full_run_has_every_pair_of_choices_and_few_rows():
    rows = [case.values for case in every_pair(**CHOICES).args[1]]
    for one, other in combinations(range(len(CHOICES)), 2):
        every = set(product(*(list(CHOICES.values())[place] for place in (one, other))))
        assert {(row[one], row[other]) for row in rows} == every
    assert len(rows) < 16


def test_a_quick_run_has_every_choice_but_cells_without_a_mechanism_of_their_own():
    quick = [case.values for case in every_pair(**CHOICES).args[1] if not case.marks]
    found = [set(column) for column in zip(*quick, strict=True)]
    assert found == [{1, 2, 3, 4}, {"a", "b"}, {"lstm", "slstm"}, {False, True}]
    assert len(quick) == 4


def test_choices_that_do_not_go_together_are_left_out():
    rows = [case.values for case in every_pair(lambda a, b: a != b, a=[1, 2, 3], b=[1, 2, 3]).args[1]]
    assert len(rows) == 6
    assert all(a != b for a, b in rows)
