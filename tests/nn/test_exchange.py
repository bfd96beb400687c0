from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from gatewise.cells import CELLS
from gatewise.errors import InputError, ShapeError
from gatewise.nn import Recurrent
from gatewise.nn.exchange import from_keras, from_onnx, to_keras, to_onnx

from ..tolerance import ONNX_RUNTIME, ROUNDING

OPERATORS = {
    "lstm": ("LSTM", {}),
    "peephole_lstm": ("LSTM", {}),
    "gru": ("GRU", {"linear_before_reset": 1}),
    "gru_reset_before": ("GRU", {"linear_before_reset": 0}),
    "rnn": ("RNN", {}),
}
KERAS = ("lstm", "gru", "gru_reset_before", "rnn")
SIZES = {"input_size": 3, "hidden_size": 5, "num_layers": 2, "bidirectional": True}


def run_onnx(operator, attributes, x, weights, units):
    """One bidirectional node: y as (T, B, 2 * H)."""
    names = ["x", "W", "R", "B", "", "", "", "P"] if "P" in weights else ["x", "W", "R", "B"]
    node = helper.make_node(operator, names, ["y"], hidden_size=units, direction="bidirectional", **attributes)
    given = {"x": x} | {name: weight.numpy() for name, weight in weights.items()}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, given[n].shape) for n in names if n]
    graph = helper.make_graph([node], "one", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate(list(session.run(None, given)[0].swapaxes(0, 1)), axis=-1)


@pytest.mark.parametrize("name", OPERATORS)
def test_onnx_runtime_computes_the_same_from_the_converted_weights(name):
    module = Recurrent(CELLS[name], **SIZES)
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    y = x
    for weights in to_onnx(module):
        y = run_onnx(OPERATORS[name][0], OPERATORS[name][1], y, weights, 5)
    np.testing.assert_allclose(module(torch.from_numpy(x))[0].detach().numpy(), y, atol=ONNX_RUNTIME, rtol=0)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("name", "there", "back"),
    [*((name, to_onnx, from_onnx) for name in OPERATORS), *((name, to_keras, from_keras) for name in KERAS)],
)
def test_there_and_back(name, there, back, bias):
    module, other = (Recurrent(CELLS[name], bias=bias, **SIZES) for _ in range(2))
    back(other, there(module))
    x = torch.randn(4, 2, 3)
    torch.testing.assert_close(other(x)[0], module(x)[0], atol=ONNX_RUNTIME, rtol=0)


