"""Modules are made from the cells: one for each, with every argument spelled out."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from tools import make_stub

import gatewise
from gatewise import nn
from gatewise.cells import CELLS
from gatewise.nn.modules import MODULES, name_of

EMPTY = inspect.Parameter.empty
TORCHS = {
    "input_size": EMPTY,
    "hidden_size": EMPTY,
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
    "device": None,
    "dtype": None,
}
NAMES = {
    "coupled_lstm": "CoupledLSTM",
    "coupled_peephole_lstm": "CoupledPeepholeLSTM",
    "gru": "GRU",
    "gru_reset_before": "GRUResetBefore",
    "janet": "JANET",
    "lstm": "LSTM",
    "lstm_1997": "LSTM1997",
    "mgu": "MGU",
    "peephole_lstm": "PeepholeLSTM",
    "rnn": "RNN",
    "cfc": "CFC",
    "fast_grnn": "FastGrnn",
    "gru_d": "GRUD",
    "ind_rnn": "IndRNN",
    "li_gru": "LiGRU",
    "min_gru": "MinGRU",
    "min_lstm": "MinLSTM",
    "mogrifier_lstm": "MogrifierLSTM",
    "multiplicative_lstm": "MultiplicativeLSTM",
    "mut1": "MUT1",
    "nested_lstm": "NestedLSTM",
    "phased_lstm": "PhasedLSTM",
    "rhn": "RHN",
    "scrn": "SCRN",
    "skip_gru": "SkipGRU",
    "sru": "SRU",
    "star": "STAR",
    "t_lstm": "TLSTM",
    "ugrnn": "UGRNN",
    "slstm": "SLSTM",
}
NEW_CELL = '''from torch import sigmoid

from ..declaration import cell


@cell(gates={"update": "W x + b", "candidate": "W x + b"}, state="h", candidate="n")
def leaky_gru(z, n, h):
    """The gated recurrent unit without its recurrent products."""
    h = sigmoid(-z) * n + sigmoid(z) * h
    return h
'''


def defaults(kind: type, parameter: object) -> dict[str, object]:
    return {name: p.default for name, p in inspect.signature(kind).parameters.items() if p.kind is parameter}


def test_every_cell_has_its_module_under_its_name():
    modules = {name: getattr(nn, name_of(name)) for name in NAMES}
    assert {name: kind.__name__ for name, kind in modules.items()} == NAMES
    assert all(kind(1, 1).cell is CELLS[name] for name, kind in modules.items())
    assert set(CELLS) == {*NAMES, "rnn_relu"}
    assert nn.RNN(1, 1, nonlinearity="relu").cell is CELLS["rnn_relu"]
    assert set(NAMES.values()) == set(MODULES) <= set(nn.__all__)


def test_a_new_file_with_a_cell_is_a_new_module(tmp_path):
    shutil.copytree(Path(gatewise.__file__).parent, tmp_path / "gatewise")
    (tmp_path / "gatewise" / "cells" / "leaky_gru.py").write_text(NEW_CELL)
    code = "import torch; from gatewise.nn import LeakyGRU as L; print(L(2, 3), L.__doc__); help(L.forward)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("LeakyGRU(2, 3) The gated recurrent unit without its recurrent products.")


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.SLSTM], ids=lambda kind: kind.__name__)
def test_the_signature_is_torchs_with_options_by_keyword(kind):
    assert defaults(kind, inspect.Parameter.POSITIONAL_OR_KEYWORD) == TORCHS
    assert defaults(kind, inspect.Parameter.KEYWORD_ONLY) == {
        option.name: getattr(nn.Options(), option.name) for option in fields(nn.Options)
    }


def test_rnn_takes_its_nonlinearity_where_torch_does():
    names = list(inspect.signature(nn.RNN).parameters)
    assert names[:5] == ["input_size", "hidden_size", "num_layers", "nonlinearity", "bias"]
    assert nn.RNN(2, 3, 1, "relu", False).bias is False


def test_recurrent_takes_a_cell_first():
    assert list(defaults(nn.Recurrent, inspect.Parameter.POSITIONAL_OR_KEYWORD)) == ["cell", *TORCHS]


@pytest.mark.parametrize(("kind", "more"), [(nn.LSTMCell, ()), (nn.GRUCell, ()), (nn.RNNCell, ("nonlinearity",))])
def test_cells_of_one_step_have_torchs_signature(kind, more):
    names = list(inspect.signature(kind).parameters)
    assert names == ["input_size", "hidden_size", "bias", *more, "device", "dtype"]


@pytest.mark.parametrize("kind", MODULES.values(), ids=MODULES)
def test_each_says_its_paper_and_its_arguments(kind):
    cell = kind(1, 1).cell
    assert kind.__doc__.startswith(cell.doc)
    documented = kind.__doc__.split("Args:")[1]
    assert all(f"    {name}: " in documented for name in inspect.signature(kind).parameters)
    assert "cell: " not in documented
    assert ("drop-in for" in kind.__doc__) == hasattr(torch.nn, kind.__name__)


@pytest.mark.parametrize("kind", MODULES.values(), ids=MODULES)
def test_modules_are_pickled_and_copied_by_name(kind):
    module, x = kind(2, 3), torch.randn(4, 1, 2)
    assert pickle.loads(pickle.dumps(kind)) is kind
    for other in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
        assert type(other) is kind
        assert repr(other) == repr(module) == f"{kind.__name__}(2, 3)"
        assert torch.equal(other(x)[0], module(x)[0])


def test_type_checkers_are_told_of_them():
    assert make_stub.PATH.read_text() == make_stub.stub(), "run python tools/make_stub.py"
