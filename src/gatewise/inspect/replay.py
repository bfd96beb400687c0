"""Run the steps of a record again, each by itself from the recorded state before it: all at once, or one alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from ..kernels import reference
from ..kernels.layer import Layer, States
from ..kernels.registry import Registered, register
from ..nn.layer_run import Plain, Runner, assembled, in_heads, projected, reads_output, wide_states
from .records import LayerRecord, Record


class PlainLoop(Plain):
    """Runs the plain step in place of the kernels: differentiable in every way that torch knows."""

    @staticmethod
    def sequence(registered: Registered, layer: Layer, *, histories: bool) -> States:
        """All steps of the cell."""
        return reference.forward(registered.cell, layer)


class LayerSteps:
    """The steps of one layer in one direction. record: what was recorded of it.

    Raises InputError for a record that leaves steps out.
    """

    def __init__(self, record: Record, layer: int = 0, direction: int = 0) -> None:
        self.record = record.layer(layer, direction)
        if not record.sampling.whole:
            raise InputError("the record leaves steps out", hint="record without span= and bin=")
        module = record.module
        self.cell, self.heads = module.cell, module.options.heads
        place = module.places[layer * record.directions + direction]
        like = self.record.x
        names = module.weight_shapes[place.suffix]
        weights = {name: getattr(module, name + place.suffix).detach().to(like.dtype) for name in names}
        self._weights = module.wide_weights(place, weights)
        self.widths, self.units = module.widths(place), place.units

    def previous(self) -> list[Tensor]:
        """Every state before each step, (T, B, K) each; zero beyond a sequence's end."""
        return [_before(self.record, name) for name in self.cell.state]

    def taken(self, x: Tensor, states: Sequence[Tensor], run: Runner) -> list[Tensor]:
        """The states (N, K) after one step of N sequences, from inputs (N, I) and states (N, K)."""
        wide = wide_states(states, states[0].new_zeros(len(x), self.units))
        layer = assembled(self.cell, self._weights, x, wide, training=False)
        registered, projection = register(self.cell), self._weights.get("weight_hr")
        if projection is None:
            return in_heads(run, registered, layer, self.heads, histories=False).narrowed(self.widths).last
        whole = reads_output(self.cell)
        return projected(run, registered, layer, projection, states[0], whole=whole, histories=False).last


def inside(record: LayerRecord) -> Tensor:
    """Which steps belong to a sequence, (T, B) bool."""
    return torch.arange(len(record.x)).unsqueeze(1) < record.lengths


def _inside_units(record: LayerRecord, like: Tensor) -> Tensor:
    return inside(record).unsqueeze(2).to(like.device)


def _before(record: LayerRecord, name: str) -> Tensor:
    states = record.states[name]
    begun = record.initial[name].to(states.dtype)
    if begun.shape != states.shape[1:]:
        raise InputError(f"the record does not hold what the state {name!r} started from")
    if not record.reverse:
        return torch.cat((begun.unsqueeze(0), states[:-1])).where(_inside_units(record, states), 0.0)
    later = torch.cat((states[1:], torch.zeros_like(states[:1])))
    running = record.lengths > 0
    later[record.lengths[running] - 1, running.nonzero().squeeze(1)] = begun[running.to(begun.device)]
    return later
