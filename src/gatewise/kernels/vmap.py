"""How the operators run for a whole dimension of inputs at once, as ``torch.func.vmap`` asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .layer import Layer

FIELDS = len(Layer._fields)
# What has rows of its own for each sequence. Where no more than this is mapped, its sequences join one batch.
_ROWED = ("x", "states", "step_noise", "sequence_noise")

Call = Callable[..., Any]


def forward_rule(call: Call) -> Call:
    """The rule of the forward operator: (info, in_dims, cell, *layer, keep) -> (results, their dimensions)."""

    def rule(info: Any, in_dims: tuple[int | None, ...], cell: str, *arguments: Any) -> Any:
        dims = dict(zip(Layer._fields, in_dims[1 : 1 + FIELDS], strict=True))
        layer, keep = Layer(*arguments[:FIELDS]), arguments[FIELDS]
        mapped = {name for name, dim in dims.items() if dim is not None}
        if layer.batch_sizes is not None or not mapped <= set(_ROWED):
            return one_by_one(call, info.batch_size, in_dims, cell, *arguments)
        return _folded(call, info.batch_size, dims, cell, layer, keep)

    return rule


def one_by_one(call: Call, count: int, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
    """Every slice by itself, and the results stacked."""
    results: list[tuple[Tensor, ...]] = []
    for index in range(count):
        slices = [
            argument if dim is None else argument.select(dim, index)
            for argument, dim in zip(arguments, in_dims, strict=True)
        ]
        results.append(call(*slices))
    stacked = tuple(torch.stack(parts) for parts in zip(*results, strict=True))
    return stacked, (0,) * len(stacked)


def _folded(call: Call, count: int, dims: dict[str, int | None], cell: str, layer: Layer, keep: bool) -> Any:
    """The sequences of all slices as one batch, sharing the weights."""
    first = {
        name: getattr(layer, name).movedim(dim, 0) if dim is not None else getattr(layer, name).expand(count, *shape)
        for name, dim, shape in ((name, dims[name], getattr(layer, name).shape) for name in _ROWED)
    }
    batch = first["states"].shape[2]
    joined = {
        "x": _over_steps(first["x"].unsqueeze(1), batch).squeeze(0),
        "states": first["states"].movedim(0, 1).flatten(1, 2),
        "step_noise": _noise(first["step_noise"], lambda noise: _over_steps(noise, batch)),
        "sequence_noise": _noise(first["sequence_noise"], lambda noise: noise.movedim(0, 1).flatten(1, 2)),
    }
    y, last, gates, histories = call(cell, *layer._replace(**joined), keep)
    return (
        _apart(y, count, batch, 0),
        last.unflatten(1, (count, batch)),
        _apart(gates, count, batch, 0),
        _apart(histories, count, batch, 1),
    ), (0, 1, 0, 0)


def _noise(noise: Tensor, join: Call) -> Tensor:
    """Noise that all rows share stays as it is, where the slices share it too."""
    return noise[0] if noise.shape[2] == 1 and noise.stride(0) == 0 else join(noise)


def _over_steps(rows: Tensor, batch: int) -> Tensor:
    """(V, K, T * B, ...) -> (K, T * V * B, ...): at each step, the rows of all slices."""
    return rows.unflatten(2, (-1, batch)).movedim(0, 2).flatten(1, 3)


def _apart(rows: Tensor, count: int, batch: int, dim: int) -> Tensor:
    """The way back for the rows of one result, T * V * B of them at ``dim``: V first, then as for one slice."""
    if rows.shape[dim] == 0:
        return rows.expand(count, *rows.shape)
    split = rows.unflatten(dim, (-1, count, batch)).movedim(dim + 1, 0)
    return split.flatten(dim + 1, dim + 2)
