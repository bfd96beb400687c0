"""Exact splits of a model's output over its input, against closed forms and planted truth."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gatewise.cells import CELLS
from gatewise.errors import ExplanationError, InputError
from gatewise.inspect.credit.decomposition import decompose
from gatewise.nn import GRU, LSTM, Chain, Recurrent, Standardize
from gatewise.transforms import layer_norm

from ..matrix import every_dtype, relative_error
from ..tolerance import PARITY
from ..user_cells import USER_CELLS
from .test_provenance import planted

SOME = {name: {**CELLS, **USER_CELLS}[name] for name in ("lstm", "slstm", "lstm_1997")}


def random(*shape, dtype=torch.float64, seed=2):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def total(found):
    dims = tuple(range(found.value.dim(), found.inputs.dim()))
    return found.inputs.sum(dims) + sum(found.lines.values())


@every_dtype
@pytest.mark.parametrize("cell", SOME.values(), ids=SOME)
def test_credit_adds_up_through_a_stack_in_both_directions(cell, dtype):
    torch.manual_seed(0)
    module = Recurrent(cell, 3, 4, num_layers=2, bidirectional=True, dtype=dtype)
    found = decompose(module, random(300, 2, 3, dtype=dtype), lambda y: y[0][100, 1, :2], lengths=[300, 211])
    found.require()
    assert found.inputs.shape == (2, 300, 2, 3)
    assert not found.inputs[:, :, 0].any()
    assert not found.inputs[:, 211:, 1].any()
    assert found.inputs[:, :211, 1].any()


class Model(nn.Module):
    """A layer of torch.nn, and what people put around one."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(3, 5)
        self.rnn = nn.LSTM(5, 8, 2, batch_first=True, dropout=0.3)
        self.norm, self.scale = nn.LayerNorm(8), nn.BatchNorm1d(8)
        self.score, self.hidden, self.out = nn.Linear(8, 1), nn.Linear(8, 8), nn.Linear(8, 2)
        self.dropout = nn.Dropout(0.5)
        nn.init.normal_(self.scale.bias)

    def forward(self, x):
        y = self.norm(self.rnn(nn.functional.relu(self.embed(x)))[0])
        pooled = self.scale((torch.softmax(self.score(y), 1) * y).sum(1))
        mixed = torch.sigmoid(self.score(pooled)) * torch.tanh(pooled) + 0.5
        deep = nn.functional.softplus(nn.functional.gelu(self.hidden(self.dropout(mixed))) / 2.0)
        return self.out(deep) + 1.5


@every_dtype
def test_credit_adds_up_through_a_whole_model_with_biases_on_lines_of_their_own(dtype):
    torch.manual_seed(0)
    model, x = Model().to(dtype), random(2, 30, 3, dtype=dtype)
    model(x.float().to(dtype)).sum()  # statistics to normalise with
    found = decompose(model.eval(), x, lambda y: y[1])
    found.require()
    assert relative_error(total(found), model(x)[1].double()) <= PARITY[str(dtype).removeprefix("torch.")]
    assert {"embed.bias", "rnn.bias_ih_l0", "hidden.bias", "out.bias", "scale.bias"} <= set(found.biases)
    assert not any("weight" in name for name in found.biases)
    assert "score.bias" not in found.biases
    assert found.constants["constants of the model"].all()
    assert not found.inputs[:, 0].any()  # the other sequence


