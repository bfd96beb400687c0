"""Where the tensors of a call lie, as the compiled sweeps are told it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from ...equation import Cell
from ..layer import Layer
from .table import Array, When


def pointers(tensor: Tensor) -> list[int]:
    """The addresses of ``tensor[0]``, ``tensor[1]``, and so on, of a contiguous tensor."""
    start, step = tensor.data_ptr(), tensor.stride(0) * tensor.itemsize
    return [start + index * step for index in range(tensor.shape[0])]


def now(pointer: int, row: int) -> Array:
    """Rows of one number for each unit, each row at its own step."""
    return Array(pointer, row, When.NOW)


def before(pointer: int, row: int, initial: int) -> Array:
    """The same a step ago: at the first step, the initial state."""
    return Array(pointer, row, When.BEFORE, initial, row)


def held(pointer: int, row: int) -> Array:
    """One row for each sequence, read and written at every step."""
    return Array(pointer, row, When.HELD)


def gate_arrays(names: Iterable[str], tensor: Tensor) -> dict[str, Array]:
    """The gates' slices of an (N, G, H) tensor, under these names."""
    start, row, step = tensor.data_ptr(), tensor.stride(0), tensor.stride(1) * tensor.itemsize
    return {name: now(start + index * step, row) for index, name in enumerate(names)}


def noise_arrays(cell: Cell, layer: Layer) -> dict[str, Array]:
    """The random numbers, of which all rows may share one."""
    found: dict[str, Array] = {}
    for each, drawn, place in (("step", layer.step_noise, now), ("sequence", layer.sequence_noise, held)):
        names = [noise.name for noise in cell.noise if noise.each == each] if cell.noise else []
        for name, pointer in zip(names, pointers(drawn), strict=True):
            found[name] = held(pointer, 0) if drawn.shape[1] == 1 else place(pointer, layer.units)
    return found
