"""What of a model lies outside its recurrent layers, with everything but its signals held, as a mode of torch.

Values stay what they are; gradients become the split. What has no rule here keeps torch's gradient: if it is linear
that is the split, if not the certificate shows the gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from ...errors import ExplanationError

_FLAT = 1e-12  # below it a secant is taken for the slope: nothing is lost, for the argument is nothing

_CURVES = [
    "tanh", "sigmoid", "exp", "expm1", "log1p", "sqrt", "gelu", "silu", "softplus", "elu", "selu", "celu", "mish",
    "log_sigmoid", "softsign", "hardtanh", "hardsigmoid", "hardswish", "relu6", "clamp", "clip", "clamp_min",
    "clamp_max", "pow", "__pow__", "square", "erf", "sin", "atan",
]  # fmt: skip
_NEVER_NEGATIVE = ["sigmoid", "exp", "softplus", "sqrt", "square", "relu", "abs", "softmax", "hardsigmoid", "relu6"]
_WEIGHTED = [
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "prelu",
]  # fmt: skip
_SUMS = ["add", "__add__", "__radd__", "sub", "__sub__", "__rsub__", "rsub"]
_PRODUCTS = ["mul", "__mul__", "__rmul__", "multiply", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "mv", "dot"]
_QUOTIENTS = ["div", "__truediv__", "__rtruediv__", "true_divide", "divide"]
_VIEWS = [
    "transpose", "permute", "reshape", "view", "unsqueeze", "squeeze", "expand", "__getitem__", "flatten",
    "unflatten", "dropout", "t",
]  # fmt: skip
_KEEPING = [*_VIEWS, "sum", "mean", "cumsum"]
_ADDING = ["add", "__add__", "__radd__"]


class SignalsOnly(TorchFunctionMode):
    """Torch's functions with gates and weights held.

    ones: a leaf that constants multiply, so that their share of a result is its gradient.
    """

    def __init__(self, ones: Tensor) -> None:
        super().__init__()
        self.ones = ones
        self._gates: Any = WeakTensorKeyDictionary()
        self._weights: Any = WeakTensorKeyDictionary()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Called in the place of every function."""
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if not torch.is_grad_enabled() or not any(map(_carries, (*args, *kwargs.values()))):
            return func(*args, **kwargs)
        rule = _RULES.get(name)
        result = func(*args, **kwargs) if rule is None else rule(self, func, *args, **kwargs)
        if isinstance(result, Tensor) and all(map(self.is_weight, filter(_carries, (*args, *kwargs.values())))):
            self._weights[result] = True
        if isinstance(result, Tensor) and self._never_negative(name, args):
            self._gates[result] = True
        return result

    def _never_negative(self, name: str, args: tuple[Any, ...]) -> bool:
        if name in _KEEPING:
            return self.is_gate(args[0])
        if name in (*_ADDING, *_PRODUCTS, *_QUOTIENTS):
            return all(map(self._at_least_zero, args[:2]))
        return name in _NEVER_NEGATIVE

    def _at_least_zero(self, value: Any) -> bool:
        """Whether it is a gate, or a constant that might be one."""
        if _carries(value):
            return self.is_gate(value)
        return bool((value >= 0).all()) if isinstance(value, Tensor) else value >= 0

    def is_gate(self, value: Any) -> bool:
        """Whether it is known never to be negative."""
        return isinstance(value, Tensor) and value in self._gates

    def is_weight(self, value: Any) -> bool:
        """Whether it is made of nothing but parameters."""
        return isinstance(value, nn.Parameter) or (isinstance(value, Tensor) and value in self._weights)

    def constant(self, value: Any) -> Any:
        """What is added, with a share of its own."""
        return value if _carries(value) else value * self.ones


