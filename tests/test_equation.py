from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import sigmoid

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.compiler.lower import MOST_OPERATIONS, program_of
from gatewise.errors import CellError, InputError
from gatewise.kernels import reference
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.registry import register
from gatewise.nn import Recurrent
from gatewise.transforms import layer_norm

from .matrix import every_cell, random_layer, relative_error
from .tolerance import PARITY


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
    assert any(source in cell.doc for source in ("doi:", "arXiv:", "PMLR", "No paper"))
    assert copy.deepcopy(cell) is cell
    found = pickle.loads(pickle.dumps(cell))
    assert found is cell if cell.origin is None else register(found) == register(cell)


def test_a_gate_count_that_does_not_fit_is_refused():
    with pytest.raises(CellError, match=r"takes 1 gate \(a\), its declaration names 2"):

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
    line = here(5)
    with pytest.raises(CellError, match=r"calls erf\(\.\.\.\), for which there is no rule") as error:

        @cell(gates="one", state="h")
        def unknown(a, h):
            return torch.erf(a) * h

    assert error.value.where == line


@pytest.mark.parametrize("option", [{"alpha": 2.0}, {"rounding_mode": "floor"}])
def test_an_option_that_changes_a_function_is_refused(option):
    name = "add" if "alpha" in option else "div"

    with pytest.raises(CellError, match="no rule"):
        declared(lambda a, h: getattr(torch, name)(a, h, **option))


def test_the_number_of_results_must_be_that_of_states():
    with pytest.raises(CellError, match="returns 1 value for 2 states"):

        @cell(gates="one", state="h c")
        def single(a, h):
            return a + h


def test_a_result_that_is_no_value_is_refused():
    with pytest.raises(CellError, match=r"the step returns 1\.0, not one of its values"):

        @cell(gates="one", state="h")
        def constant(a, h):
            return 1.0


def test_methods_mean_the_functions_of_their_name():
    @cell(gates="one", state="h")
    def methods(a, h):
        h = a.sigmoid() * h.tanh()
        return h

    assert "h = sigmoid(a_a) * tanh(h_prev)" in str(program_of(methods))


def test_a_gate_called_twice_has_the_same_weights_twice():
    twice = cell(gates={"one": "W x + U(...)"}, state="h")(lambda a, h: torch.tanh(a(h) + a(2 * h)))
    assert [(gate.name, gate.tied) for gate in twice.gates] == [("one", ""), ("one_2", "one")]
    assert "product(2 * h_prev)" in str(program_of(twice))


def declared(step, **terms):
    """A cell with one gate of a step, which may close over something."""
    return cell(**({"gates": "one", "state": "h"} | terms))(step)


def leaky(rate):
    return declared(lambda a, h: rate * h + a)


def test_a_cell_made_in_a_function_is_refused_when_it_is_saved():
    """It could not be loaded: pickle refuses functions of functions for the same reason."""
    module = Recurrent(leaky(0.5), 3, 4)
    with pytest.raises(CellError, match=r"cannot be saved: .*<locals>.* is not it\nhint: declare it at the top"):
        torch.save(module, io.BytesIO())
    assert copy.deepcopy(module).cell is module.cell


@cell(gates="one", state="h")
def rebound(a, h):
    return a + h


def test_a_cell_whose_name_was_given_to_another_is_refused_when_it_is_saved(monkeypatch):
    first = rebound
    assert pickle.loads(pickle.dumps(first)) is first
    monkeypatch.setitem(globals(), "rebound", leaky(0.5))
    with pytest.raises(CellError, match="cannot be saved"):
        pickle.dumps(first)


def test_a_file_names_a_cell_and_no_function_that_would_import_what_it_says():
    """So who allows it, as torch.load with weights_only asks, allows this cell and nothing else."""
    assert b"_find" not in pickle.dumps(CELLS["lstm"])
    with torch.serialization.safe_globals([CELLS["lstm"]]):
        file = io.BytesIO()
        torch.save({"cell": CELLS["lstm"]}, file)
        assert torch.load(io.BytesIO(file.getvalue()), weights_only=True)["cell"] is CELLS["lstm"]


