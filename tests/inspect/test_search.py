"""Planted stretches and states are found, and nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise import record
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.inspect.selected_units import Match, _runs, matches, units_on
from gatewise.inspect.similar_steps import similar
from gatewise.nn import LSTM, RNN, Recurrent


def follower(features: int = 3) -> Recurrent:
    """A layer whose unit k is the k-th feature of its input, where that is positive."""
    module = Recurrent(CELLS["rnn_relu"], features, features)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_ih_l0.copy_(torch.eye(features))
    return module


def drawn(*rows: str) -> torch.Tensor:
    """(T, 1, rows): a feature for each row, 1 where it has an x."""
    return torch.tensor([[float(mark == "x") for mark in row] for row in rows]).t().unsqueeze(1)


def test_units_are_on_over_exactly_the_span():
    seen = record(follower(), drawn("..xxx...", ".xxxx...", "..xxx.xx"))
    assert units_on(seen, (2, 5), 0.5).units.tolist() == [0, 2]
    assert units_on(seen, (2, 4), 0.5).units.tolist() == []
    assert units_on(seen, (1, 5), 0.5).units.tolist() == [1]
    assert units_on(seen, (6, 8), 0.5).units.tolist() == [2]
    assert "steps 2 to 4: 0, 2" in str(units_on(seen, (2, 5), 0.5))


def test_a_negative_threshold_looks_below():
    module = RNN(1, 1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.weight_ih_l0.fill_(-1.0)
    assert units_on(record(module, drawn("..xx.")), (2, 4), -0.5).units.tolist() == [0]


def test_other_stretches_are_found_in_other_sequences_and_records_the_longest_first():
    pair = torch.cat(
        [drawn(".xx..xxx.", ".xx..xx..", "........."), drawn("xxxxx..xx", "xxxxx..xx", ".........")], dim=1
    )
    first, second = record(follower(), pair, lengths=[9, 8]), record(follower(), drawn("xx.", "xxx", "..."))
    on = units_on(first, (1, 3), 0.5)
    assert on.units.tolist() == [0, 1]
    found = matches([first, second], on)
    assert found.stretches == (Match(0, 1, 0, 5), Match(0, 0, 5, 7), Match(1, 0, 0, 2), Match(0, 1, 7, 8))
    assert [each.length for each in matches(first, on, least=2).stretches] == [5, 2]
    assert matches(first, on, share=0.5).stretches[1] == Match(0, 0, 5, 8)
    assert found.to_pandas().length.tolist() == [5, 2, 2, 1]
    assert "4 other stretches, the longest of 5" in str(found)


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_the_stretches_that_hold(marks):
    found = _runs(torch.tensor(marks, dtype=torch.bool))
    covered = [step for first, end in found for step in range(first, end)]
    assert covered == [step for step, mark in enumerate(marks) if mark]
    assert all(end < first for (_, end), (first, _) in pairwise(found))


def test_the_nearest_state_is_the_planted_one_and_neighbours_in_time_are_one_event():
    x = torch.rand(30, 2, 3) + 0.1
    x[20, 1] = x[4, 0] + 1e-4
    x[21, 1] = x[4, 0] + 2e-4
    x[5, 0] = x[4, 0] + 1e-5
    seen = record(follower(), x)
    for measure in ("cosine", "euclidean"):
        found = similar(seen, 4, 3, measure=measure, apart=3)
        assert (found.steps[0].batch, found.steps[0].time) == (1, 20)
        assert all(abs(each.time - 4) >= 3 for each in found.steps if each.batch == 0)
        assert all(each.time != 21 for each in found.steps)
        assert [each.distance for each in found.steps] == sorted(each.distance for each in found.steps)
    assert similar(seen, 4, 1, apart=1).steps[0].time == 5
    assert len(similar(seen, 4, 1000, apart=1).to_pandas()) == 59


def test_padding_is_never_found():
    seen = record(LSTM(3, 4, bidirectional=True), torch.randn(9, 2, 3), lengths=[9, 2])
    found = similar(seen, 3, 100, direction=1, state="forget").steps
    assert len(found) == 8 + 2
    assert all(each.time < 2 for each in found if each.batch == 1)


def test_what_is_not_there_is_named():
    seen = record(follower(), drawn("..xx", "....", "...."))
    with pytest.raises(InputError, match=r"span \(2, 5\)"):
        units_on(seen, (2, 5), 0.5)
    with pytest.raises(InputError, match="no state or gate 'c'"):
        units_on(seen, (2, 4), 0.5, state="c")
    with pytest.raises(InputError, match="no unit is selected"):
        matches(seen, units_on(seen, (0, 1), 0.5))
    with pytest.raises(InputError, match="no sequence 1"):
        similar(seen, 0, batch=1)
    with pytest.raises(InputError, match="no step 4"):
        similar(seen, 4)
    with pytest.raises(InputError, match="measure 'angle' does not exist"):
        similar(seen, 0, measure="angle")
    with pytest.raises(InputError, match="share=0"):
        matches(seen, units_on(seen, (2, 4), 0.5), share=0)
