"""What a chain may hold, and what follows for streams, files and exports from one row of the table of parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gatewise
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.export import to_c, to_onnx
from gatewise.nn import GRU, LSTM, Chain, Recurrent, Standardize
from gatewise.nn.parts import KINDS, PartKind, apply
from gatewise.nn.rowwise import Gateless


def sequence(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("first", [LSTM(3, 5), nn.LSTM(3, 5), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.GRU(4, 5))])
def test_a_sequential_stands_for_the_modules_in_it(first):
    last, x = nn.Linear(5, 2), sequence(4, 1, 3)
    whole, parts = Chain(nn.Sequential(first, last)).eval(), Chain(first, last).eval()
    assert list(whole.state_dict()) == list(parts.state_dict())
    expected, states = parts(x)
    assert torch.equal(whole(x)[0], expected)
    stream = gatewise.stream(nn.Sequential(first, last))
    assert torch.equal(torch.stack([stream.step(row) for row in x]), expected)
    assert len(stream.state) == len(states) == 1


def test_a_sequential_is_exported_under_the_names_that_it_has(tmp_path):
    model = nn.Sequential(LSTM(3, 5), nn.Linear(5, 2))
    assert to_onnx(model, tmp_path / "model.onnx").outputs["y"] == ("time", "batch", 2)
    with torch.no_grad():
        model[1].weight[0, 0] = torch.nan
    with pytest.raises(InputError, match=r"^1\.weight: 1 of its 10 number is NaN"):
        to_c(model, tmp_path)


class Doubled(LSTM):
    def forward(self, *arguments, **named):
        y, last = super().forward(*arguments, **named)
        return 2 * y, last


class Shifted(nn.Linear):
    def forward(self, input):
        return super().forward(input) + 1


class Backward(nn.Sequential):
    def forward(self, input):
        return super().forward(input.flip(0))


class Named(nn.LayerNorm):
    pass


@pytest.mark.parametrize("part", [Shifted(3, 3), Backward(nn.Tanh()), nn.Conv1d(3, 3, 1)])
def test_what_is_of_no_kind_is_no_part(part):
    with pytest.raises(InputError, match=f"part 1: (a )?{type(part).__name__} "):
        Chain(LSTM(3, 3), part)


def test_a_subclass_that_computes_the_same_is_a_part():
    x, named, plain = sequence(4, 2, 3), Chain(Named(3), LSTM(3, 5)), nn.LayerNorm(3)
    assert torch.equal(named(x)[0], Chain(plain, named.parts[1])(x)[0])


def test_another_forward_is_called_and_neither_carried_on_nor_exported(tmp_path):
    chain, x = Chain(nn.Linear(3, 3), Doubled(3, 5)), sequence(4, 2, 3)
    assert torch.equal(chain(x)[0], 2 * LSTM.forward(chain.parts[1], apply(chain.parts[0], x))[0])
    for use in (gatewise.stream, lambda model: to_c(model, tmp_path), lambda model: to_onnx(model, tmp_path / "x")):
        with pytest.raises(InputError, match="part 1: a Doubled has a forward of its own"):
            use(chain)


def test_a_layer_norm_over_steps_is_a_part_and_neither_carried_on_nor_exported(tmp_path):
    chain = Chain(nn.Linear(4, 6), nn.LayerNorm((2, 6)))
    assert chain(sequence(5, 2, 4))[0].shape == (5, 2, 6)
    for use in (gatewise.stream, lambda model: to_c(model, tmp_path), lambda model: to_onnx(model, tmp_path / "x")):
        with pytest.raises(InputError, match=r"part 1: a LayerNorm over \(2, 6\) is not over the features of a step"):
            use(chain)


@pytest.mark.parametrize("use", [gatewise.stream, lambda model: to_c(model, ".")])
def test_what_needs_the_end_of_a_sequence_does_not_go_step_by_step(use):
    with pytest.raises(InputError, match=r"part 0: a bidirectional module needs the end of a sequence"):
        use(Chain(LSTM(3, 5, bidirectional=True), nn.Linear(10, 1)))


def test_sizes():
    statistics = torch.zeros(3), torch.ones(3)
    chain = Chain(nn.Tanh(), Standardize(*statistics), Recurrent(CELLS["gru"], 3, 4, proj_size=2), nn.ReLU())
    assert (chain.input_size, chain.output_size) == (3, 2)
    assert Chain(GRU(3, 4, bidirectional=True)).output_size == 8
    with pytest.raises(InputError, match="no part of the chain says"):
        _ = Chain(nn.Tanh()).output_size


@gatewise.cell(gates={}, state="y")
def silu(y):
    return y * torch.sigmoid(y)


def test_a_kind_is_one_row(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="SiLU is no part"):
        Chain(nn.SiLU())
    monkeypatch.setitem(KINDS, nn.SiLU, PartKind(nn.SiLU, rows=lambda _: Gateless(silu)))
    chain, x = Chain(nn.SiLU(), LSTM(3, 5), nn.SiLU()).eval(), sequence(4, 1, 3)
    y = chain(x)[0]
    torch.testing.assert_close(y, nn.functional.silu(chain.parts[1](nn.functional.silu(x))[0]))
    chain.save(tmp_path / "chain")
    assert torch.equal(Chain.load(tmp_path / "chain")(x)[0], y)
    stream = gatewise.stream(chain)
    assert torch.equal(torch.stack([stream.step(row) for row in x]), y)
    assert to_onnx(chain, tmp_path / "chain.onnx").operators == {"part0": "SiLU", "part1.l0": "LSTM", "part2": "SiLU"}
    assert to_c(chain, tmp_path).sizes.outputs == 5
