"""Where in a module the bias of a gate is found, in every layer and direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from ..errors import InputError
from .recurrent import Recurrent
from .step import RecurrentCell
from .weights import bias_slices

Module: TypeAlias = Recurrent | RecurrentCell


def places_of(module: Module) -> Iterator[tuple[str, int]]:
    """The suffix of the weights' names and H, for every layer and direction."""
    if isinstance(module, Recurrent):
        yield from ((place.suffix, place.units) for place in module.places)
    elif isinstance(module, RecurrentCell):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
        yield "", module.hidden_size
    else:
        raise InputError(f"a recurrent module of gatewise.nn is needed, not a {type(module).__name__}")


def bias_of(module: Module, suffix: str, units: int, gate: str) -> list[Tensor]:
    """The parts of the bias parameters that belong to a gate; those that there are add up."""
    found = [(getattr(module, name + suffix, None), at) for name, at in bias_slices(module.cell, gate, units).items()]
    return [bias.detach()[at] for bias, at in found if bias is not None]


def parts_of(module: Module, suffix: str, units: int, knob: str) -> list[Tensor]:
    """What a pre-activation's bias consists of; or the per-unit weight of that name."""
    gate = next((gate.name for gate in module.cell.gates if gate.preactivation == knob), None)
    return [getattr(module, knob + suffix).detach()] if gate is None else bias_of(module, suffix, units, gate)


def set_sum_(parts: list[Tensor], value: Tensor | float) -> None:
    """Let the sum of the parts be the value."""
    for part in parts:
        part.zero_()
    for first in parts[:1]:
        first.copy_(torch.as_tensor(value))
