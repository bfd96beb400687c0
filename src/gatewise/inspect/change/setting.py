"""A run with some numbers of the step set, in the middle of any model, by the kernels that run the layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ...equation import Cell
from ...errors import InputError
from ...kernels.dispatch import working_dtype
from ...kernels.layer import Layer
from ...nn.batch import Batch
from ...nn.recurrent import Recurrent
from ...nn.runner import PLAIN, Runner
from ...nn.weights import Place
from ..watch import Changed
from .changes import Clamp
from .held import complements, held, value_called


class Clamped:
    """Runs the layers with what is set."""

    def __init__(self, clamps: Sequence[Clamp]) -> None:
        self._clamps = clamps

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Runner:
        """The kernels, where nothing is set."""
        direction = int(place.reverse)
        mine = [clamp for clamp in self._clamps if (clamp.layer, clamp.direction) == (place.layer, direction)]
        if not mine:
            return PLAIN
        mine = [each for clamp in mine for each in _resolved(module.cell, clamp)]
        names = tuple(dict.fromkeys(clamp.name for clamp in mine))
        settings = torch.cat([_setting(place, batch, [each for each in mine if each.name == name]) for name in names])
        return Changed(partial(held, values=names), _Filling(settings, place.units))


class _Filling:
    """Gives the layer what it is set to. settings: (K, N, H), of all rows and heads."""

    def __init__(self, settings: Tensor, units: int) -> None:
        self._settings, self._units, self._first = settings, units, 0

    def __call__(self, cell: Cell, layer: Layer) -> Layer:
        """Heads come one after the other; where the first step runs apart, the rest has its last rows."""
        rows, mine = layer.x.shape[0], slice(self._first, self._first + layer.units)
        self._first = mine.stop % self._units
        given = self._settings[:, self._settings.shape[1] - rows :, mine].to(layer.x.dtype)
        drawn = layer.step_noise.expand(-1, rows, -1)
        return layer._replace(step_noise=torch.cat((drawn, given)) if len(drawn) else given)


def _resolved(cell: Cell, clamp: Clamp) -> list[Clamp]:
    """By the names of the program, the value and its complements."""
    name = value_called(cell, clamp.name)
    return [
        replace(clamp, name=name),
        *(replace(clamp, name=n, value=1.0 - clamp.value) for n in complements(cell, name)),
    ]


def _setting(place: Place, batch: Batch, clamps: Sequence[Clamp]) -> Tensor:
    """Whether one value is set, and to what, for every row and unit: (2, N, H)."""
    steps, count = batch.rows.steps, batch.rows.batch
    like = batch.x.new_empty(0, dtype=working_dtype(batch.x))
    found = [like.new_zeros(steps, count, place.units) for _ in range(2)]
    for clamp in clamps:
        chosen = _chosen(clamp, steps, count, place.units)
        value = torch.as_tensor(clamp.value, dtype=like.dtype, device=like.device)
        found[0][chosen] = 1.0
        found[1][chosen] = _broadcast(value, tuple(len(each.flatten()) for each in chosen), clamp)
    rows = [batch.rows.gathered(each)[: len(batch.x)] for each in found]
    return torch.stack([batch.rows.mirrored(each) if place.reverse else each for each in rows])


def _chosen(clamp: Clamp, steps: int, count: int, units: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices that choose (steps, sequences, units) of a tensor."""
    first, end = (0, steps) if clamp.span is None else clamp.span
    if not 0 <= first < end <= steps:
        raise InputError(f"the span {clamp.span} does not lie in the input", hint=f"it has steps 0 to {steps - 1}")
    batch = _indices("sequence", clamp.batch, count)
    return torch.arange(first, end)[:, None, None], batch[:, None], _indices("unit", clamp.units, units)


def _indices(what: str, chosen: Sequence[int] | None, count: int) -> Tensor:
    found = torch.arange(count) if chosen is None else torch.as_tensor(list(chosen), dtype=torch.int64)
    wrong = [index for index in found.tolist() if not 0 <= index < count]
    if wrong:
        raise InputError(f"there is no {what} {wrong[0]}", hint=f"there are 0 to {count - 1}")
    return found


def _broadcast(value: Tensor, shape: tuple[int, ...], clamp: Clamp) -> Tensor:
    try:
        return value.expand(shape)
    except RuntimeError:
        raise InputError(
            f"{clamp.name} is set to a tensor {tuple(value.shape)}", hint=f"(steps, sequences, units) is {shape}"
        ) from None
