from __future__ import annotations

import pytest
import torch

from gatewise import cell
from gatewise.compiler.lower import program_of
from gatewise.compiler.ops import OVER_UNITS
from gatewise.compiler.recurrence import recurrence_of
from gatewise.show import show
from gatewise.transforms import layer_norm

from ..matrix import CELLS, every_cell


@cell(gates={"update": "W x + b", "candidate": "W x + b"}, state="h")
def min_gru(z, n, h):
    z = torch.sigmoid(z)
    return (1 - z) * h + z * n


@cell(gates={"forget": "W x + b", "write": "W x + b"}, state="h c", per_unit="v")
def own_peephole(f, w, c, v):
    f = torch.sigmoid(f + v * c)
    c = f * c + w
    return torch.tanh(c), c


@cell(gates={"write": "W x + b"}, state="h")
def centred(w, h):
    h = w + 0.5 * h
    return h - h.mean(-1, keepdim=True)


@cell(gates={"write": "W x + b"}, state="h")
def forgetful(w):
    return torch.tanh(w)


@cell(gates={"write": "W x + b"}, state="h")
def chooses_by_its_state(w, h):
    return torch.where(h > 0.0, w, 0.5 * w)


KINDS = {
    "linear": min_gru,
    "diagonal": own_peephole,
    "over units": centred,
    "none": forgetful,
    "full": CELLS["mgu"],
}


@pytest.mark.parametrize("name", KINDS)
def test_the_class_follows_from_the_program(name):
    assert recurrence_of(KINDS[name]).name == name


def test_a_choice_by_a_state_is_no_straight_line():
    assert recurrence_of(chooses_by_its_state).name == "diagonal"


@every_cell
def test_it_counts_what_is_waited_for(cell):
    recurrence, operations = recurrence_of(cell), {i.op for i in program_of(cell).body}
    assert (recurrence.name == "full") == any(gate.recurrent for gate in cell.gates)
    assert (recurrence.reductions > 0) == bool(operations & set(OVER_UNITS))
    if "product" not in operations:  # no gate is called inside the step
        assert recurrence.products == (recurrence.name == "full")
    if cell.name in ("gru_reset_before", "mgu", "deep"):
        assert recurrence.products == 2


def test_show_says_it():
    assert "\n\nRecurrence: full. U mixes all units once a step:" in show("lstm")
    text = str(recurrence_of(layer_norm(CELLS["lstm"])))
    assert text.endswith("Units meet 4 times a step in means, sums or maxima, and wait for each other.")