def _carries(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _held(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _curve(mode: SignalsOnly, func: Callable[..., Any], z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    kwargs.pop("inplace", None)
    held = z.detach()
    start, value = func(torch.zeros_like(held), *args, **kwargs), func(held.clone(), *args, **kwargs)
    flat = held.abs() < _FLAT
    secant = torch.where(flat, 0.0, (value - start) / torch.where(flat, 1.0, held))
    return z * secant + mode.constant(torch.where(flat, value, start))


def _weighted(mode: SignalsOnly, func: Callable[..., Any], z: Tensor, weight: Any, *args: Any, **kwargs: Any) -> Tensor:
    return func(mode.constant(z), _held(weight), *args, **kwargs)


def _sum(mode: SignalsOnly, func: Callable[..., Any], a: Any, b: Any, **kwargs: Any) -> Tensor:
    return func(mode.constant(a), mode.constant(b), **kwargs)


def _product(mode: SignalsOnly, func: Callable[..., Any], a: Any, b: Any) -> Tensor:
    """One factor is context: what carries nothing, a weight, or a gate."""
    for first, second in ((a, b), (b, a)):
        context = not _carries(second) or mode.is_weight(second)
        if context or (mode.is_gate(second) and not mode.is_gate(first)):
            return func(a, _held(b)) if second is b else func(_held(a), b)
    why = "it multiplies two values that both depend on what goes in, and neither is known to be a gate"
    return _refused(func(a, b), why)


def _quotient(mode: SignalsOnly, func: Callable[..., Any], a: Any, b: Any, **kwargs: Any) -> Tensor:
    if func.__name__ == "__rtruediv__":
        return mode.constant(b) / _held(a)
    return func(mode.constant(a), _held(b), **kwargs)


def _softmax(mode: SignalsOnly, func: Callable[..., Any], z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return _refused(func(z, *args, **kwargs), "a softmax is no sum of signals; explain the scores before it")


def _attention(
    mode: SignalsOnly, func: Callable[..., Any], q: Any, k: Any, v: Any, *args: Any, **kwargs: Any
) -> Tensor:
    return func(_held(q), _held(k), v, *args, **kwargs)


def _layer_norm(
    mode: SignalsOnly,
    func: Callable[..., Any],
    z: Tensor,
    shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:
    dims = tuple(range(-len(shape), 0))
    spread = (z.detach().var(dims, unbiased=False, keepdim=True) + eps).sqrt()
    normal = (z - z.mean(dims, keepdim=True)) / spread
    scaled = normal if weight is None else normal * _held(weight)
    return scaled if bias is None else scaled + bias


def _batch_norm(mode: SignalsOnly, func: Callable[..., Any], z: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Outside training it is a line for each channel: its slope is torch's gradient, what it is at zero a constant."""
    mean, variance, weight, bias = (*args, None, None)[:4]
    weight, bias = kwargs.pop("weight", weight), kwargs.pop("bias", bias)
    if mean is None or kwargs.get("training") or (len(args) > 4 and args[4]):
        return func(z, *args, **kwargs)
    shape = (1, -1, *([1] * (z.dim() - 2)))
    eps = kwargs.get("eps", args[6] if len(args) > 6 else 1e-5)
    scale = (1.0 if weight is None else _held(weight)) / (variance + eps).sqrt()
    normalised = (z - mode.constant(mean).view(shape)) * scale.view(shape)
    return normalised if bias is None else normalised + bias.view(shape)


def _refused(result: Tensor, why: str) -> Tensor:
    """A value that may serve as a gate; nothing passes through it as a signal."""

    def refuse(_: Tensor) -> None:
        raise ExplanationError(f"the part of the model outside its recurrent layers cannot be split: {why}")

    result.register_hook(refuse)
    return result


_RULES: dict[str, Callable[..., Tensor]] = {
    **dict.fromkeys(_CURVES, _curve),
    **dict.fromkeys(_WEIGHTED, _weighted),
    **dict.fromkeys(_SUMS, _sum),
    **dict.fromkeys(_PRODUCTS, _product),
    **dict.fromkeys(_QUOTIENTS, _quotient),
    "softmax": _softmax,
    "log_softmax": _softmax,
    "scaled_dot_product_attention": _attention,
    "layer_norm": _layer_norm,
    "batch_norm": _batch_norm,
}
