"""Weights of a module as ONNX and Keras lay them out, and back. The orders of gates stand in weights.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from ..errors import ShapeError
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


def from_onnx(module: Recurrent, layers: Sequence[Mapping[str, Tensor]]) -> None:
    """Copy weights that lie as `to_onnx` gives them into a module of the same sizes.

    Args:
        module: Of a cell that ONNX has, changed in place.
        layers: For each layer the tensors W, R, B and P, as of `to_onnx`.

    Raises:
        InputError: ONNX does not have the cell's gates.
        ShapeError: A weight does not fit. Nothing has been changed then.
    """
    order = within(module.cell, "onnx")
    copies: list[tuple[Tensor, Tensor]] = []
    for place in module.places:
        tensors = {name: tensor[int(place.reverse)] for name, tensor in layers[place.layer].items()}
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


def from_keras(module: Recurrent, layers: Sequence[Sequence[Tensor]]) -> None:
    """Copy weights that lie as `to_keras` gives them into a module of the same sizes.

    A single bias goes into the first of two.

    Args:
        module: Of a cell that Keras has, changed in place.
        layers: For each layer in each direction the tensors of ``get_weights``, as of `to_keras`.

    Raises:
        InputError: Keras does not have the cell's gates.
        ShapeError: A weight does not fit. Nothing has been changed then.
    """
    order = within(module.cell, "keras")
    copies: list[tuple[Tensor, Tensor]] = []
    for place, (kernel, recurrent, *bias) in zip(module.places, layers, strict=True):
        for weight, (_, ours) in zip((kernel, recurrent), _ONNX, strict=True):
            copies.append((_weight(module, place, ours), in_order(weight.t(), order, back=True)))
        names = _bias_names(module)
        parts = list(bias[0]) if bias and _resets_after(module) else [*bias, torch.zeros_like(bias[0])] if bias else []
        copies += _from_parts(module, place, names, [in_order(part, order, back=True) for part in parts])
    _copy(copies)


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
    """Copy second into first, all or nothing."""
    for target, source in copies:
        if target.shape != source.shape:
            raise ShapeError(f"a weight has shape {tuple(source.shape)}, the module's has {tuple(target.shape)}")
    for target, source in copies:
        target.copy_(source)
