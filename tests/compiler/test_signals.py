"""The law of a memory against the step itself, and what has none."""

from __future__ import annotations

import pytest
import torch
from tests.matrix import ALL_CELLS, every_cell, relative_error
from tests.tolerance import DERIVATIVE

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.compiler.lower import program_of
from gatewise.compiler.render.reference import evaluate
from gatewise.compiler.signals import kept_and_written, read_out
from gatewise.equation import previous
from gatewise.errors import CellError
from gatewise.transforms import layer_norm, zoneout
from gatewise.transforms.rewrite import memories

REFUSED = {"rnn", "rnn_relu", "lstm_layer_norm_recurrent_dropout"}


def inputs_of(cell):
    """Numbers for what the step reads and multiplies, of which none is zero."""
    program = program_of(cell)
    generator = torch.Generator().manual_seed(3)
    names = [*program.inputs, *(i.name for i in program.body if i.op == "product")]
    found = {name: torch.randn(6, 4, dtype=torch.float64, generator=generator) for name in names}
    return {name: value.abs() + 0.5 if name in ("n_prev", "m_prev") else value for name, value in found.items()}


def outputs(program, given):
    values = evaluate(program, {name: given[name] for name in program.inputs}, lambda name, _: given[name])
    return {name: values[value] for name, value in program.outputs.items()}


@every_cell
def test_the_law_of_every_memory_gives_its_new_value_or_is_refused_by_name(cell):
    state, given = memories(cell)[0], inputs_of(cell)
    if cell.name in REFUSED:
        with pytest.raises(CellError, match=cell.name):
            kept_and_written(cell, state)
        return
    law = outputs(kept_and_written(cell, state), given)
    expected = outputs(program_of(cell), given)[state]
    assert relative_error(law["keep"] * given[previous(state)] + law["write"], expected) <= DERIVATIVE


def test_every_cell_that_is_refused_is_there():
    assert set(ALL_CELLS) >= REFUSED


@every_cell
def test_what_is_read_and_the_rest_give_the_output_or_it_is_refused_by_name(cell):
    state, given = memories(cell)[0], inputs_of(cell)
    new = outputs(program_of(cell), given)
    if "zoneout" in cell.name or cell.name == "versatile":  # of which the output reads a gate alone
        with pytest.raises(CellError, match=f"does not read the new {state}"):
            read_out(cell, state)
        return
    parts = outputs(read_out(cell, state), given)
    assert relative_error(parts["read"] * new[state] + parts["rest"], new[cell.state[0]]) <= DERIVATIVE


def test_the_keep_of_known_cells_is_their_gate():
    texts = {name: str(kept_and_written(CELLS[name], memories(CELLS[name])[0])) for name in ("lstm", "gru", "slstm")}
    assert "return keep=f, write=i * g" in texts["lstm"]
    assert "return keep=z, write=write * n" in texts["gru"]
    assert "return keep=f, write=i * z" in texts["slstm"]
    assert "return keep=1, write=i * g" in str(kept_and_written(CELLS["lstm_1997"], "c"))


def test_zoneout_is_part_of_what_is_kept():
    cell = zoneout(CELLS["lstm"], {"c": 0.5})
    given = inputs_of(cell)
    keep = outputs(kept_and_written(cell, "c"), given)["keep"]
    zone, forget = given["zone_c"], torch.sigmoid(given["a_f"])
    assert relative_error(keep, zone + (1 - zone) * forget) <= DERIVATIVE


def test_a_normalised_memory_is_refused_because_units_mix():
    with pytest.raises(CellError, match="mixes units"):
        kept_and_written(layer_norm(CELLS["lstm"], "memory"), "c")
    kept_and_written(layer_norm(CELLS["lstm"], "output"), "c")


def test_a_product_of_which_neither_is_a_gate_is_refused_with_both_and_the_line():
    @cell(gates="one other", state="h c")
    def doubtful(a, b, c):
        a, b = torch.tanh(a), torch.tanh(b)
        c = a * c + b
        return torch.tanh(c), c

    with pytest.raises(CellError, match=r"multiplies a and c, of which neither is known") as refused:
        kept_and_written(doubtful, "c")
    assert "test_signals.py" in str(refused.value)
