"""The last gate before native code: nothing of the wrong shape, type or device gets past it."""

from __future__ import annotations

from torch import Tensor

from ..equation import Cell
from ..errors import ShapeError
from .layer import Kept, Layer


def checked(cell: Cell, layer: Layer) -> Layer:
    """The layer with contiguous tensors. Raises ShapeError naming the tensor, what was expected and what was found."""
    if layer.x.dim() != 3 or layer.states.dim() != 3:
        raise ShapeError(f"{cell.name}: x and states must have 3 dimensions, not {layer.x.dim()}, {layer.states.dim()}")
    units = layer.states.shape[2]
    for name, shape in _shapes(cell, layer, units).items():
        _check(cell, name, getattr(layer, name), shape, layer.x)
    return layer.contiguous()


def _shapes(cell: Cell, layer: Layer, units: int) -> dict[str, tuple[int, ...]]:
    _, rows, inputs = layer.x.shape
    return {
        "W": (units * sum(gate.has_input for gate in cell.gates), inputs),
        "U": (units * sum(bool(gate.recurrent) for gate in cell.gates), units),
        "b": (units * sum(gate.has_bias for gate in cell.gates),),
        "per_unit": (len(cell.per_unit), units),
        "states": (len(cell.state), rows, units),
    }


def checked_kept(cell: Cell, layer: Layer, kept: Kept, d_y: Tensor, d_last: Tensor) -> tuple[Kept, Tensor, Tensor]:
    """What a backward sweep reads, contiguous. Raises ShapeError as above."""
    (steps, rows, _), units = layer.x.shape, layer.states.shape[2]
    shapes = {
        "y": (steps, rows, units),
        "last": tuple(layer.states.shape),
        "preactivations": (steps, rows, len(cell.gates), units),
        "histories": (len(cell.state) - 1, steps, rows, units),
    }
    for name, shape in shapes.items():
        _check(cell, name, getattr(kept, name), shape, layer.x)
    _check(cell, "d_y", d_y, shapes["y"], layer.x)
    _check(cell, "d_last", d_last, shapes["last"], layer.x)
    return Kept(*(tensor.contiguous() for tensor in kept)), d_y.contiguous(), d_last.contiguous()


def _check(cell: Cell, name: str, tensor: Tensor, shape: tuple[int, ...], x: Tensor) -> None:
    if tuple(tensor.shape) != shape:
        raise ShapeError(f"{cell.name}: {name} has shape {tuple(tensor.shape)}, expected {shape}")
    if tensor.dtype != x.dtype or tensor.device != x.device:
        raise ShapeError(
            f"{cell.name}: {name} is {tensor.dtype} on {tensor.device}, the input is {x.dtype} on {x.device}",
            hint=f"{name}.to(device={str(x.device)!r}, dtype={x.dtype})",
        )
