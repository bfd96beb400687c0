"""The steps' Jacobians and their products are what autograd says of the fused module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gatewise import record
from gatewise.errors import InputError
from gatewise.inspect.memory.jacobian import lag_norms, step_jacobians
from gatewise.nn import GRU, LSTM, SLSTM, Recurrent, check
from gatewise.transforms.rewrite import is_scaled

from .. import tolerance
from ..matrix import ALL_CELLS, relative_error

STEPS = 6
# One state and several, a gate that looks at the memory, products inside the step, states relative to one another.
KINDS = ("lstm", "coupled_peephole_lstm", "gru", "slstm", "deep")


def through_autograd(module: Recurrent, x: Tensor, states: list[Tensor]) -> Tensor:
    """d last states / d initial states of one sequence (T, I) from states (K,), through the fused kernels."""
    widths = [len(state) for state in states]

    def last(joined: Tensor) -> Tensor:
        given = tuple(each.view(1, 1, -1) for each in joined.split(widths))
        hx = module(x.unsqueeze(1), given if len(given) > 1 else given[0])[1]
        return torch.cat([each.flatten() for each in (hx if isinstance(hx, tuple) else (hx,))])

    return torch.autograd.functional.jacobian(last, torch.cat(states))


@pytest.mark.parametrize("name", KINDS)
def test_products_are_the_jacobian_of_the_fused_module(name):
    cell = ALL_CELLS[name]
    torch.manual_seed(2)
    module = Recurrent(cell, 3, 4).double().eval()
    x = torch.randn(STEPS, 2, 3, dtype=torch.float64)
    seen = record(module, x)
    matrices = step_jacobians(seen, batch=1)
    for begin in (0, 1, 4):
        if begin == 0 and is_scaled(cell):
            continue  # from minus infinity there is no derivative
        states = [seen.states[name][0, 0, begin, 1] for name in cell.state]
        expected = through_autograd(module, x[begin + 1 :, 1], states)
        found = torch.linalg.multi_dot([*matrices[begin + 1 :].flip(0), torch.eye(len(expected), dtype=torch.float64)])
        assert relative_error(found, expected) < tolerance.PARITY["float64"]


def test_norms_over_lags_stand_beside_the_forget_paths():
    torch.manual_seed(3)
    module = LSTM(3, 4).double()
    with torch.no_grad():
        module.weight_hh_l0.mul_(4)
    x = torch.randn(STEPS, 2, 3, dtype=torch.float64)
    seen = record(module, x)
    found = lag_norms(seen, 4, batch=1)
    forget = seen.gates["forget"][0, 0, :, 1]
    for lag in range(1, 5):
        states = [seen.states[name][0, 0, STEPS - 1 - lag, 1] for name in "hc"]
        expected = through_autograd(module, x[STEPS - lag :, 1], states)
        path = forget[STEPS - lag :].prod(0)
        at = lag - 1
        for name, matrix in (("", expected), ("memory_", expected[4:, 4:]), ("forget_", path.diag())):
            spectral, frobenius = (getattr(found, (name or "") + kind)[at] for kind in ("spectral", "frobenius"))
            assert float(spectral) == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)))
            assert float(frobenius) == pytest.approx(float(torch.linalg.matrix_norm(matrix)))
    assert float(found.ratio[-1]) == pytest.approx(float(found.memory_spectral[-1] / found.forget_spectral[-1]))
    assert found.to_pandas().shape == (4, 7)
    assert "4 steps back" in str(found)


def test_any_step_can_be_looked_back_from():
    seen = record(GRU(3, 4).double(), torch.randn(STEPS, 2, 3, dtype=torch.float64))
    whole, part = step_jacobians(seen), lag_norms(seen, at=3)
    assert len(part.spectral) == 4
    assert float(part.spectral[1]) == pytest.approx(float(torch.linalg.matrix_norm(whole[3] @ whole[2], 2)))


def test_the_reverse_direction_of_ragged_sequences_is_the_forward_one_on_the_mirrored_input():
    both, one = LSTM(3, 4, bidirectional=True).double(), LSTM(3, 4).double()
    one.load_state_dict({name: getattr(both, f"{name}_reverse").detach() for name in one.state_dict()})
    x = torch.randn(STEPS, 2, 3, dtype=torch.float64)
    hx = torch.randn(2, 2, 2, 4, dtype=torch.float64).unbind()
    ragged = record(both, x, hx, lengths=[6, 4])
    mirrored = record(one, x[:4, 1:].flip(0), tuple(state[1:, 1:] for state in hx))
    found = step_jacobians(ragged, direction=1, batch=1)
    assert relative_error(found, step_jacobians(mirrored).flip(0)) < tolerance.PARITY["float64"]
    norms, expected = lag_norms(ragged, direction=1, batch=1), lag_norms(mirrored)
    assert norms.at == 0
    assert norms.spectral.tolist() == pytest.approx(expected.spectral.tolist())
    assert norms.forget_spectral.tolist() == pytest.approx(expected.forget_spectral.tolist())


@pytest.mark.parametrize("options", [{"proj_size": 2}, {"hidden_size": [4, 6], "num_layers": 2}], ids=str)
def test_projections_and_layers_of_different_sizes(options):
    module = LSTM(3, **{"hidden_size": 4, **options}).double()
    x = torch.randn(STEPS, 1, 3, dtype=torch.float64)
    seen = record(module, x)
    layer = len(options) - 1
    place = seen.layer(layer)
    alone = LSTM(place.x.shape[2], place.gates["forget"].shape[2], proj_size=module.proj_size).double()
    weights = {name.replace("l0", f"l{layer}"): name for name in alone.state_dict()}
    alone.load_state_dict({mine: module.state_dict()[theirs] for theirs, mine in weights.items()})
    states = [place.states[name][2, 0] for name in "hc"]
    expected = through_autograd(alone, place.x[3:4, 0], states)
    assert relative_error(step_jacobians(seen, (3, 4), layer=layer)[0], expected) < tolerance.PARITY["float64"]


def test_heads_are_blocks():
    module = SLSTM(3, 4, heads=2).double()
    matrix = step_jacobians(record(module, torch.randn(STEPS, 1, 3, dtype=torch.float64)))[2]
    assert matrix[0:2, 2:4].eq(0).all()
    assert matrix[0:2, 0:2].ne(0).all()


def test_too_much_is_said_before_it_is_allocated(monkeypatch):
    seen = record(LSTM(1, 30), torch.zeros(200, 1, 1))
    monkeypatch.setattr(check, "memory_beside", lambda _tensor: 2**20)
    with pytest.raises(InputError, match=r"200 Jacobians of 60 x 60 would take (.|\n)*give a shorter span"):
        step_jacobians(seen)
    assert step_jacobians(seen, (190, 200)).shape == (10, 60, 60)
    monkeypatch.setattr(check, "memory_beside", lambda _tensor: 2**10)
    with pytest.raises(InputError, match="a Jacobian of 60 x 60 would take"):
        lag_norms(seen)


def test_steps_and_sequences_that_are_not_there_are_named():
    seen = record(LSTM(1, 3), torch.zeros(20, 1, 1))
    with pytest.raises(InputError, match="no sequence 1"):
        lag_norms(seen, batch=1)
    with pytest.raises(InputError, match="there are 1 to 20"):
        lag_norms(seen, 21)
    with pytest.raises(InputError, match="no step 20"):
        lag_norms(seen, at=20)
    with pytest.raises(InputError, match=r"span \(3, 21\)"):
        step_jacobians(seen, (3, 21))
    with pytest.raises(InputError, match="leaves steps out"):
        lag_norms(record(LSTM(1, 3), torch.zeros(4, 1, 1), bin=2))
