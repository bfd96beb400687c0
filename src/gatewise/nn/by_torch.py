"""Layers run by torch's own operators, for those who can read no others: ``torch.jit.trace`` and all that is built on
it, ``torch.onnx.export``, per-sample gradients by expanded weights, and inputs that only behave like tensors.

Where the law of a layer is not one of torch.nn's, they are told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._C import _is_tracing  # pyright: ignore[reportPrivateUsage]
from torch.fx import Proxy
from torch.nn.utils._expanded_weights.expanded_weights_impl import ExpandedWeight  # torch has no public name for it
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import has_torch_function_unary

from ..equation import Cell
from ..errors import InputError
from ..kernels.torch_law import torch_mode
from .weights import in_order, within

_ONNX, _TRACE = "torch.onnx.export", "torch.jit.trace"
_WAYS = {
    _ONNX: "gatewise.export.to_onnx writes chains of every cell and option",
    _TRACE: "torch.export.export takes it; gatewise.export.to_onnx and to_c write chains of every cell and option",
}


class Law(NamedTuple):
    """A layer of torch.nn. attributes: those of ONNX's operator of the same name that make it compute this."""

    layer: type[nn.RNNBase]
    options: dict[str, Any]
    attributes: dict[str, Any]


_LAWS = {
    "LSTM": Law(nn.LSTM, {}, {}),
    "GRU": Law(nn.GRU, {}, {"linear_before_reset": 1}),
    "RNN_TANH": Law(nn.RNN, {"nonlinearity": "tanh"}, {"activations": ["Tanh"]}),
    "RNN_RELU": Law(nn.RNN, {"nonlinearity": "relu"}, {"activations": ["Relu"]}),
}


class LikeTorch(NamedTuple):
    """What torch.nn would know of a module. weights: by layer and direction. dropout: 0 where it is not training."""

    cell: Cell
    sizes: tuple[int, int]
    weights: list[dict[str, Tensor]]
    bias: bool
    directions: int = 1
    dropout: float = 0.0
    batch_first: bool = False
    proj_size: int = 0


def leaf(module: nn.Module, input: Proxy, *arguments: Any) -> Proxy:
    """A call of a module as ``torch.fx`` records those of torch.nn, without looking inside."""
    tracer: Any = input.tracer
    while arguments and not isinstance(arguments[-1], Proxy) and arguments[-1] in (None, False):  # defaults
        arguments = arguments[:-1]
    return tracer.create_proxy("call_module", tracer.path_of_module(module), (input, *arguments), {})


def asked_for(input: Any, weight: Any) -> str:
    """Who can read torch's own operators only; empty where nobody is there. weight: any of the module's."""
    if torch.compiler.is_compiling():
        # Imported late, as it takes long. The public question has no true answer where torch.compile traces.
        from torch.onnx._internal.exporter import _flags

        return _ONNX if _flags._is_onnx_exporting else ""  # pyright: ignore[reportPrivateUsage]
    if torch.onnx.is_in_onnx_export():
        return _ONNX
    if _is_tracing():
        return _TRACE
    if isinstance(weight, ExpandedWeight):
        return "call_for_per_sample_grads"
    other = not isinstance(input, Tensor | PackedSequence) and has_torch_function_unary(input)
    return f"input of type {type(input).__name__}" if other else ""


