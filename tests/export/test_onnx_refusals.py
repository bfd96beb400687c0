"""What cannot be exported is refused by name, and then nothing is written."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import onnx
import pytest
import torch
from torch import nn

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.export import to_onnx
from gatewise.nn import LSTM, Recurrent
from gatewise.nn.chain import Chain
from gatewise.nn.maps import Standardize

from .exported import written


def refused(model: Any, path: Any, **options: Any) -> str:
    path.write_bytes(b"before")
    with pytest.raises(InputError) as raised:
        to_onnx(model, path, **options)
    assert path.read_bytes() == b"before"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    return str(raised.value)


@pytest.fixture
def path(tmp_path: Any) -> Any:
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused_by_name(number: float, path: Any) -> None:
    module = LSTM(3, 5, 2)
    with torch.no_grad():
        module.weight_hh_l1[7, 2] = number
    assert "weight_hh_l1: 1 of its 100 number is NaN or infinite" in refused(module, path)
    broken = Standardize(torch.zeros(3), torch.ones(3))
    broken.mean[1] = number
    assert "parts.0.mean: 1 of its 3" in refused(Chain(broken, LSTM(3, 5)), path)


def test_a_model_of_a_milliard_weights_is_refused_before_any_work(path: Any) -> None:
    with torch.device("meta"):
        module = LSTM(1, 15811)
    message = refused(module, path)
    assert "bytes of weights, an ONNX file holds at most 2,000,000,000" in message
    assert "4,000," in message


def test_a_module_without_numbers_is_refused(path: Any) -> None:
    assert "weight_ih_l0: it is on the meta device" in refused(LSTM(3, 5, device="meta"), path)


def test_sizes_of_zero_are_refused(path: Any) -> None:
    with pytest.warns(UserWarning, match="zero-element"):
        empty = nn.Linear(5, 0)
    assert "parts.1.weight: it is empty, of shape (0, 5)" in refused(Chain(LSTM(3, 5), empty), path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_dtypes_without_kernels_are_refused(dtype: torch.dtype, path: Any) -> None:
    assert f"weight_ih_l0: it is {dtype}; float32 and float64 can be exported" in refused(LSTM(3, 5).to(dtype), path)


def test_parts_of_different_dtypes_are_refused(path: Any) -> None:
    model = Chain(LSTM(3, 5), nn.Linear(5, 1).double())
    assert "several dtypes: torch.float32, torch.float64" in refused(model, path)


def test_parts_that_do_not_fit_are_refused(path: Any) -> None:
    with pytest.raises((InputError, RuntimeError), match=r"4|5"):
        to_onnx(Chain(LSTM(3, 5), LSTM(4, 5)), path)
    assert not path.exists()


def test_a_chain_without_a_width_is_refused(path: Any) -> None:
    assert "no part of the chain says how many features" in refused(Chain(nn.Tanh()), path)


def test_a_layer_norm_over_more_than_features_is_refused(path: Any) -> None:
    assert "part 1: a LayerNorm over (7, 5)" in refused(Chain(LSTM(3, 5), nn.LayerNorm((7, 5))), path)


@pytest.mark.parametrize("model", [nn.Conv1d(1, 1, 1), nn.Bilinear(1, 1, 1), "model", None])
def test_other_models_are_refused(model: Any, path: Any) -> None:
    assert type(model).__name__ in refused(model, path)


def test_an_operator_that_onnx_runtime_has_not_in_float64_is_refused_by_name(path: Any) -> None:
    message = refused(Recurrent(CELLS["slstm"], 3, 5, dtype=torch.float64), path)
    assert "ONNX Runtime cannot run the model" in message
    assert "Softplus" in message


def test_a_difference_beyond_the_tolerance_is_told_and_nothing_written(path: Any) -> None:
    message = refused(LSTM(3, 32), path, tolerance=0.0)
    assert "ONNX Runtime differs from the module by" in message
    assert "more than 0.0e+00; nothing was written" in message


@pytest.mark.parametrize("tolerance", [-1.0, math.nan])
def test_a_tolerance_that_is_none_is_refused(tolerance: float, path: Any) -> None:
    assert "a tolerance must be at least 0" in refused(LSTM(3, 5), path, tolerance=tolerance)


def test_a_folder_that_is_not_there_is_refused_first(tmp_path: Any) -> None:
    with pytest.raises(InputError, match="the folder does not exist"):
        to_onnx(LSTM(3, 5), tmp_path / "nowhere" / "model.onnx")


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_what_is_not_installed_is_named_with_the_way_to_get_it(missing: str, path: Any, monkeypatch: Any) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(ModuleNotFoundError, match=rf"needs {missing}: pip install 'gatewise\[export\]'"):
        to_onnx(LSTM(3, 5), path)


HOSTILE = '"; drop\n??/ */ \x00 \N{RIGHT-TO-LEFT OVERRIDE} é'


def test_names_from_outside_reach_the_file_as_letters_only(path: Any) -> None:
    @cell(gates={HOSTILE: "W x + U h + b"}, state="h")
    def σ_cell(σ: Any) -> Any:
        h = torch.tanh(σ)
        return h

    written(Recurrent(σ_cell, 3, 5), path, name=HOSTILE)
    graph = onnx.load(path).graph
    scan = next(node for node in graph.node if node.op_type == "Scan")
    inner = onnx.helper.get_attribute_value(next(a for a in scan.attribute if a.name == "body"))
    names = {graph.name, inner.name}
    for each in (graph, inner):
        names |= {name for node in each.node for name in (node.name, *node.input, *node.output)}
        names |= {value.name for value in (*each.input, *each.output, *each.initializer)}
    assert all(name.isascii() and name.replace("_", "").replace(".", "").isalnum() for name in names if name)


def test_the_module_is_left_as_it_was_and_so_is_the_generator(path: Any) -> None:
    model = Chain(LSTM(3, 5, 2, dropout=0.5), nn.Linear(5, 1)).train()
    model.parts[1].eval()
    before, state = [part.training for part in model.modules()], torch.get_rng_state()
    to_onnx(model, path, lengths=True)
    assert [part.training for part in model.modules()] == before
    assert torch.equal(torch.get_rng_state(), state)
