"""What a state keeps of itself at every step of a record: the forget path."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...compiler.signals import kept_and_written
from ...equation import Cell, Value
from ...errors import InputError
from ...transforms.rewrite import Rewriting, derived, memories
from ..intercept import Changed
from ..record import Record
from ..replay import Steps, inside


def the_state(cell: Cell, state: str) -> str:
    """The state of that name, by default the cell's memory. Raises InputError for one that there is not."""
    if state and state not in cell.state:
        raise InputError(f"{cell.name} has no state {state!r}", hint=f"its states: {', '.join(cell.state)}")
    return state or memories(cell)[0]


def keeping(record: Record, layer: int, direction: int, state: str) -> Tensor:
    """The factor with which each unit's state of the step before enters the new one, gates held: (T, B, H), zero
    beyond a sequence's end.

    Computed from the recorded states by the kernels that run the layer.
    Raises CellError for a state that has no such factor.
    """
    steps = Steps(record, layer, direction)
    x = steps.found.x
    runner = Changed(lambda cell: _keeping(cell, state))
    steps.taken(x.flatten(0, 1), [each.flatten(0, 1) for each in steps.previous()], runner)
    heads = [factors for (factors,) in runner.more if len(factors)]  # each head by itself, where there are several
    factors = torch.cat(heads, dim=-1).view(*x.shape[:2], steps.units)
    return factors.where(inside(steps.found).unsqueeze(2).to(factors.device), 0.0)


@lru_cache(maxsize=256)
def _keeping(cell: Cell, state: str) -> Cell:
    """The cell with the factor as a further state."""
    program = kept_and_written(cell, state)
    factor = program.values()[program.outputs["keep"]]
    state_of_its_own = factor if isinstance(factor, Value) else Value("add", factor, 0.0)
    new = Rewriting((*cell.outputs, state_of_its_own), dict(cell.values))
    names, starts = (*cell.state, f"keeps_{state}"), (*cell.initial, 0.0)
    return derived(cell, "keeping", new, (_keeping, (cell, state)), state=names, initial=starts)