def run(who: str, plain: LikeTorch | None, input: Any, hx: Any) -> Any:
    """Outputs and last states by torch.nn's own layer.

    Args:
        who: Asks for it; see `asked_for`.
        plain: None for a module, or a call of it, that torch.nn has nothing like.
        input: As for torch.nn's layer.
        hx: Likewise.

    Raises:
        InputError: For what torch.nn, or ONNX, has nothing like.
    """
    law = None if plain is None else _LAWS.get(torch_mode(plain.cell))
    if plain is None or law is None or (plain.proj_size and law.layer is not nn.LSTM):
        raise _refusal(who, "a cell, an option or an argument that torch.nn has not")
    if who == _ONNX and (plain.proj_size or isinstance(input, PackedSequence)):
        raise _refusal(who, "projections and packed sequences")
    if who == _ONNX and torch.compiler.is_compiling():
        return _onnx(plain, law, input, hx)
    options: dict[str, Any] = {"proj_size": plain.proj_size} if plain.proj_size else {}
    layer: Any = law.layer
    twin = layer(
        *plain.sizes,
        num_layers=len(plain.weights) // plain.directions,
        bias=plain.bias,
        batch_first=plain.batch_first,
        dropout=plain.dropout,
        bidirectional=plain.directions == 2,
        device="meta",
        **options,
        **law.options,
    )
    twin._flat_weights = [weight for weights in plain.weights for weight in weights.values()]  # pyright: ignore[reportPrivateUsage]
    return twin.forward(input, hx)


def step(who: str, plain: LikeTorch, input: Any, hx: Any) -> Any:
    """One step of a cell, in the form of hx."""
    several = isinstance(hx, tuple | list)
    states: Any = hx if hx is None else tuple(h.unsqueeze(0) for h in hx) if several else hx.unsqueeze(0)
    _, last = run(who, plain, input.unsqueeze(0), states)
    return tuple(state.squeeze(0) for state in last) if isinstance(last, tuple) else last.squeeze(0)


def _refusal(who: str, what: str) -> InputError:
    hint = _WAYS.get(who, "call the module outside of it, or with tensors")
    return InputError(f"{who} does not take {what}", hint=hint)


def _onnx(plain: LikeTorch, law: Law, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
    """The same as ONNX's own operators, a layer each, which hold for any numbers of steps and sequences."""
    batched = input.dim() == 3
    x = input if batched else input.unsqueeze(1)
    x = x.transpose(0, 1) if plain.batch_first and batched else x
    given: Sequence[Tensor] = [hx] if isinstance(hx, Tensor) else hx or ()
    states = [state if batched else state.unsqueeze(1) for state in given]
    states = states or [x.new_zeros(len(plain.weights), x.shape[1], plain.sizes[1])] * len(plain.cell.state)
    ended: list[Sequence[Tensor]] = []
    for first in range(0, len(plain.weights), plain.directions):
        if first and plain.dropout:
            x = nn.functional.dropout(x, plain.dropout)
        both = slice(first, first + plain.directions)
        x, *last = _onnx_layer(law, plain, plain.weights[both], x, [state[both] for state in states])
        ended.append(last)
    last = [torch.cat(parts) for parts in zip(*ended, strict=True)]
    last = [state if batched else state.squeeze(1) for state in last]
    y = x.transpose(0, 1) if plain.batch_first and batched else x if batched else x.squeeze(1)
    return y, tuple(last) if len(last) > 1 else last[0]


def _onnx_layer(
    law: Law, plain: LikeTorch, weights: list[dict[str, Tensor]], x: Tensor, states: list[Tensor]
) -> list[Tensor]:
    """Outputs (T, B, D * H) and last states (D, B, H) of x (T, B, I)."""
    order, directions, units = within(plain.cell, "onnx"), len(weights), plain.sizes[1]
    W, R, *biases = (torch.stack([in_order(one[name], order) for one in weights]) for name in weights[0])
    attributes = {**law.attributes, "hidden_size": units}
    if "activations" in attributes:
        attributes["activations"] = attributes["activations"] * directions
    y, *last = torch.onnx.ops.symbolic_multi_out(
        law.layer.__name__,
        (x, W, R, torch.cat(biases, dim=1) if biases else None, None, *states),
        attributes | {"direction": "bidirectional" if directions == 2 else "forward"},
        dtypes=[x.dtype] * (1 + len(states)),
        shapes=[(x.shape[0], directions, x.shape[1], units), *(state.shape for state in states)],
    )
    return [y.transpose(1, 2).flatten(2), *last]
