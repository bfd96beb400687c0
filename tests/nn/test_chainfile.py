"""A chain in a file: what comes back computes the same bits, and nothing else is let in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

import gatewise
from gatewise import cell
from gatewise.container import records
from gatewise.errors import CellError, InputError, ModelFileError
from gatewise.nn import GRU, LSTM, RNN, Chain, Recurrent, Standardize, Unstandardize
from gatewise.nn.chain import FILE
from gatewise.nn.parts import KINDS

from ..matrix import FAMILY as CELLS
from ..matrix import values
from ..user_cells import USER_CELLS


def statistics(features):
    return torch.randn(features), torch.rand(features) + 0.5


ARGUMENTS = {
    nn.Linear: lambda: (4, 4),
    nn.LayerNorm: lambda: (4, 1e-3, True, False),
    nn.Dropout: lambda: (0.5,),
    **dict.fromkeys((Standardize, Unstandardize), lambda: statistics(4)),
}


def every_map():
    return [kind(*ARGUMENTS.get(kind, tuple)()) for kind, row in KINDS.items() if row.rows is not None]


CHAINS = {
    **{name: lambda cell=cell: Chain(Recurrent(cell, 3, 4, 2), nn.Linear(4, 1)) for name, cell in CELLS.items()},
    "maps": lambda: Chain(nn.Linear(3, 4, bias=False), *every_map(), LSTM(4, 2)),
    "torch's": lambda: Chain(nn.LSTM(3, 4, batch_first=True, proj_size=2), nn.RNN(2, 3, 1, "relu", batch_first=True)),
    "sizes": lambda: Chain(GRU(3, [4, 5], 2, bidirectional=True, bias=False)),
    "options": lambda: Chain(
        LSTM(3, 4, 2, layer_norm="memory", zoneout={"c": 0.5}, clip_memory=3.0, heads=2, learned_state=True)
    ),
    "stack": lambda: Chain(RNN(3, 3, 2, "relu", residual=True, pre_norm=True, dropout=0.3, weight_drop=0.2)),
    "float64": lambda: Chain(LSTM(3, 4)).double(),
}


@pytest.mark.parametrize("make", values(CHAINS))
def test_what_comes_back_computes_the_same_bits(make, tmp_path):
    chain, path = make().eval(), tmp_path / "chain"
    chain.save(path)
    found = Chain.load(path)
    x = torch.randn(5, 2, 3, dtype=next(chain.parameters()).dtype)
    assert torch.equal(found(x)[0], chain(x)[0])
    assert not found.training
    assert all(parameter.requires_grad for parameter in found.parameters())
    if hasattr(chain.parts[0], "options"):
        assert found.parts[0].options == chain.parts[0].options


def test_a_cell_of_ones_own_is_given_again(tmp_path):
    (name, cell), path = next(iter(USER_CELLS.items())), tmp_path / "chain"
    chain = Chain(Recurrent(cell, 3, 4))
    chain.save(path)
    with pytest.raises(ModelFileError, match=rf"give it in `cells`: in Python as \[{name}\]"):
        Chain.load(path)
    x = torch.randn(5, 2, 3)
    assert torch.equal(Chain.load(path, cells=[cell])(x)[0], chain(x)[0])


def test_cells_of_one_name_leave_open_which_is_meant(tmp_path):
    def other(a, h):
        return torch.tanh(a) - h

    (name, own), path = next(iter(USER_CELLS.items())), tmp_path / "chain"
    Chain(Recurrent(own, 3, 4)).save(path)
    other.__name__ = name
    namesake = cell(gates="one", state="h")(other)
    with pytest.raises(CellError, match=f"two cells are named '{name}'"):
        gatewise.load(path, cells=[own, namesake])
    assert gatewise.load(path, cells=[own, own]).parts[0].cell is own


def test_the_cell_of_a_lambda_has_no_name_for_a_file(tmp_path):
    nameless = cell(gates="one", state="h")(lambda a, h: torch.tanh(a) - h)
    with pytest.raises(CellError, match="a lambda has no name"):
        Chain(Recurrent(nameless, 3, 4)).save(tmp_path / "chain")
    assert not list(tmp_path.iterdir())


def test_another_cell_of_a_known_name_is_not_taken_for_ours(tmp_path):
    Chain(Recurrent(replace(next(iter(USER_CELLS.values())), name="lstm"), 3, 4)).save(tmp_path / "chain")
    with pytest.raises(ModelFileError, match="'lstm', which is none of gatewise's own"):
        Chain.load(tmp_path / "chain")


def test_weights_that_are_not_finite_come_back_where_that_was_allowed(tmp_path):
    module = LSTM(1, 1)
    module.allow_nonfinite = True
    with torch.no_grad():
        module.weight_ih_l0[0, 0] = torch.nan
    Chain(module).save(tmp_path / "chain")
    assert Chain.load(tmp_path / "chain").parts[0].weight_ih_l0[0, 0].isnan()


class Doubled(LSTM):
    def forward(self, *arguments, **named):
        y, last = super().forward(*arguments, **named)
        return 2 * y, last


class Named(nn.Linear):
    pass


OF_ITS_OWN = {
    "a recurrent module": lambda: Doubled(2, 3),
    "a linear one": lambda: Named(2, 3),
    "parametrised": lambda: torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)),
}


@pytest.mark.parametrize("make", OF_ITS_OWN.values(), ids=OF_ITS_OWN)
def test_what_would_come_back_as_something_else_is_not_saved(make, tmp_path):
    with pytest.raises(InputError, match=r"part 1: a \w+ is code of its own"):
        Chain(nn.Linear(2, 2), make()).save(tmp_path / "chain")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def saved(tmp_path):
    chain = Chain(LSTM(2, 3), nn.Linear(3, 1))
    chain.save(tmp_path / "chain")
    return tmp_path / "chain"


def changed(path, change):
    """The file with other parts, and a checksum that fits."""
    tensors, _ = FILE.read(path)
    parts = records(path)["gatewise-chain"]["parts"]
    FILE.write(path, tensors, {"parts": change(json.loads(json.dumps(parts)))})


def nested(value, *places):
    def change(parts):
        at = parts
        for place in places[:-1]:
            at = at[place]
        at[places[-1]] = value
        return parts

    return change


CHANGES = {
    "no parts": lambda parts: [],
    "no list": lambda parts: {"a": 1},
    "a part less": lambda parts: parts[:1],
    "a part that there is not": nested("Conv1d", 1, "part"),
    "no name": nested(None, 1, "part"),
    "a list as name": nested(["Linear"], 1, "part"),
    "a size": nested(7, 0, "arguments", "hidden_size"),
    "a size below zero": nested(-1, 0, "arguments", "hidden_size"),
    "a size beyond memory": nested(10**12, 0, "arguments", "hidden_size"),
    "layers without end": nested(10**12, 0, "arguments", "num_layers"),
    "no arguments": nested({}, 0, "arguments"),
    "an argument that there is not": nested(1, 0, "arguments", "evil"),
    "an option": nested("sideways", 0, "arguments", "layer_norm"),
    "a cell": nested("__import__", 0, "cell"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_record_that_describes_no_chain_is_refused(change, saved):
    changed(saved, change)
    with pytest.raises(ModelFileError, match=r"its parts do not describe a chain|it holds the cell") as refused:
        Chain.load(saved)
    assert refused.value.where == str(saved)


def test_damaged_bytes_and_cuts_are_refused(saved):
    data = saved.read_bytes()
    for place in range(0, len(data), 29):
        for spoilt in (data[:place], data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]):
            saved.write_bytes(spoilt)
            with pytest.raises(ModelFileError):
                Chain.load(saved)


def test_a_file_of_another_kind_is_refused(tmp_path):
    torch.save(LSTM(1, 1).state_dict(), tmp_path / "pickle")
    with pytest.raises(ModelFileError, match="it is a pickle, which can run code"):
        Chain.load(tmp_path / "pickle")
