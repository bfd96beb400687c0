"""Who wrote the memory, against a plain loop, and against memories whose writer is known."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.errors import CellError, ExplanationError, InputError, ShapeError
from gatewise.inspect.memory.provenance import provenance
from gatewise.inspect.recorded_run import record
from gatewise.nn import GRU, LSTM, RNN, Recurrent
from gatewise.transforms.rewrite import memories

from ..matrix import every_cell, relative_error
from ..tolerance import PARITY

NO_LAW = {"rnn", "rnn_relu", "lstm_layer_norm_recurrent_dropout"}


def recorded(module, steps=9, lengths=None, **options):
    torch.manual_seed(1)
    x = torch.randn(steps, 2, module.input_size, dtype=module.weight_ih_l0.dtype)
    return record(module.eval(), x, lengths=lengths, preactivations=True, **options)


def looped(keep, write, initial):
    """A[k] at the last step, by a plain loop, and what is left of the initial state."""
    parts, left = [], initial.clone()
    for k, w in zip(keep, write, strict=True):
        parts = [part * k for part in parts] + [w]
        left = left * k
    return torch.stack(parts), left


@every_cell
def test_writes_add_up_to_the_memory_in_both_directions(cell):
    module = Recurrent(cell, 3, 4, bidirectional=True)
    kept = recorded(module, 40, lengths=[40, 33])
    if cell.inputs:
        with pytest.raises(CellError, match=f"the step of {cell.name} reads"):
            provenance(kept)
        return
    if cell.name in NO_LAW:
        with pytest.raises(CellError, match=cell.name):
            provenance(kept)
        return
    for direction, time in ((0, 5), (0, -1), (1, 0), (1, 20)):
        memory = provenance(kept, 0, direction, batch=1)
        written = memory.at(time)
        assert memory.law.holds
        assert written.certificate.holds
        expected = kept.states[memories(cell)[0]][0, direction, time % 33, 1]
        assert torch.equal(memory.states[time % 33], expected.double())
        assert written.steps.shape == (33, 4)
        assert written.rounding.abs().max() <= 1e-5 * memory.states.abs().max()
        beyond = written.steps[:20] if direction and time else written.steps[6:] if time == 5 else written.steps[:0]
        assert not beyond.any()  # not written yet


def test_parts_are_those_of_a_plain_loop_over_the_gates():
    kept = recorded(LSTM(3, 4, dtype=torch.float64))
    gates = {name: gate[0, 0, :, 1] for name, gate in kept.gates.items()}
    parts, left = looped(gates["forget"], gates["input"] * gates["candidate"], kept.initial["c"][0, 0, 1])
    written = provenance(kept, batch=1).at(-1)
    assert relative_error(written.steps, parts) <= PARITY["float64"]
    assert relative_error(written.initial, left) <= PARITY["float64"]


def test_the_reverse_direction_runs_from_its_own_end_and_answers_in_the_inputs_order():
    kept = recorded(GRU(3, 4, bidirectional=True, dtype=torch.float64), lengths=[9, 6])
    z, n = (kept.gates[name][0, 1, :6, 1].flip(0) for name in ("update", "candidate"))
    parts, _ = looped(z, (1 - z) * n, kept.initial["h"][0, 1, 1])
    written = provenance(kept, direction=1, batch=1).at(0)
    assert relative_error(written.steps, parts.flip(0)) <= PARITY["float64"]


def planted(units=3):
    """A layer whose forget gate is always open and whose input gate opens at the marked steps only."""
    module = LSTM(2, units, dtype=torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        W, b = module.weight_ih_l0, module.bias_ih_l0
        W[:units, 1], b[:units] = 80.0, -40.0  # input: the mark
        b[units : 2 * units] = 40.0  # forget: never
        W[2 * units : 3 * units, 0] = 0.1  # candidate: the value
        b[3 * units :] = 40.0
    x = torch.rand(60, 1, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    x[..., 1] = 0.0
    x[[11, 37], :, 1] = 1.0
    return module, x


def test_in_the_adding_problem_the_two_marked_steps_wrote_everything():
    module, x = planted()
    memory = provenance(record(module, x, preactivations=True))
    steps = memory.at(-1).steps
    assert steps[[11, 37]].sum() >= 0.999999 * steps.sum()
    found = memory.by_write_time(-1, torch.ones(3))
    assert found.certificate.holds
    assert found.steps[0, [11, 37]].sum() >= 0.999999 * found.steps.sum()


@settings(max_examples=15, deadline=None)
@given(steps=st.integers(1, 300), bias=st.floats(-30, 30), seed=st.integers(0, 9))
def test_memories_that_fade_to_nothing_or_never_give_no_nan(steps, bias, seed):
    torch.manual_seed(seed)
    module = LSTM(2, 3)
    torch.nn.init.constant_(module.bias_ih_l0[3:6].data, bias)
    written = provenance(recorded(module, steps)).at(-1)
    assert written.certificate.holds
    assert not torch.cat((written.steps, written.initial[None])).isnan().any()


def test_two_thousand_steps_of_half_forgetting_give_no_nan():
    memory = provenance(recorded(LSTM(2, 3), 2000))
    assert memory.at(-1).certificate.holds
    assert not memory.at(-1).steps.isnan().any()


@pytest.mark.parametrize("projection", [0, 2])
def test_the_output_by_write_time_adds_up_to_the_output(projection):
    module = LSTM(3, 4, proj_size=projection)
    kept = recorded(module)
    weights = torch.randn(5, projection or 4)
    found = provenance(kept, batch=1).by_write_time(6, weights)
    total = found.steps.sum(1) + found.initial + found.rounding + found.rest
    assert found.certificate.holds
    assert not found.rest.any()
    assert relative_error(total, weights.double() @ kept.states["h"][0, 0, 6, 1].double()) <= 1e-12
    with pytest.raises(ShapeError, match="do not fit an output"):
        provenance(kept).by_write_time(0, torch.ones(7))


def test_a_law_that_does_not_hold_refuses_every_sum():
    module = LSTM(3, 4)
    kept = recorded(module)
    memory = provenance(kept)
    memory._rounded[3, 1] += 0.01  # as a wrong keep would leave it
    with pytest.raises(ExplanationError, match="c, step by step"):
        memory.at(-1).certificate.require()


def test_what_cannot_be_followed_says_why():
    module = LSTM(3, 4)
    with pytest.raises(InputError, match="no pre-activations"):
        provenance(record(module, torch.randn(5, 2, 3)))
    with pytest.raises(InputError, match="some of the steps"):
        provenance(recorded(module, span=(2, 5)))
    kept = recorded(module)
    with pytest.raises(InputError, match="no state 'k'"):
        provenance(kept, state="k")
    with pytest.raises(CellError, match="lstm keeps nothing of h"):
        provenance(kept, state="h")
    with pytest.raises(InputError, match="sequence 2 does not exist"):
        provenance(kept, batch=2)
    with pytest.raises(InputError, match="no time 9"):
        provenance(kept).at(9)
    with pytest.raises(CellError, match="rnn keeps nothing"):
        provenance(recorded(RNN(3, 4)))
