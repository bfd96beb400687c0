"""Whole modules, saved and loaded, with no more trust than torch.nn's need."""

from __future__ import annotations

import io
import pickle

import pytest
import torch
from torch.utils import _pytree as pytree

import gatewise.nn
from gatewise.cells import CELLS
from gatewise.nn import Recurrent

MODULES = {
    "LSTM": {"bidirectional": True},
    "GRU": {"num_layers": 2},
    "RNN": {"nonlinearity": "relu"},
    "MGU": {},
    "LSTMCell": {},
    "GRUCell": {"bias": False},
    "RNNCell": {"nonlinearity": "relu"},
}


@pytest.mark.parametrize("name", MODULES)
def test_a_whole_module_is_loaded_with_its_class_as_the_only_safe_global(name):
    module, file = getattr(gatewise.nn, name)(3, 5, **MODULES[name]), io.BytesIO()
    torch.save(module, file)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(file.getvalue())) == [
        f"{type(module).__module__}.{type(module).__name__}"
    ]
    file.seek(0)
    with torch.serialization.safe_globals([type(module)]):
        loaded = torch.load(file, weights_only=True)
    x = torch.randn(2, 3) if "Cell" in name else torch.randn(4, 2, 3)
    assert repr(loaded) == repr(module)
    assert all(map(torch.equal, pytree.tree_leaves(loaded(x)), pytree.tree_leaves(module(x))))


def test_a_module_of_options_and_of_another_cell_is_loaded():
    module = Recurrent(CELLS["mgu"], 3, [4, 5], num_layers=2, zoneout={"h": 0.1}, pre_norm=True, learned_state=True)
    loaded = pickle.loads(pickle.dumps(module.eval()))
    x = torch.randn(6, 2, 3)
    assert repr(loaded) == repr(module)
    assert torch.equal(loaded(x)[0], module(x)[0])
    assert loaded.places == module.places
    assert loaded.options == module.options
