"""Where the tensors of a call lie, as the compiled sweeps are told it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from torch import Tensor

from ...compiler.gradient import kept_gates, kept_row_numbers
from ...compiler.stages import INPUT, in_pairs
from ...equation import Cell, previous
from .table import Array, When


class Addressed(Protocol):
    """What of a tensor is asked here: where it lies, and how."""

    @property
    def itemsize(self) -> int: ...  # noqa: D102

    def data_ptr(self) -> int: ...  # noqa: D102

    @property
    def shape(self) -> Sequence[int]: ...  # noqa: D102

    def stride(self, dim: Literal[0], /) -> int: ...  # noqa: D102

    def __len__(self) -> int: ...


def pointers(tensor: Tensor | Addressed) -> list[int]:
    """The addresses of ``tensor[0]``, ``tensor[1]``, and so on, of a contiguous tensor."""
    count = len(tensor)
    start, step = tensor.data_ptr(), tensor.stride(0) * tensor.itemsize if count > 1 else 0
    return [start + index * step for index in range(count)]


def now(pointer: int, row: int) -> Array:
    """Rows of one number for each unit, each row at its own step."""
    return Array(pointer, row, When.NOW)


def before(pointer: int, row: int, initial: int) -> Array:
    """The same a step ago: at the first step, the initial state."""
    return Array(pointer, row, When.BEFORE, initial, row)


def held(pointer: int, row: int) -> Array:
    """One row for each sequence, read and written at every step."""
    return Array(pointer, row, When.HELD)


def over_time(state: str, pointer: int, row: int, initial: int) -> dict[str, Array]:
    """A state of which every step has its rows, and the rows it begins from."""
    return {state: now(pointer, row), previous(state): before(pointer, row, initial)}


def left_in_halves(output: str, last: int, units: int, y: int, initial: int) -> dict[str, Array]:
    """The output in place, and what a sweep rounds of it for its products, whose rows are those of y in bfloat16.

    last: of the output in place. initial: room for the initial output, rounded, which nobody else reads.
    """
    words = units // 2
    return in_place(output, last, units) | {in_pairs(previous(output)): before(y, words, initial)}


def in_place(state: str, pointer: int, row: int) -> dict[str, Array]:
    """A state of which only the last is kept: each sequence has one row, which every step reads and writes."""
    return dict.fromkeys((state, previous(state)), held(pointer, row))


def input_arrays(cell: Cell, x: Tensor | Addressed) -> dict[str, Array]:
    """The input, and the numbers of each row that the step reads itself, in its last columns."""
    row, first = x.shape[1], x.shape[1] - len(cell.row_inputs)
    arrays = {INPUT: now(x.data_ptr(), row)}
    for column, name in enumerate(cell.row_inputs, first):
        arrays[name] = now(x.data_ptr() + column * x.itemsize, row)
    return arrays


def gate_arrays(names: Iterable[str], tensor: Tensor | Addressed, units: int) -> dict[str, Array]:
    """Arrays of H numbers under these names, one after another in every row of a tensor (N, ...)."""
    start, row, step = tensor.data_ptr(), tensor.stride(0), units * tensor.itemsize
    return {name: now(start + index * step, row) for index, name in enumerate(names)}


def kept_arrays(cell: Cell, saved: Tensor | Addressed, units: int) -> dict[str, Array]:
    """What the forward keeps, in every row (N, K): H numbers of gates each, then what was taken over units."""
    arrays = gate_arrays(kept_gates(cell), saved, units)
    start, row = saved.data_ptr() + len(arrays) * units * saved.itemsize, saved.stride(0)
    return arrays | {
        name: now(start + index * saved.itemsize, row) for index, name in enumerate(kept_row_numbers(cell))
    }


def noise_arrays(
    cell: Cell, step_noise: Tensor | Addressed, sequence_noise: Tensor | Addressed, units: int
) -> dict[str, Array]:
    """The random numbers, (K, rows, H) each, of which all rows may share one."""
    arrays: dict[str, Array] = {}
    for kind, drawn, place in (("step", step_noise, now), ("sequence", sequence_noise, held)):
        names = [noise.name for noise in cell.noise if noise.each == kind]
        for name, pointer in zip(names, pointers(drawn), strict=True):
            arrays[name] = held(pointer, 0) if drawn.shape[1] == 1 else place(pointer, units)
    return arrays
