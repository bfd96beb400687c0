"""What other people's programs do with cells, layers and streams, and torch lets them."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from torch.utils import _pytree as pytree

import gatewise
from gatewise import nn
from gatewise.errors import GatewiseError, InputError
from gatewise.nn import LSTM

from ..matrix import relative_error
from ..tolerance import PARITY

CELLS = ["LSTMCell", "GRUCell", "RNNCell"]
IN_PLACE = {
    "masked": lambda h: h.mul_(torch.tensor([[1.0], [0.0]], dtype=h.dtype)),
    "set": lambda h: h.index_fill_(0, torch.tensor([1]), 0.0),
    "detached": lambda h: h.detach_(),
}


def as_tuple(states):
    return states if isinstance(states, tuple) else (states,)


@pytest.mark.parametrize("change", IN_PLACE.values(), ids=IN_PLACE)
@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell"])  # torch's RNNCell reads its states again
def test_states_of_cells_are_changed_in_place(name, change):
    ours, theirs = (getattr(package, name)(3, 4, dtype=torch.float64) for package in (nn, torch.nn))
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 2, 3, dtype=torch.float64)
    results = []
    for module in (ours, theirs):
        states = module(x[0])
        for state in as_tuple(states):
            change(state)
        ended = as_tuple(module(x[1], states))
        gradients = torch.autograd.grad(sum(state.square().sum() for state in ended), list(module.parameters()))
        results.append([*ended, *gradients])
    for result, expected in zip(*results, strict=True):
        assert relative_error(result, expected) <= PARITY["float64"]


@pytest.mark.parametrize("name", CELLS)
def test_cells_without_inputs(name):
    module = getattr(nn, name)(0, 4)
    batched, unbatched = (as_tuple(module(torch.empty(shape)))[0] for shape in [(2, 0), (0,)])
    assert torch.equal(batched, unbatched.expand(2, 4))


@pytest.mark.parametrize("options", [{}, {"bias": False, "bidirectional": True}, {"num_layers": 2, "proj_size": 2}])
def test_names_of_weights_are_listed_as_in_torch(options):
    ours, theirs = (kind(3, 4, **options) for kind in (LSTM, torch.nn.LSTM))
    assert ours._all_weights == theirs._all_weights


def test_a_stream_is_not_copied_but_followed():
    module, x = LSTM(2, 3), torch.randn(3, 1, 2)
    stream = gatewise.stream(module)
    stream.step(x[0])
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(InputError, match=r"neither copied nor pickled\nhint: make another"):
            copied(stream)
    other = gatewise.stream(module)
    other.state = stream.state
    assert torch.equal(other.step(x[1]), stream.step(x[1]))


def test_an_out_whose_numbers_share_memory_is_refused_before_the_state_moves():
    stream, x = gatewise.stream(LSTM(2, 3)), torch.randn(1, 2)
    before = stream.state
    with pytest.raises(InputError, match=r"share one place in memory\nhint: out.clone\(\)"):
        stream.step(x, out=torch.zeros(1, 1).expand(1, 3))
    assert all(map(torch.equal, stream.state, before))


def test_a_nan_stays_in_a_stream_until_it_is_reset():
    """As its documentation says: to look for one takes as long as a step."""
    stream, x = gatewise.stream(LSTM(2, 3)), torch.randn(1, 2)
    expected = stream.step(x)
    stream.step(torch.full((1, 2), torch.nan))
    assert bool(stream.step(x).isnan().all())
    assert "NaN" in (type(stream).step.__doc__ or "")
    stream.reset()
    assert torch.equal(stream.step(x), expected)


def test_flags_of_numpy_are_taken():
    module = LSTM(3, 4, bias=np.bool_(True), batch_first=np.bool_(True), bidirectional=np.bool_(False))
    assert (module.bias, module.batch_first, module.bidirectional) == (True, True, False)
    assert all(type(flag) is bool for flag in (module.bias, module.batch_first, module.bidirectional))


def test_dropout_that_has_nowhere_to_go_is_said_as_in_torch():
    for kind in (LSTM, torch.nn.LSTM):
        with pytest.warns(UserWarning, match="non-zero dropout expects num_layers greater than 1, but got dropout=0.5"):
            kind(3, 4, dropout=0.5)
    LSTM(3, 4, num_layers=2, dropout=0.5)


def test_weights_are_counted_as_by_tools_for_torchs_layers():
    ours, theirs = (kind(3, 4, num_layers=2) for kind in (LSTM, torch.nn.LSTM))
    assert ours._flat_weights_names == theirs._flat_weights_names
    torch.nn.utils.prune.l1_unstructured(ours, "weight_hh_l1", 0.5)
    assert [isinstance(weight, torch.nn.Parameter) for weight in ours._flat_weights].count(False) == 1


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_layers_are_told_apart_by_their_mode(name):
    for options in [{}, {"nonlinearity": "relu"}] if name == "RNN" else [{}]:
        ours, theirs = (getattr(package, name)(3, 4, **options) for package in (nn, torch.nn))
        assert ours.mode == theirs.mode
    assert not hasattr(nn.MGU(3, 4), "mode")


@pytest.mark.parametrize("name", [*CELLS, "LSTM"])
def test_an_empty_batch_has_gradients(name):
    module = getattr(nn, name)(3, 4)
    x = torch.empty(*((5,) if name == "LSTM" else ()), 0, 3, requires_grad=True)
    sum(state.sum() for state in pytree.tree_leaves(module(x))).backward()
    assert x.grad is not None
    assert not any(weight.grad.any() for weight in module.parameters())


def test_a_state_of_the_wrong_size_is_named_before_the_dtype():
    x, h = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 7, dtype=torch.float64)
    for package in (nn, torch.nn):
        with pytest.raises(RuntimeError, match="hidden0 has inconsistent hidden_size: got 7, expected 4"):
            package.LSTMCell(3, 4)(x, (h, h))


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated", "ignore:torch.quantize_per_tensor")
def test_quantisation_says_what_it_leaves_as_it_is():
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), LSTM(3, 4))
    with pytest.warns(UserWarning, match=r"leaves gatewise's LSTM as it is.*to_c"):
        quantised = torch.ao.quantization.quantize_dynamic(model, {torch.nn.LSTM, torch.nn.Linear})
    assert type(quantised[1]) is LSTM
    assert not hasattr(quantised[1], "qconfig")
    assert torch.equal(quantised[1](x := torch.randn(5, 2, 3))[0], model[1](x)[0])


def test_a_chain_is_counted_gone_through_and_cut():
    chain = nn.Chain(LSTM(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).eval()
    assert len(chain) == 3
    assert [*chain] == [chain[0], chain[1], chain[-1]]
    assert isinstance(chain[0], LSTM)
    head, x = chain[1:], torch.randn(5, 2, 3)
    assert head[-1].weight is chain[-1].weight
    assert not head.training
    assert torch.equal(head(chain[0](x)[0])[0], chain(x)[0])


def test_cells_and_streams_say_what_they_are():
    assert repr(gatewise.cells.lstm) == "Cell('lstm', gates='input forget candidate output', state='h c')"
    assert repr(gatewise.stream(LSTM(3, 4), batch_size=2)) == (
        "Stream(batch_size=2, input_size=3, dtype=torch.float32)"
    )


class Model(torch.nn.Module):
    """A model as many write theirs."""

    def __init__(self):
        super().__init__()
        self.encoder, self.head = torch.nn.LSTM(3, 4), torch.nn.Linear(4, 2)


WRONG = {
    "a model for a chain": (lambda: nn.Chain(Model()), "Model is no part of a chain.*a Chain of its parts"),
    "a list for a chain": (lambda: nn.Chain([LSTM(3, 4)]), "list is no part of a chain.*one by one"),
    "a model for a layer": (lambda: gatewise.from_torch(Model()), "give its layer 'encoder'"),
    "a cell's name": (lambda: nn.Recurrent("gru", 3, 4), "got: 'gru'.*hint: gatewise.cells.gru"),
    "no cell's name": (lambda: nn.Recurrent("grru", 3, 4), "got: 'grru'.*hint: cells: .*gru"),
    "a step": (lambda: nn.Recurrent(lambda a, h: a + h, 3, 4), "got: function.*@gatewise.cell"),
    "numbers for vectors": (lambda: nn.Standardize(0.0, 1.0), "not one vector each.*torch.ones"),
    "a file for a folder": (lambda: gatewise.export.to_c(LSTM(3, 4), "there/net.c"), "'there', and `name=\"net\"`"),
}


@pytest.mark.parametrize("slip", WRONG)
def test_what_is_given_in_place_of_something_else_is_told(slip):
    make, says = WRONG[slip]
    with pytest.raises(GatewiseError) as error:
        make()
    assert re.search(says, str(error.value), re.DOTALL), str(error.value)
