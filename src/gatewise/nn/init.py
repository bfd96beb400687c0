"""Initial weights that torch.nn does not offer. Names end in an underscore: modules are changed in place."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..errors import InputError
from .recurrent import Recurrent
from .step import RecurrentCell
from .weights import bias_slices


def forget_bias_(module: Recurrent | RecurrentCell, value: float = 1.0) -> None:
    """Set the bias of every forget gate, in all layers and directions, so that what the gate sees is ``value``.

    Gers, Schmidhuber, Cummins, Learning to Forget, doi:10.1162/089976600300015015, section 4; Jozefowicz, Zaremba,
    Sutskever, An Empirical Exploration of Recurrent Network Architectures, ICML 2015. A gate with W and U has two
    biases that add up: the first takes the value, the second is zero.
    Raises InputError for a module without biases, or whose cell has no gate called forget.
    """
    found = list(_biases(module, "forget"))
    if not found:
        raise InputError(
            f"{type(module).__name__} has no bias of a forget gate",
            hint=f"bias={module.bias}; gates: {', '.join(gate.name for gate in module.cell.gates)}",
        )
    with torch.no_grad():
        for first, *others in found:
            nn.init.constant_(first, value)
            for other in others:
                nn.init.zeros_(other)


def _biases(module: Recurrent | RecurrentCell, gate: str) -> Iterator[list[Tensor]]:
    """For every layer and direction, the parts of its bias parameters that belong to a gate."""
    places = [(place.suffix, place.units) for place in getattr(module, "places", ())] or [("", module.hidden_size)]
    for suffix, units in places:
        slices = bias_slices(module.cell, gate, units)
        parts = [(getattr(module, name + suffix, None), where) for name, where in slices.items()]
        mine = [bias[where] for bias, where in parts if bias is not None]
        if mine:
            yield mine
