from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import sigmoid

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.compiler.lower import program_of
from gatewise.errors import CellError
from gatewise.kernels.registry import register

from .matrix import every_cell


def here(offset: int) -> str:
    import inspect

    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


def test_the_step_is_the_eager_reference():
    i, f, g, o, c = torch.randn(5, 3)
    h, new_c = CELLS["lstm"](i, f, g, o, c)
    torch.testing.assert_close(new_c, sigmoid(f) * c + sigmoid(i) * g.tanh())
    torch.testing.assert_close(h, sigmoid(o) * new_c.tanh())


@every_cell
def test_cells_cite_their_paper_and_pickle_by_reference(cell):
    assert "doi:" in cell.doc or "arXiv:" in cell.doc or "No paper" in cell.doc
    assert copy.deepcopy(cell) is cell
    found = pickle.loads(pickle.dumps(cell))
    assert found is cell if cell.origin is None else register(found) == register(cell)


def test_a_gate_count_that_does_not_fit_is_refused():
    with pytest.raises(CellError, match=r"takes 1 gates \(a\), its declaration names 2"):

        @cell(gates="one two", state="h")
        def short(a, h):
            return a + h


@pytest.mark.parametrize("terms", ["W h", "W x + W x", "U h + U(...)", "", "W x + U h * b"])
def test_a_declaration_that_is_no_sum_of_terms_is_refused(terms):
    with pytest.raises(CellError, match="a gate is a sum of some of"):

        @cell(gates={"one": terms}, state="h")
        def wrong(a, h):
            return a + h


def test_a_branch_in_python_is_refused_at_its_line():
    line = here(5)
    with pytest.raises(CellError, match="branches in Python") as error:

        @cell(gates="one", state="h")
        def branching(a, h):
            if a > 0:
                return a
            return h

    assert error.value.where == line


def test_a_function_without_a_rule_is_refused_by_name_at_its_line():
    line = here(4)

    @cell(gates="one", state="h")
    def unknown(a, h):
        return torch.erf(a) * h

    with pytest.raises(CellError, match=r"calls erf\(\.\.\.\), for which there is no rule") as error:
        program_of(unknown)
    assert error.value.where == line


@pytest.mark.parametrize("option", [{"alpha": 2.0}, {"rounding_mode": "floor"}])
def test_an_option_that_changes_a_function_is_refused(option):
    name = "add" if "alpha" in option else "div"

    @cell(gates="one", state="h")
    def optional(a, h):
        return getattr(torch, name)(a, h, **option)

    with pytest.raises(CellError, match="no rule"):
        program_of(optional)


def test_the_number_of_results_must_be_that_of_states():
    with pytest.raises(CellError, match="returns 1 values for states"):

        @cell(gates="one", state="h c")
        def single(a, h):
            return a + h


def test_a_result_that_is_no_value_is_refused():
    with pytest.raises(CellError, match="returns float"):

        @cell(gates="one", state="h")
        def constant(a, h):
            return 1.0


def test_methods_mean_the_functions_of_their_name():
    @cell(gates="one", state="h")
    def methods(a, h):
        h = a.sigmoid() * h.tanh()
        return h

    assert "h = sigmoid(a_a) * tanh(h_prev)" in str(program_of(methods))


def test_a_gate_called_twice_is_refused():
    with pytest.raises(CellError, match="calls gate 'one' twice"):

        @cell(gates={"one": "W x + U(...)"}, state="h")
        def twice(a, h):
            return torch.tanh(a(h) + a(2 * h))
