"""The matrix is the Jacobian that autograd gives, step by step."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import nn

from gatewise.errors import InputError, ShapeError
from gatewise.inspect.credit.connectivity import connectivity
from gatewise.nn import GRU, LSTM, Recurrent

from ..user_cells import deep

# The package's own name `connectivity` is the function.
module_under_test = import_module("gatewise.inspect.credit.connectivity")

STEPS = 6


def by_autograd(run, x):
    """Norms of d run(x)[t] / d x[k], for x (T, I)."""
    whole = torch.autograd.functional.jacobian(run, x)  # (T, K, T, I)
    return whole.square().sum((1, 3)).sqrt()


MODULES = {
    "lstm": LSTM(3, 4),
    "gru in two layers, bidirectional": GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True),
    "projected": LSTM(3, 5, proj_size=2),
    "sizes differ": LSTM(3, [4, 2], num_layers=2),
    "a user's own cell": Recurrent(deep, 3, 4),
    "torch.nn.LSTM": nn.LSTM(3, 4, num_layers=2, bidirectional=True),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("chunk", [1, 2**27], ids=["one", "many"])
def test_it_is_the_norm_of_autograds_jacobian(name, chunk, monkeypatch):
    monkeypatch.setattr(module_under_test, "_CHUNK_BYTES", chunk)
    module = MODULES[name].double()
    x = torch.randn(STEPS, 2, 3, dtype=torch.float64)
    found = connectivity(module, x.transpose(0, 1) if module.batch_first else x, lengths=[6, 4], batch=1)
    dim = 0 if module.batch_first else 1
    expected = by_autograd(lambda one: module(one.unsqueeze(dim))[0].squeeze(dim), x[:4, 1])
    assert found.strength.shape == (4, 4)
    assert torch.allclose(found.strength, expected, rtol=1e-9, atol=1e-15)
    if not module.bidirectional:
        assert found.strength.triu(1).eq(0).all()


class Forecaster(nn.Module):
    """The last output of a recurrent layer, read by a line."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = LSTM(3, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def test_a_readout_gives_the_few_numbers_that_matter():
    model = Forecaster().double()
    x = torch.randn(2, STEPS, 3, dtype=torch.float64)
    found = connectivity(model, x, readout=lambda y: y.unsqueeze(1))
    expected = by_autograd(lambda one: model(one.unsqueeze(0)), x[0])
    assert torch.allclose(found.strength, expected, rtol=1e-9, atol=0)
    assert "1 outputs and 6 inputs" in str(found)
    assert found.to_pandas().shape == (1, 6)
    with pytest.raises(ShapeError, match="give a readout"):
        connectivity(model, x)


def test_initial_states_count():
    module = LSTM(3, 4).double()
    x, hx = torch.randn(STEPS, 2, 3, dtype=torch.float64), tuple(torch.randn(2, 1, 2, 4, dtype=torch.float64))
    found = connectivity(module, x, hx, batch=1)
    mine = tuple(state[:, 1:] for state in hx)
    expected = by_autograd(lambda one: module(one.unsqueeze(1), mine)[0].squeeze(1), x[:, 1])
    assert torch.allclose(found.strength, expected, rtol=1e-9, atol=1e-15)


def test_reach_is_the_mean_lag_weighted_by_strength():
    found = module_under_test.Connectivity(torch.tensor([[1.0, 0.0], [3.0, 1.0]], dtype=torch.float64))
    assert found.reach.tolist() == [0.0, 0.75]


def test_input_without_gradients_and_sequences_that_are_not_there_are_refused():
    with pytest.raises(InputError, match="real numbers"):
        connectivity(LSTM(3, 4), torch.zeros(5, 1, 3, dtype=torch.int64))
    with pytest.raises(InputError, match="no sequence 2"):
        connectivity(LSTM(3, 4), torch.zeros(5, 2, 3), batch=2)
    with pytest.raises(InputError, match="0 steps"):
        connectivity(LSTM(3, 4), torch.zeros(5, 2, 3), lengths=[0, 5])
