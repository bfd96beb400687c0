"""ONNX Runtime's recurrent operators (CPU, float32) in plain NumPy terms: an oracle that shares no line with ours.

x is (T, B, I), a state (B, H), W (gates * H, I), R (gates * H, H), a bias (gates * H,), lengths (B,). Gates are stacked
in our order and brought into ONNX's here. Each function returns the outputs (T, B, H), zero past a row's length, and
the last states (B, H), those after a row's last valid step. ``reverse`` runs from that step to the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import helper

Array = npt.NDArray[np.float32]
Lengths = npt.NDArray[np.integer[Any]] | None

OPSET, IR_VERSION = 14, 8  # what every supported runtime takes; later ones bring these operators only more dtypes


def lstm(
    x: Array,
    W: Array,
    R: Array,
    b: Array,
    h: Array,
    c: Array,
    *,
    peephole: Mapping[str, Array] | None = None,
    coupled: bool = False,
    clip: float | None = None,
    lengths: Lengths = None,
    reverse: bool = False,
) -> tuple[Array, Array, Array]:
    """Outputs, last h and last c; gates are i f g o, and f g o with i = 1 - f where ``coupled``.

    peephole: p_i, p_f and p_o, (H,) each, without p_i where coupled. clip: bounds what each gate's sigmoid or tanh
    is applied to, bias and peephole term included, but neither c nor the argument of the output's tanh(c).
    """
    weights = {"W": _iofc(W, coupled), "R": _iofc(R, coupled), "B": _iofc(b, coupled)}
    weights["B"] = np.concatenate((weights["B"], np.zeros_like(weights["B"])))
    P = None if peephole is None else _iof(peephole, coupled)
    y, h, c = _run("LSTM", x, weights, (h, c), lengths, reverse, P, clip=clip, input_forget=int(coupled))
    return y, h, c


def gru(
    x: Array,
    W: Array,
    R: Array,
    b_w: Array,
    b_r: Array,
    h: Array,
    *,
    linear_before_reset: bool,
    clip: float | None = None,
    lengths: Lengths = None,
    reverse: bool = False,
) -> tuple[Array, Array]:
    """Outputs and last h; gates are r z n.

    linear_before_reset: whether r multiplies R h + b_r (reset after) rather than h (reset before). clip: bounds what
    each gate's sigmoid or tanh is applied to, for n the whole sum with the reset part in it.
    """
    weights = {"W": _zrh(W), "R": _zrh(R), "B": np.concatenate((_zrh(b_w), _zrh(b_r)))}
    reset = int(linear_before_reset)
    y, h = _run("GRU", x, weights, (h,), lengths, reverse, clip=clip, linear_before_reset=reset)
    return y, h


def rnn(
    x: Array,
    W: Array,
    R: Array,
    b: Array,
    h: Array,
    *,
    activation: str = "Tanh",
    clip: float | None = None,
    lengths: Lengths = None,
) -> tuple[Array, Array]:
    """Outputs and last h. activation: ``"Tanh"`` or ``"Relu"``. clip: bounds what it is applied to."""
    weights = {"W": W, "R": R, "B": np.concatenate((b, np.zeros_like(b)))}
    y, h = _run("RNN", x, weights, (h,), lengths, False, clip=clip, activations=[activation])
    return y, h


def _iofc(stacked: Array, coupled: bool) -> Array:
    if not coupled:
        i, f, g, o = np.split(stacked, 4)
        return np.concatenate((i, o, f, g))
    # With input_forget the runtime takes i = sigmoid(a_i), f = 1 - i, and reads neither the forget gate's weights
    # nor its peephole. Ours has i = sigmoid(-a_f).
    f, g, o = np.split(stacked, 3)
    return np.concatenate((-f, o, np.zeros_like(f), g))


def _iof(peephole: Mapping[str, Array], coupled: bool) -> Array:
    p_f, p_o = peephole["p_f"], peephole["p_o"]
    return np.concatenate((-p_f, p_o, np.zeros_like(p_f)) if coupled else (peephole["p_i"], p_o, p_f))


def _zrh(stacked: Array) -> Array:
    r, z, n = np.split(stacked, 3)
    return np.concatenate((z, r, n))


def _run(
    operator: str,
    x: Array,
    weights: Mapping[str, Array],
    states: Sequence[Array],
    lengths: Lengths,
    reverse: bool,
    P: Array | None = None,
    **attributes: Any,
) -> list[Array]:
    """Outputs and last states of a model with this one node. weights: W, R and B, in ONNX's order of gates."""
    lengths = np.full(x.shape[1], len(x)) if lengths is None else lengths
    feeds: dict[str, npt.NDArray[Any]] = {"X": x, **{name: weight[None] for name, weight in weights.items()}}
    feeds["sequence_lens"] = lengths.astype(np.int32)
    feeds |= {f"initial_{index}": state[None] for index, state in enumerate(states)}
    if P is not None:
        feeds["P"] = P[None]
    results = ["Y", *(f"last_{index}" for index in range(len(states)))]
    direction = "reverse" if reverse else "forward"
    units = states[0].shape[1]
    node = helper.make_node(operator, list(feeds), results, direction=direction, hidden_size=units, **attributes)
    found: Any = _session(node, feeds).run(results, feeds)
    # Of a row without a valid step the runtime says zero; we say that its state stays what it was.
    last = [np.where(lengths[:, None] == 0, was, now[0]) for was, now in zip(states, found[1:], strict=True)]
    return [found[0][:, 0], *last]


def _session(node: Any, feeds: Mapping[str, npt.NDArray[Any]]) -> onnxruntime.InferenceSession:
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in feeds.items()
    ]
    float32 = helper.np_dtype_to_tensor_dtype(np.dtype(np.float32))
    outputs = [helper.make_tensor_value_info(name, float32, None) for name in node.output]
    graph = helper.make_graph([node], node.op_type, inputs, outputs)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