@pytest.mark.parametrize("mean", [torch.mean, lambda a: a.mean(), lambda a: a.mean(-1), lambda a: a.mean(0, True)])
def test_a_mean_that_is_not_over_units_alone_is_refused(mean):
    with pytest.raises(CellError, match=r"not over all units\nhint: write mean\(-1, keepdim=True\)"):
        program_of(declared(lambda a, h: h + mean(a)))


def test_a_weight_that_requires_gradients_is_no_constant():
    with pytest.raises(CellError, match=r"requires gradients(.|\n)*`per_unit`"):
        leaky(torch.nn.Parameter(torch.tensor(0.5)))


def test_a_tensor_is_copied_when_the_cell_is_declared():
    rate = torch.tensor(0.5)
    cell = leaky(rate)
    rate.fill_(0.9)
    assert float(cell(torch.zeros(1), torch.ones(1))) == 0.5
    layer = random_layer(cell, 2, 1, 1, 1)
    assert relative_error(sequence(register(cell), layer).y, reference.forward(cell, layer).y) <= PARITY["float64"]


def test_a_tensor_that_is_no_single_number_is_refused():
    with pytest.raises(CellError, match=r"a tensor of shape \(3,\)"):
        leaky(torch.ones(3))


RATE = torch.tensor(0.5)


def test_a_tensor_of_the_module_is_refused():
    with pytest.raises(CellError, match="reads the tensor RATE, which may change"):
        declared(lambda a, h: RATE * h + a)


COMPARED = {
    "two": lambda a, h: h * ((a > 0) + (h > 0)),
    "difference": lambda a, h: h - torch.lt(a, 0.5),
    "state": lambda a, h: a > h,
    "choice": lambda a, h: torch.where(a > 0, a < h, h),
}


@pytest.mark.parametrize("step", COMPARED.values(), ids=COMPARED)
def test_a_comparison_is_no_number(step):
    with pytest.raises(CellError, match=r"comparison(.|\n)*hint: torch.where\(condition, 1.0, 0.0\)") as error:
        program_of(declared(step))
    assert error.value.where.startswith(__file__)


def test_a_choice_by_a_number_is_refused():
    with pytest.raises(CellError, match="chooses by a number"):
        program_of(declared(lambda a, h: torch.where(2 * a, a, h)))


def test_the_mean_of_a_weight_for_each_unit():
    cell = declared(lambda a, h, u: h * u.mean(-1, keepdim=True) + a, per_unit="u")
    layer = random_layer(cell, 3, 2, 2, 5)
    results = []
    for run in (lambda layer: sequence(register(cell), layer), lambda layer: reference.forward(cell, layer)):
        leaves = [tensor.clone().requires_grad_() for tensor in layer[:6]]
        y = run(layer._replace(**dict(zip(layer._fields, leaves, strict=False)))).y
        results.append([y, *torch.autograd.grad(y.square().sum(), leaves)])
    for result, expected in zip(*results, strict=True):
        assert relative_error(result, expected) <= PARITY["float64"]


def test_a_step_of_thousands_of_operations_is_refused():
    def unrolled(a, h):
        for _ in range(MOST_OPERATIONS):
            h = a - h
        return h

    with pytest.raises(CellError, match=r"has 502 operations, at most 500 are possible"):
        program_of(declared(unrolled))


def test_a_number_that_no_float_holds_is_refused():
    with pytest.raises(CellError, match="a number of 1329 bits"):
        leaky(10**400)


def test_numbers_that_a_step_chooses_have_the_dtype_of_the_layer():
    """PyTorch makes them float32, whatever they are compared with."""
    made = declared(lambda a, h: torch.where(a > h, 0.1, 0.2))
    layer = random_layer(made, 2, 2, 1, 3)
    for y in (reference.forward(made, layer).y, sequence(register(made), layer).y):
        assert y.dtype == torch.float64
        assert set(y.unique().tolist()) <= {0.1, 0.2}


def test_layer_normalisation_of_a_gate_that_is_called_twice_is_refused():
    twice = cell(gates={"one": "W x + U(...)"}, state="h")(lambda a, h: torch.tanh(a(h) + a(2 * h)))
    with pytest.raises(InputError, match="calls one several times"):
        layer_norm(twice)
