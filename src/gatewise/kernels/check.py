"""The last gate before native code: nothing of the wrong shape, type or device gets past it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..equation import Cell
from ..errors import ShapeError
from .device import unreadable, written_out
from .layer import Layer, Saved, Seeds


def checked(cell: Cell, layer: Layer) -> Layer:
    """The layer with contiguous tensors, and batch sizes that nobody else can change any more.

    Raises ShapeError naming the tensor, what was expected and what was found.
    """
    *tensors, sizes = layer
    kind = (cell, *[(tensor.shape, tensor.dtype, tensor.is_cpu) for tensor in tensors])
    if kind not in _known_kinds:
        _check_layer(cell, layer)
        if len(_known_kinds) < _MOST_KINDS and layer.x.is_cpu:
            _known_kinds.add(kind)
    layer = Layer(*readable(cell, tensors, _TENSORS), None if sizes is None else sizes.clone())  # pyright: ignore[reportCallIssue]
    _check_batch_sizes(cell, layer)
    return layer


# Layers on the CPU that were found right, by what all of it depends on: shapes, dtypes, and that all lie there.
_known_kinds: set[tuple[Any, ...]] = set()
_MOST_KINDS = 4096
_TENSORS = Layer._fields[:-1]
_SAVED = (*Saved._fields, *(f"d_{name}" for name in Seeds._fields))


def readable(cell: Cell, tensors: Sequence[Tensor], names: Sequence[str]) -> list[Tensor]:
    """The tensors as native code reads them. Raises ShapeError where memory is too short for what it should hold."""
    found = [tensor.contiguous() for tensor in tensors]
    for index in unreadable(found):
        copy = written_out(found[index])
        if copy is None:
            raise ShapeError(
                f"{cell.name}: {names[index]} has shape {tuple(found[index].shape)}, and memory for less than that",
                hint="its storage was resized: give it its size and numbers back",
            )
        found[index] = copy
    return found


def _check_layer(cell: Cell, layer: Layer) -> None:
    if layer.x.dim() != 2 or layer.states.dim() != 3:
        raise ShapeError(
            f"{cell.name}: x must have 2 dimensions and states 3, not {layer.x.dim()} and {layer.states.dim()}"
        )
    halves = layer.W.dtype == layer.U.dtype == torch.bfloat16 and layer.dtype == torch.float32
    narrow = halves and layer.x.dtype == torch.bfloat16 and not cell.inputs
    like = layer.states if narrow else layer.x
    for name, shape in _shapes(cell, layer).items():
        _check(cell, name, getattr(layer, name), shape, layer.W if halves and name in ("W", "U") else like)
    if cell.reads_x and layer.W.shape[1] != layer.units:
        raise ShapeError(f"{cell.name} reads x itself, of which there must be {layer.units}, not {layer.W.shape[1]}")
    for name in ("step_noise", "sequence_noise"):
        _check_noise(cell, layer, name, like)


def _shapes(cell: Cell, layer: Layer) -> dict[str, tuple[int, ...]]:
    units, inputs = layer.units, layer.x.shape[1] - len(cell.row_inputs)
    return {
        "W": (units * sum(gate.has_input for gate in cell.gates), inputs),
        "U": (units * sum(bool(gate.recurrent) for gate in cell.gates), units),
        "b": (units * sum(gate.has_bias for gate in cell.gates),),
        "per_unit": (len(cell.per_unit), units),
        "states": (len(cell.state), layer.rows, units),
    }


def _check_noise(cell: Cell, layer: Layer, name: str, like: Tensor) -> None:
    """Noise is given for each row (or sequence), or once for all."""
    kind, rows = ("step", layer.x.shape[0]) if name == "step_noise" else ("sequence", layer.rows)
    drawn = getattr(layer, name)
    expected = (sum(noise.each == kind for noise in cell.noise), rows, layer.units)
    shared = drawn.dim() == 3 and drawn.shape[1] == 1
    _check(cell, name, drawn, (expected[0], 1, expected[2]) if shared else expected, like)


def _check_batch_sizes(cell: Cell, layer: Layer) -> None:
    sizes, total = layer.batch_sizes, layer.x.shape[0]
    if sizes is None:
        if layer.rows == 0 or total % layer.rows:
            raise ShapeError(f"{cell.name}: x has {total} rows, not a whole number of steps of {layer.rows} sequences")
        return
    if sizes.dtype != torch.int64 or not sizes.is_cpu or sizes.dim() != 1:
        raise ShapeError(f"{cell.name}: batch_sizes must be a vector of int64 on the CPU, not {sizes.dtype}")
    if len(sizes) and (int(sizes.min()) < 0 or int(sizes[0]) > layer.rows or bool((sizes.diff() > 0).any())):
        raise ShapeError(f"{cell.name}: batch_sizes must fall from at most {layer.rows} to 0 or more, and never rise")
    if int(sizes.sum()) > total:
        raise ShapeError(f"{cell.name}: batch_sizes ask for {int(sizes.sum())} rows, x has {total}")


def checked_saved(cell: Cell, layer: Layer, width: int | None, saved: Saved, seeds: Seeds) -> tuple[Saved, Seeds]:
    """What a backward sweep reads, contiguous; ``width`` numbers of the gates of a row, None where a driver
    keeps what it alone can read. Raises ShapeError as above."""
    rows, units = layer.x.shape[0], layer.units
    histories = (len(cell.state) - 1, rows, units)
    shapes: dict[str, tuple[int, ...]] = {"y": (rows, units)}
    if width is not None:
        shapes |= {"gates": (rows, width), "histories": histories}
    like = {"y": layer.x}
    for name, shape in shapes.items():
        _check(cell, name, getattr(saved, name), shape, like.get(name, layer.states))
    for name, shape in {"y": (rows, units), "last": tuple(layer.states.shape), "histories": histories}.items():
        seed = getattr(seeds, name)
        if seed is not None:
            _check(cell, f"d_{name}", seed, shape, like.get(name, layer.states))
    d_histories = () if seeds.histories is None else (seeds.histories,)
    y, gates, kept, *d = readable(cell, (*saved, seeds.y, seeds.last, *d_histories), _SAVED)
    return Saved(y, gates, kept), Seeds(d[0], d[1], d[2] if d_histories else None)


def _check(cell: Cell, name: str, tensor: Tensor, shape: tuple[int, ...], x: Tensor) -> None:
    if tuple(tensor.shape) != shape:
        raise ShapeError(f"{cell.name}: {name} has shape {tuple(tensor.shape)}, expected {shape}")
    if tensor.dtype != x.dtype or tensor.device != x.device:
        raise ShapeError(
            f"{cell.name}: {name} is {tensor.dtype} on {tensor.device}, the input is {x.dtype} on {x.device}",
            hint=f"{name}.to(device={str(x.device)!r}, dtype={x.dtype})",
        )
