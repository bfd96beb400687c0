"""What else runs the same layer: each peer with the same weights, at its best settings, or None where it cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.equation import Cell
from gatewise.kernels import reference
from gatewise.kernels.layer import Layer

from .workload import Call, Workload

_TORCH: dict[str, type[nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
_ONNX_FROM_OPSET = 14


def torch_nn(workload: Workload) -> Call | None:
    """torch.nn's own module: oneDNN's kernel for the LSTM, a loop in C++ for the others."""
    if workload.cell.name not in _TORCH or workload.options:
        return None
    module: Any = _TORCH[workload.cell.name](workload.shape.inputs, workload.shape.units, dtype=workload.dtype)
    module.load_state_dict(workload.module.state_dict())
    return workload.call(lambda x: module(x)[0], module.weight_ih_l0, module.weight_hh_l0)


def eager_loop(workload: Workload) -> Call:
    """A Python loop over the step, W x of all time in one product, U h of all gates in one product a step."""
    weights = workload.weights
    step = workload.module.cell.new_states
    return workload.call(
        lambda x: _loop(workload, workload.layer(x, weights), step), weights["weight_ih"], weights["weight_hh"]
    )


def compiled_loop(workload: Workload) -> Call | None:
    """The same with the step compiled by torch.compile; whole loops of hundreds of steps take it minutes to hours."""
    if workload.shape.steps > 100:
        return None
    torch.compiler.reset()
    weights, step = workload.weights, torch.compile(workload.module.cell.new_states, dynamic=False)
    return workload.call(
        lambda x: _loop(workload, workload.layer(x, weights), step), weights["weight_ih"], weights["weight_hh"]
    )


def _loop(workload: Workload, layer: Layer, step: Callable[..., tuple[Tensor, ...]]) -> Tensor:
    cell = workload.module.cell
    if any(gate.recurrent == "step" for gate in cell.gates):  # the step multiplies itself: no product for all gates
        return reference.forward(cell, layer).y.view(*workload.shape[:2], -1)
    return _stepped(cell, layer, workload.shape.batch, step)


def _stepped(cell: Cell, layer: Layer, batch: int, step: Callable[..., tuple[Tensor, ...]]) -> Tensor:
    driven, biased, recurrent = (
        [gate.letter for gate in cell.gates if getattr(gate, has)] for has in ("has_input", "has_bias", "recurrent")
    )
    bias = dict(zip(biased, layer.b.split(layer.units), strict=False))
    fixed = dict(zip(cell.per_unit, layer.per_unit, strict=True)) | _means(cell, layer)
    features, *numbers = layer.x.split((layer.inputs, *(1 for _ in cell.row_inputs)), dim=1)
    columns = {name: column.split(batch) for name, column in zip(cell.row_inputs, numbers, strict=True)}
    inputs, U = (features @ layer.W.t()).split(batch), layer.U.t()
    states: tuple[Tensor, ...] = tuple(layer.states)
    outputs: list[Tensor] = []
    for at, x in enumerate(inputs):
        sums = dict(zip(driven, x.chunk(len(driven), 1), strict=True))
        if recurrent:
            for letter, part in zip(recurrent, (states[0] @ U).chunk(len(recurrent), 1), strict=True):
                sums[letter] = sums[letter] + part if letter in sums else part
        biased_sums = {letter: total + bias[letter] if letter in bias else total for letter, total in sums.items()}
        beside = {name: column[at] for name, column in columns.items()}
        states = step(**biased_sums, **fixed, **beside, **dict(zip(cell.state, states, strict=True)))
        outputs.append(states[0])
    return torch.stack(outputs)


def _means(cell: Cell, layer: Layer) -> dict[str, Tensor]:
    """Random numbers at their means, as they are outside training."""
    found: dict[str, Tensor] = {}
    for each, drawn in (("step", layer.step_noise), ("sequence", layer.sequence_noise)):
        names = [noise.name for noise in cell.noise if noise.each == each]
        found |= dict(zip(names, drawn, strict=True))
    return found


def onnx_runtime(workload: Workload) -> Call | None:
    """ONNX Runtime's operator, inference only, with as many threads as torch has."""
    operator = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}.get(workload.cell.name)
    if operator is None or workload.training or workload.options or find_spec("onnxruntime") is None:
        return None
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    from gatewise.nn.exchange import to_onnx

    (weights,) = to_onnx(workload.module)
    initial = [numpy_helper.from_array(tensor.detach().numpy(), name) for name, tensor in weights.items()]
    attributes: dict[str, Any] = {"hidden_size": workload.shape.units}
    if operator == "GRU":
        attributes["linear_before_reset"] = 1
    node = helper.make_node(operator, ["X", *weights], ["Y"], **attributes)
    graph = helper.make_graph(
        [node],
        operator,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, list(workload.x.shape))],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)],
        initial,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _ONNX_FROM_OPSET)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = workload.x.numpy()
    return lambda: (torch.from_numpy(session.run(None, {"X": x})[0]).squeeze(1),)


def jax_scan(workload: Workload) -> Call | None:
    """lax.scan under jit, where JAX is installed. Its threads are not torch's: it takes all cores."""
    if workload.cell.name != "lstm" or workload.options or not _has_jax():
        return None
    from .jax_lstm import inference, training

    weights = [weight.detach().numpy() for weight in workload.weights.values()]
    x, seed = workload.x.numpy(), workload.seed.numpy()
    return training(x, weights, seed) if workload.training else inference(x, weights)


@cache
def _has_jax() -> bool:
    return find_spec("jax") is not None


def products(workload: Workload) -> dict[str, Call]:
    """The products of a forward pass alone, each of all steps at once: by torch.mm, and by oneDNN."""
    steps, batch, inputs, units = workload.shape
    gates = len(workload.cell.gates)
    a = torch.randn(steps * batch, inputs + units)
    b = torch.randn(gates * units, inputs + units)
    calls: dict[str, Call] = {"torch.mm": lambda: (a @ b.t(),)}
    if torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        calls["oneDNN"] = lambda: (torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], ""),)
    return calls


PEERS: dict[str, Callable[[Workload], Call | None]] = {
    "torch.nn": torch_nn,
    "eager loop": eager_loop,
    "torch.compile": compiled_loop,
    "ONNX Runtime": onnx_runtime,
    "JAX scan": jax_scan,
}


def peers_of(workload: Workload, names: Sequence[str]) -> dict[str, Call]:
    """Those of these peers that have this layer, by name."""
    built = {name: PEERS[name](workload) for name in names}
    return {name: call for name, call in built.items() if call is not None}
