"""torch.nn's layers as ours: the same weights, the same results, and nobody else's modules."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

import gatewise
from gatewise.errors import InputError
from gatewise.nn.from_torch import twin_of

from ..matrix import relative_error
from ..tolerance import PARITY

MODULES = {
    "LSTM": nn.LSTM(5, 6, 2, bidirectional=True),
    "LSTM, projected": nn.LSTM(5, 6, 2, proj_size=3),
    "LSTM, batch first, without bias": nn.LSTM(5, 6, bias=False, batch_first=True),
    "LSTM, float64": nn.LSTM(5, 6, dtype=torch.float64),
    "GRU": nn.GRU(5, 6, 3, bidirectional=True),
    "RNN": nn.RNN(5, 6),
    "RNN, rectified": nn.RNN(5, 6, nonlinearity="relu"),
}


@pytest.mark.parametrize("theirs", MODULES.values(), ids=MODULES)
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_results_are_torch_s_and_weights_the_same_objects(theirs) -> None:
    ours = gatewise.from_torch(theirs)
    assert {name: id(weight) for name, weight in ours.named_parameters()} == {
        name: id(weight) for name, weight in theirs.named_parameters()
    }
    dtype = next(theirs.parameters()).dtype
    x = torch.randn(7, 3, 5, dtype=dtype)
    expected, last = theirs(x)
    found, ended = ours(x)
    tolerance = PARITY[str(dtype).removeprefix("torch.")]
    assert relative_error(found, expected) <= tolerance
    for mine, wanted in zip(ended, last, strict=True):
        assert relative_error(mine, wanted) <= tolerance


def test_whether_it_is_training_and_its_dropout_carry_over() -> None:
    ours = gatewise.from_torch(nn.LSTM(5, 6, 2, dropout=0.5).eval())
    assert not ours.training
    assert ours.dropout == 0.5


def test_a_weight_that_torch_computes_is_taken_as_it_is_now() -> None:
    theirs = nn.LSTM(5, 6)
    nn.utils.parametrizations.weight_norm(theirs, "weight_hh_l0")
    x = torch.randn(7, 3, 5)
    assert relative_error(gatewise.from_torch(theirs)(x)[0], theirs(x)[0]) <= PARITY["float32"]


def test_other_modules_are_refused_by_name() -> None:
    class Own(nn.LSTM):
        def forward(self, input, hx=None):
            return super().forward(2 * input, hx)

    for module in (nn.Linear(2, 2), nn.LSTMCell(2, 2), Own(2, 2)):
        with pytest.raises(InputError, match=f"{type(module).__name__} is not one of torch.nn's"):
            gatewise.from_torch(module)


def test_a_twin_is_kept_until_something_about_the_module_changes():
    module = torch.nn.LSTM(2, 3, dropout=0.0)
    twin = twin_of(module)
    assert twin_of(module) is twin
    with torch.no_grad():
        module.weight_ih_l0.zero_()  # numbers are shared
    assert twin_of(module) is twin
    assert twin_of(module.eval()).training is False
    module.weight_ih_l0 = torch.nn.Parameter(torch.ones(12, 2))
    assert twin_of(module) is not twin
    assert twin_of(module).weight_ih_l0 is module.weight_ih_l0
    twin = twin_of(module)
    module.batch_first = True
    assert twin_of(module).batch_first
    torch.nn.utils.parametrizations.spectral_norm(module, "weight_hh_l0")
    assert torch.equal(twin_of(module).weight_hh_l0, module.eval().weight_hh_l0)


def test_a_twin_does_not_keep_the_module_alive():
    module = torch.nn.LSTM(2, 3)
    gone = weakref.ref(module)
    twin_of(module)
    del module
    gc.collect()
    assert gone() is None
