"""What a module's sizes may be."""

from __future__ import annotations

from collections.abc import Sequence

from ..equation import Cell
from ..errors import InputError


def check_arguments(
    input_size: int, hidden_size: int | Sequence[int], num_layers: int, dropout: float, proj_size: int, heads: int
) -> list[int]:
    """H of each layer. Raises TypeError or InputError, as torch.nn does, for sizes that make no module."""
    _check_int("input_size", input_size)
    sizes = [hidden_size] * num_layers if isinstance(hidden_size, int) else _listed(hidden_size, num_layers)
    if num_layers <= 0:
        raise InputError("num_layers must be greater than zero")
    for size in sizes:
        _check_size(size, proj_size, heads)
    if input_size < 0:
        raise InputError("input_size must be greater than zero")
    if isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise InputError(f"dropout should be a number in range [0, 1], the probability of a zero, not {dropout}")
    if proj_size and heads > 1:
        raise InputError("proj_size mixes the heads that heads= keeps apart: give one of them")
    return sizes


def check_cell(cell: object) -> None:
    """Raises TypeError for what is not a cell."""
    if not isinstance(cell, Cell):
        raise TypeError(f"cell should be one of gatewise.cells or your own @cell, got: {type(cell).__name__}")


def check_stack(input_size: int, **flags: object) -> None:
    """What torch.nn refuses in layers over a sequence, not in cells. Raises TypeError for a flag that is not a bool."""
    if input_size == 0:
        raise InputError("input_size must be greater than zero")
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")


def _check_int(name: str, size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool):
        raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")


def _listed(hidden_size: object, num_layers: int) -> list[int]:
    if not isinstance(hidden_size, list | tuple):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    if len(hidden_size) != num_layers:  # pyright: ignore[reportUnknownArgumentType]
        raise InputError(f"{len(hidden_size)} hidden sizes for {num_layers} layers")  # pyright: ignore[reportUnknownArgumentType]
    return list(hidden_size)


def _check_size(size: int, proj_size: int, heads: int) -> None:
    _check_int("hidden_size", size)
    if size <= 0:
        raise InputError("hidden_size must be greater than zero")
    if proj_size < 0:
        raise InputError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= size:
        raise InputError("proj_size has to be smaller than hidden_size")
    if size % heads:
        raise InputError(f"hidden_size {size} cannot be split into {heads} heads")