def test_a_linear_model_splits_into_weight_times_input():
    class Straight(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = GRU(2, 3, dtype=torch.float64), nn.Linear(2, 1, dtype=torch.float64)

        def forward(self, x):
            return self.out(x) + 0.0 * self.rnn(x)[0][..., :1]

    model, x = Straight(), random(4, 1, 2)
    found = decompose(model, x, lambda y: y[2, 0, 0])
    expected = torch.zeros_like(x)
    expected[2, 0] = x[2, 0] * model.out.weight[0]
    assert relative_error(found.inputs, expected) <= PARITY["float64"]
    assert relative_error(found.biases["out.bias"], model.out.bias[0].double()) <= PARITY["float64"]


def test_in_the_adding_problem_credit_goes_to_the_two_marked_values():
    module, x = planted()
    found = decompose(module, x, lambda y: y[0][-1, 0].sum())
    found.require()
    assert found.inputs[[11, 37], 0, 0].sum() >= 0.999999 * found.value
    assert abs(found.inputs[..., 1]).max() == 0.0  # the mark works gates only


def test_the_initial_state_and_a_packed_input_have_lines():
    module = LSTM(2, 3, dtype=torch.float64)
    packed = nn.utils.rnn.pack_padded_sequence(random(6, 2, 2), torch.tensor([6, 4]))
    hx = (random(1, 2, 3, seed=5), random(1, 2, 3, seed=6))
    found = decompose(module, packed, lambda y: y[0].data[-1, 0], hx)
    found.require()
    assert found.inputs.shape == packed.data.shape
    assert found.initial["initial state_l0"] != 0.0


def test_a_projection_and_heads_and_learned_states_add_up():
    for module in (
        LSTM(2, 4, num_layers=2, proj_size=3, dtype=torch.float64),
        GRU(2, 4, heads=2, learned_state=True, dtype=torch.float64),
        LSTM(2, 2, num_layers=2, residual=True, pre_norm=True, dtype=torch.float64),
    ):
        hx = (random(2, 1, 3), random(2, 1, 4)) if module.proj_size else None
        decompose(module, random(7, 1, 2), lambda y: y[0][-1, 0], hx).require()


def test_a_chain_of_maps_adds_up():
    scale = Standardize(torch.tensor([1.0, -2.0]).double(), torch.tensor([2.0, 0.5]).double())
    ends = nn.Linear(3, 3), nn.LayerNorm(3), nn.Sigmoid(), nn.Linear(3, 2)
    model = Chain(scale, nn.Linear(2, 2), LSTM(2, 3), *ends).double()
    nn.init.normal_(ends[1].bias)  # a line of nothing would be left out
    found = decompose(model, random(7, 1, 2), lambda y: y[0][-1, 0])
    found.require()
    assert {f"parts.{part}.bias" for part in (1, 3, 4, 6)} < set(found.biases)


def test_what_a_map_makes_of_constants_and_what_scales_that_never_are_negative_do_have_their_places():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.known, self.scale = LSTM(2, 3), nn.Linear(4, 3), nn.Linear(3, 3)

        def forward(self, x):
            read = self.rnn(x)[0] + self.known(torch.ones(4).double())
            return read * (1 + self.scale(read).exp().cumsum(-1) / 2)

    torch.manual_seed(0)
    found = decompose(Scaled().double(), random(5, 1, 2), lambda y: y[-1, 0, 0])
    found.require()
    assert found.constants["constants of the model"].all()
    assert "known.bias" in found.biases
    assert "scale.bias" not in found.biases  # of a gate


class Around(nn.Module):
    """A layer, and some function of its output."""

    def __init__(self, function):
        super().__init__()
        self.rnn, self.function = LSTM(2, 3, dtype=torch.float64), function

    def forward(self, x):
        return self.function(self.rnn(x)[0])


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda y: y * y, "multiplies two values"),
        (lambda y: torch.softmax(y, -1), "explain the scores before it"),
        (torch.cumprod, "does not hold"),
    ],
)
def test_a_model_that_cannot_be_split_is_refused_in_words(function, words):
    model = Around(lambda y: function(y, 0) if function is torch.cumprod else function(y))
    with pytest.raises(ExplanationError, match=words):
        decompose(model, random(5, 1, 2), lambda y: y[-1, 0, 0]).require()


def test_lines_that_only_cancel_explain_nothing():
    torch.manual_seed(0)
    module = Recurrent(layer_norm(CELLS["lstm"], "memory"), 3, 8, num_layers=2, dtype=torch.float64)
    found = decompose(module, random(1000, 1, 3), lambda y: y[0][-1, 0, 0])
    with pytest.raises(ExplanationError, match="times as large as their sum cancel"):
        found.require()


def test_randomised_weights_change_the_picture():
    x, pictures = random(20, 1, 2), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        pictures.append(decompose(LSTM(2, 3, dtype=torch.float64), x, lambda y: y[0][-1, 0, 0]).inputs.flatten())
    assert torch.corrcoef(torch.stack(pictures))[0, 1].abs() < 0.9


def test_bad_arguments_are_refused_and_the_model_is_as_before():
    module, x = LSTM(2, 3), torch.randn(4, 1, 2)
    with pytest.raises(InputError, match="floating point"):
        decompose(module, torch.zeros(4, 1, 2, dtype=torch.int64), lambda y: y[0].sum())
    with pytest.raises(InputError, match="of= must give one number"):
        decompose(module, x, lambda y: y[0])
    decompose(module, x, lambda y: y[0].sum())
    assert module.watch is None
    assert all(p.grad is None for p in module.parameters())
