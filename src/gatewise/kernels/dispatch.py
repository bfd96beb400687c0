"""A layer on its way to the driver that runs it, by the cheapest way that torch's machinery allows."""

from __future__ import annotations

import torch
from torch import Tensor

from ..equation import Cell
from . import reference
from .check import checked
from .choice import driver_of
from .device import is_transformed
from .driver import Stepper
from .layer import Layer, States
from .operator import TRAINED, PlainSequence, Sequence, is_plain, sequence_op
from .reference import REFERENCE
from .registry import Registered


def sequence(registered: Registered, layer: Layer, *, histories: bool = False) -> States:
    """Run a cell over a sequence; the histories are empty unless asked for, or kept for a gradient."""
    cell, key = registered
    plain = is_plain(layer)
    driver = driver_of(cell, layer, traced=histories or not plain)
    if driver is REFERENCE:  # torch's own operations, which need no operator around them
        return reference.forward(cell, layer)
    trained: tuple[Tensor, ...] = layer[:TRAINED]  # pyright: ignore[reportAssignmentType] - only batch_sizes may be None
    learns = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in trained)
    if not plain:
        through = Sequence.apply if any(is_transformed(tensor) for tensor in layer[:-1]) else sequence_op  # pyright: ignore[reportArgumentType]
        return States(*through(key, *layer, histories or learns))
    if learns:
        return States(*PlainSequence.apply(registered, *layer, driver))
    return driver.forward(cell, checked(cell, layer), keep=histories)


def stepper_for(cell: Cell, layer: Layer, states: Tensor | None = None) -> Stepper:
    """A layer carried on step by step by the driver that runs it, with copies of its weights; see
    :meth:`.driver.Driver.stepper`."""
    layer = layer._replace(**{name: getattr(layer, name).clone() for name in ("W", "U", "b", "per_unit")})
    return driver_of(cell, layer).stepper(cell, checked(cell, layer), states)
