"""Whether two cells are the same law, however they are written."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.matrix import ALL_CELLS
from torch import sigmoid, tanh

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.compiler.equivalence import equivalent
from gatewise.nn import Recurrent
from gatewise.transforms import candidate_dropout, clip_gates, clip_memory, h_detach, recurrent_dropout, zoneout


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_its_own_law_and_no_other_cells(name: str) -> None:
    assert [other for other in CELLS if equivalent(CELLS[name], CELLS[other])] == [name]


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.candidate])
def test_what_is_random_in_training_only_leaves_the_law(name: str) -> None:
    base = CELLS[name]
    for changed in (
        recurrent_dropout(base, 0.3),
        recurrent_dropout(base, 0.3, tied=False),
        candidate_dropout(base, 0.3),
        h_detach(base, 0.3),
        h_detach(recurrent_dropout(candidate_dropout(base, 0.1), 0.2), 0.3),
        zoneout(base, {base.state[0]: 0.0}),
    ):
        assert equivalent(base, changed), changed.name


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_what_changes_evaluation_changes_the_law(name: str) -> None:
    base = CELLS[name]
    for changed in (zoneout(base, {"h": 0.3}), clip_gates(base, 0.5), clip_memory(base, 0.5)):
        assert not equivalent(base, changed)
    assert equivalent(clip_gates(base, 0.5), clip_gates(base, 0.5))
    assert not equivalent(clip_gates(base, 0.5), clip_gates(base, 0.6))


@cell(gates="output forget candidate", state="hidden memory")
def rewritten_coupled_lstm(out: Any, keep: Any, new: Any, memory: Any) -> Any:
    keep = sigmoid(keep)
    memory = tanh(new) * (1 - keep) + memory * keep * 1.0
    return tanh(memory) * sigmoid(out) + 0.0, memory


@cell(gates="forget candidate output", state="h c")
def swapped_coupled_lstm(f: Any, g: Any, o: Any, c: Any) -> Any:
    i, f, g, o = sigmoid(f), sigmoid(-f), tanh(g), sigmoid(o)
    c = f * c + i * g
    return o * tanh(c), c


@cell(gates={"forget": "W x + U h + b", "candidate": "W x + U h", "output": "W x + U h + b"}, state="h c")
def coupled_lstm_without_a_bias(f: Any, g: Any, o: Any, c: Any) -> Any:
    i, f, g, o = sigmoid(-f), sigmoid(f), tanh(g), sigmoid(o)
    c = f * c + i * g
    return o * tanh(c), c


@cell(gates="candidate", state="h")
def difference(a: Any, h: Any) -> Any:
    return tanh(a) - 0.5 * h


@cell(gates="candidate", state="h")
def opposite_difference(a: Any, h: Any) -> Any:
    return 0.5 * h - tanh(a)


def test_the_order_of_a_difference_matters() -> None:
    assert equivalent(difference, difference)
    assert not equivalent(difference, opposite_difference)


def test_it_does_not_matter_how_a_law_is_written() -> None:
    assert equivalent(CELLS["coupled_lstm"], rewritten_coupled_lstm)


@pytest.mark.parametrize("other", [swapped_coupled_lstm, coupled_lstm_without_a_bias], ids=lambda other: other.name)
def test_what_looks_alike_is_another_law(other: Any) -> None:
    assert not equivalent(CELLS["coupled_lstm"], other)


@pytest.mark.parametrize("name", ["lstm", "gru_reset_before", "deep"])
def test_the_equivalent_gives_the_same_numbers(name: str) -> None:
    base = ALL_CELLS[name]
    changed = h_detach(recurrent_dropout(base, 0.3), 0.2)
    assert equivalent(base, changed)
    plain, other = (Recurrent(cell, 3, 4, dtype=torch.float64).eval() for cell in (base, changed))
    other.load_state_dict(plain.state_dict())
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(other(x)[0], plain(x)[0])