def keras_lstm(x, kernel, recurrent, bias):
    """Keras' own order, i f c o, in its own layout."""
    h = c = np.zeros(recurrent.shape[0])
    for step in x:
        i, f, g, o = np.split(step @ kernel + h @ recurrent + bias, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
    return h


def keras_gru(x, kernel, recurrent, bias):
    """Keras' own order, z r h, with reset_after."""
    h = np.zeros(recurrent.shape[0])
    for step in x:
        a, b = np.split(step @ kernel + bias[0], 3), np.split(h @ recurrent + bias[1], 3)
        z, r = (1 / (1 + np.exp(-(a[k] + b[k]))) for k in (0, 1))
        h = z * h + (1 - z) * np.tanh(a[2] + r * b[2])
    return h


@pytest.mark.parametrize(("name", "formula"), [("lstm", keras_lstm), ("gru", keras_gru)])
def test_keras_formula_computes_the_same_from_the_converted_weights(name, formula):
    module = Recurrent(CELLS[name], 3, 5, dtype=torch.float64)
    x = torch.randn(6, 3, dtype=torch.float64)
    expected = formula(x.numpy(), *(weight.numpy() for weight in to_keras(module)[0]))
    np.testing.assert_allclose(module(x)[0][-1].detach().numpy(), expected, atol=ROUNDING, rtol=ROUNDING)


def test_a_cell_that_the_other_library_has_not_is_refused():
    with pytest.raises(InputError, match="onnx has no recurrent layer with the gates forget, candidate of mgu"):
        to_onnx(Recurrent(CELLS["mgu"], 3, 5))


def test_weights_of_another_size_change_nothing():
    module, other = Recurrent(CELLS["lstm"], 3, 5), Recurrent(CELLS["lstm"], 3, 4)
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    with pytest.raises(ShapeError, match=r"layer 0, W: it has shape \(1, 16, 3\), the module's is \(1, 20, 3\)"):
        from_onnx(module, to_onnx(other))
    assert all(torch.equal(weight, before[name]) for name, weight in module.state_dict().items())


@pytest.mark.parametrize("name", KERAS)
def test_arrays_of_numpy_are_taken(name):
    module, keras, onnx = (Recurrent(CELLS[name], **SIZES) for _ in range(3))
    from_keras(keras, [[weight.numpy() for weight in layer] for layer in to_keras(module)])
    from_onnx(onnx, [{key: weight.numpy() for key, weight in layer.items()} for layer in to_onnx(module)])
    x = torch.randn(4, 2, 3)
    for other in (keras, onnx):
        torch.testing.assert_close(other(x)[0], module(x)[0], atol=ONNX_RUNTIME, rtol=0)


def keras_layer(cell="lstm"):
    return [weight.numpy() for weight in to_keras(Recurrent(CELLS[cell], 3, 5))[0]]


MISFITS = {
    "a turned kernel": lambda kernel, recurrent, bias: [[kernel.T, recurrent, bias]],
    "an array too many": lambda kernel, recurrent, bias: [[kernel, recurrent, bias, bias]],
    "no bias": lambda kernel, recurrent, bias: [[kernel, recurrent]],
    "a bias of another form": lambda kernel, recurrent, bias: [[kernel, recurrent, np.zeros((3, *bias.shape))]],
    "a flat list": lambda kernel, recurrent, bias: [kernel, recurrent, bias],
    "an array for a list": lambda kernel, recurrent, bias: [kernel],
    "a layer too many": lambda kernel, recurrent, bias: [[kernel, recurrent, bias]] * 2,
    "no layer": lambda kernel, recurrent, bias: [],
    "text": lambda kernel, recurrent, bias: [["kernel", recurrent, bias]],
    "whole numbers": lambda kernel, recurrent, bias: [[kernel.astype(int), recurrent, bias]],
    "nothing": lambda kernel, recurrent, bias: [[None, recurrent, bias]],
    "lists without one shape": lambda kernel, recurrent, bias: [[[[1.0], [1.0, 2.0]], recurrent, bias]],
}


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("misfit", MISFITS)
def test_arrays_of_keras_that_do_not_fit_change_nothing(misfit, cell):
    module = Recurrent(CELLS[cell], 3, 5)
    before = [weight.clone() for weight in module.parameters()]
    with pytest.raises((InputError, ShapeError)):
        from_keras(module, MISFITS[misfit](*keras_layer(cell)))
    assert all(map(torch.equal, before, module.parameters()))


def test_a_gru_that_resets_before_is_not_taken_for_one_that_resets_after():
    with pytest.raises(ShapeError, match=r"layer 0, bias: it has shape \(15,\), the module's is \(2, 15\)"):
        from_keras(Recurrent(CELLS["gru"], 3, 5), [keras_layer("gru_reset_before")])


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: [],
        lambda layer: [layer, layer],
        lambda layer: [list(layer.values())],
        lambda layer: [{name: layer[name] for name in "WR"}],
        lambda layer: [{**layer, "P": layer["B"]}],
        lambda layer: [{**layer, "W": layer["W"][0]}],
        lambda layer: [{**layer, "R": layer["R"].transpose(1, 2)}],
        lambda layer: [{**layer, "B": "B"}],
    ],
)
def test_arrays_of_onnx_that_do_not_fit_change_nothing(change):
    module = Recurrent(CELLS["lstm"], 3, 5)
    before = [weight.clone() for weight in module.parameters()]
    with pytest.raises((InputError, ShapeError)):
        from_onnx(module, change(to_onnx(module)[0]))
    assert all(map(torch.equal, before, module.parameters()))
