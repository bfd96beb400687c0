"""Weights of a module as ONNX and Keras lay them out, and back. The orders of gates stand in weights.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, ShapeError
from .recurrent import Recurrent
from .weights import Place, in_order, peepholes_in_order, within

# Name in ONNX, name here.
_ONNX = (("W", "weight_ih"), ("R", "weight_hh"))
_BIASES = ("bias_ih", "bias_hh")


def to_onnx(module: Recurrent) -> list[dict[str, Tensor]]:
    """The weights of a module as ONNX's LSTM, GRU or RNN operator takes them.

    Args:
        module: Of a cell that ONNX has.

    Returns:
        For each layer a dict of tensors, with D directions first: W (D, G * H, I), R (D, G * H, H), B (D, 2 * G * H)
        where the module has biases, and for peepholes P (D, 3 * H), with the gates in ONNX's order.

    Raises:
        InputError: ONNX does not have the cell's gates.
    """
    layers: list[list[dict[str, Tensor]]] = [[] for _ in range(module.num_layers)]
    for place in module.places:
        layers[place.layer].append(_onnx_of(module, place))
    return [{name: torch.stack([one[name] for one in layer]) for name in layer[0]} for layer in layers]


def _onnx_of(module: Recurrent, place: Place) -> dict[str, Tensor]:
    order = within(module.cell, "onnx")
    weights = {name: in_order(_weight(module, place, ours), order) for name, ours in _ONNX}
    if module.bias:
        weights["B"] = torch.cat([in_order(_weight(module, place, name), order) for name in _bias_names(module)])
    vectors = [_weight(module, place, name) for name in peepholes_in_order(module.cell)]
    return weights | ({"P": torch.cat(vectors)} if vectors else {})


def from_onnx(module: Recurrent, layers: Sequence[Mapping[str, Any]]) -> None:
    """Copy weights that lie as `to_onnx` gives them into a module of the same sizes.

    Args:
        module: Of a cell that ONNX has, changed in place.
        layers: For each layer W, R, B and P as of `to_onnx`, tensors or arrays of numpy.

    Raises:
        InputError: ONNX does not have the cell's gates, or an array is missing or superfluous. Nothing has been
            changed then.
        ShapeError: An array is not one of floats in the shape of the weight. Nothing has been changed then.
    """
    order = within(module.cell, "onnx")
    _check_count("layers", layers, module.num_layers)
    expected = to_onnx(module)
    copies: list[tuple[Tensor, Tensor]] = []
    for place in module.places:
        arrays, shapes = layers[place.layer], expected[place.layer]
        where = f"layer {place.layer}"
        if not isinstance(arrays, Mapping) or set(arrays) != set(shapes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"the arrays are not {', '.join(shapes)}", where=where, hint=_LIKE_ONNX)
        fitting = {name: _fitting(f"{where}, {name}", arrays[name], shapes[name].shape) for name in shapes}
        tensors = {name: tensor[int(place.reverse)] for name, tensor in fitting.items()}
        copies += [(_weight(module, place, ours), in_order(tensors[name], order, back=True)) for name, ours in _ONNX]
        names = _bias_names(module)
        copies += _from_parts(
            module, place, names, [in_order(b, order, back=True) for b in _halves(tensors, len(names))]
        )
        vectors = peepholes_in_order(module.cell)
        copies += _from_parts(module, place, vectors, tensors["P"].chunk(len(vectors)) if vectors else ())
    _copy(copies)


def _halves(tensors: Mapping[str, Tensor], count: int) -> Sequence[Tensor]:
    return tensors["B"].chunk(count) if count else ()


def to_keras(module: Recurrent) -> list[list[Tensor]]:
    """The weights of a module as Keras' LSTM, GRU (``reset_after`` or not) or SimpleRNN takes them in ``set_weights``.

    Args:
        module: Of a cell that Keras has.

    Returns:
        For each layer in each direction a list of tensors: the kernel (I, G * H), the recurrent kernel (H, G * H), and
        where the module has biases (G * H), or (2, G * H) for a GRU that resets after the product, with the gates in
        Keras' order.

    Raises:
        InputError: Keras does not have the cell's gates.
    """
    return [_keras_of(module, place) for place in module.places]


def _keras_of(module: Recurrent, place: Place) -> list[Tensor]:
    order = within(module.cell, "keras")
    kernels = [in_order(_weight(module, place, ours), order).t() for _, ours in _ONNX]
    biases = [in_order(_weight(module, place, name), order) for name in _bias_names(module)]
    if not biases:
        return kernels
    return [*kernels, torch.stack(biases) if _resets_after(module) else torch.stack(biases).sum(0)]


def from_keras(module: Recurrent, layers: Sequence[Sequence[Any]]) -> None:
    """Copy weights that lie as `to_keras` gives them into a module of the same sizes.

    A single bias goes into the first of two.

    Args:
        module: Of a cell that Keras has, changed in place.
        layers: For each layer in each direction the list that Keras's ``get_weights`` gives, as of `to_keras`: tensors
            or arrays of numpy.

    Raises:
        InputError: Keras does not have the cell's gates, or an array is missing or superfluous. Nothing has been
            changed then.
        ShapeError: An array is not one of floats in the shape of the weight. Nothing has been changed then.
    """
    order = within(module.cell, "keras")
    _check_count("layers in each direction", layers, len(module.places))
    copies: list[tuple[Tensor, Tensor]] = []
    for at, (place, arrays, expected) in enumerate(zip(module.places, layers, to_keras(module), strict=True)):
        where = f"layer {at}"
        names = ("kernel", "recurrent kernel", "bias")[: len(expected)]
        _check_count(f"arrays ({', '.join(names)})", arrays, len(expected), where)
        shapes = [array.shape for array in expected]
        fitting = [_fitting(f"{where}, {name}", *pair) for name, *pair in zip(names, arrays, shapes, strict=True)]
        for weight, (_, ours) in zip(fitting, _ONNX, strict=False):
            copies.append((_weight(module, place, ours), in_order(weight.t(), order, back=True)))
        bias = fitting[2:]
        parts = list(bias[0]) if bias and _resets_after(module) else [*bias, torch.zeros_like(bias[0])] if bias else []
        copies += _from_parts(module, place, _bias_names(module), [in_order(part, order, back=True) for part in parts])
    _copy(copies)


_LIKE_ONNX = "give for each layer a dict as to_onnx gives it"


def _check_count(what: str, values: object, expected: int, where: str = "") -> None:
    """Raise InputError for another number of values, and for what is no list of them."""
    if not isinstance(values, list | tuple):
        what = f"expected a list of {expected} {what}, got a {type(values).__name__}"
        raise InputError(what, where=where, hint="a module of one layer in one direction takes a list of one")
    if len(values) != expected:  # pyright: ignore[reportUnknownArgumentType]
        raise InputError(f"expected {expected} {what}, got {len(values)}", where=where)  # pyright: ignore[reportUnknownArgumentType]


def _fitting(where: str, array: object, shape: Sequence[int]) -> Tensor:
    """The array as a tensor. Raises ShapeError for what is none of this shape."""
    tensor = array.detach() if isinstance(array, Tensor) else _from_numpy(array)
    if tensor is None or not tensor.is_floating_point():
        kind = type(array).__name__ if tensor is None else str(tensor.dtype)
        raise ShapeError(f"this is no array of floats, but {kind}", where=where)
    if tensor.shape != tuple(shape):
        raise ShapeError(f"it has shape {tuple(tensor.shape)}, the module's is {tuple(shape)}", where=where)
    return tensor


def _from_numpy(array: object) -> Tensor | None:
    try:
        return torch.from_numpy(np.array(array))
    except (TypeError, ValueError):
        return None


def _resets_after(module: Recurrent) -> bool:
    """Whether input and recurrent part have biases that do not simply add up."""
    return any(gate.has_bias and not gate.has_input for gate in module.cell.gates)


def _bias_names(module: Recurrent) -> list[str]:
    return list(_BIASES) if module.bias else []


def _weight(module: Recurrent, place: Place, name: str) -> Tensor:
    return getattr(module, name + place.suffix).detach()


def _from_parts(
    module: Recurrent, place: Place, names: Sequence[str], parts: Iterable[Tensor]
) -> list[tuple[Tensor, Tensor]]:
    return [(_weight(module, place, name), part) for name, part in zip(names, parts, strict=True)]


def _copy(copies: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Copy second into first; all are known to fit."""
    for target, source in copies:
        target.copy_(source)
