"""Initial and last states, as users give and get them and as layers take them."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from ..equation import Cell
from ..errors import ShapeError
from ..transforms.rewrite import is_scaled
from .batch import Batch
from .check import check_states
from .options import Options
from .weights import Place


class Stack(Protocol):
    """What is asked of a module: its cell, its layers in each direction, and how wide their states are."""

    @property
    def cell(self) -> Cell:
        """With every option applied."""
        ...

    @property
    def places(self) -> tuple[Place, ...]:
        """The layers, each with its directions."""
        ...

    @property
    def options(self) -> Options:
        """Which say whether states are learned."""
        ...

    def widths(self, place: Place) -> list[int]:
        """How many numbers each state of a layer has."""
        ...

    def learned(self, place: Place, state: str, width: int) -> Tensor:
        """The parameter that a state starts from."""
        ...


def initial_states(
    module: Stack, hx: Any, batch: Batch, weight: Tensor, dtype: torch.dtype
) -> list[list[Tensor | None]]:
    """For every layer and direction its states (B, K), longest sequence first. None: zeros that nobody gave."""
    places, count = module.places, batch.rows.batch
    if hx is None:
        return [_start(module, place, count, weight.new_empty(0, dtype=dtype)) for place in places]
    by_place = _by_place(module, hx, batch, weight) if _is_uneven(module) else _together(module, hx, batch, weight)
    return [[batch.rows.sorted(state.to(dtype)) for state in states] for states in by_place]


def _is_uneven(module: Stack) -> bool:
    """Whether layers have states of different widths, which no single tensor can hold."""
    return len({tuple(module.widths(place)) for place in module.places}) > 1


def stacked(module: Stack, states: list[Tensor]) -> Tensor | list[Tensor]:
    """One state of every layer and direction: a tensor, or a list where their widths differ."""
    return states if _is_uneven(module) else torch.stack(states)


def is_learned(module: Stack, state: str) -> bool:
    """Whether a learned initial value makes a difference; memories relative to a stabiliser start from nothing."""
    return state == module.cell.state[0] or not is_scaled(module.cell)


def _start(module: Stack, place: Place, batch: int, like: Tensor) -> list[Tensor | None]:
    """What the states of one layer start from by themselves: a learned vector, or the cell's number."""
    started: list[Tensor | None] = []
    for name, start, width in zip(module.cell.state, module.cell.initial, module.widths(place), strict=True):
        if module.options.learned_state and is_learned(module, name):
            started.append(module.learned(place, name, width).to(like.dtype).expand(batch, width))
        else:
            started.append(like.new_full((batch, width), start) if start else None)
    return started


def started(module: Stack, place: Place, batch: int, like: Tensor) -> list[Tensor]:
    """The same, with zeros where they are zeros."""
    begun = zip(_start(module, place, batch, like), module.widths(place), strict=True)
    return [like.new_zeros(batch, width) if state is None else state for state, width in begun]


def _together(module: Stack, hx: Any, batch: Batch, weight: Tensor) -> list[list[Tensor]]:
    """From one tensor (L * D, B, K) for each state."""
    places, widths = module.places, module.widths(module.places[0])
    rows = (batch.rows.batch,) if batch.batched else ()
    shapes = [(len(places), *rows, width) for width in widths]
    states = check_states(hx, module.cell.state, shapes, weight)
    if not batch.batched:
        states = [state.unsqueeze(1) for state in states]
    return [[state[index] for state in states] for index in range(len(places))]


def _by_place(module: Stack, hx: Any, batch: Batch, weight: Tensor) -> list[list[Tensor]]:
    """From a list of tensors (B, K), one for each layer and direction, for each state."""
    names, places = module.cell.state, module.places
    lists = [hx] if len(names) == 1 else list(hx) if isinstance(hx, tuple | list) else []
    fits = len(lists) == len(names) and all(isinstance(states, tuple | list) for states in lists)
    if not fits or any(len(states) != len(places) for states in lists):
        raise ShapeError(f"expected for each of {', '.join(names)} a list of {len(places)} tensors, one for each layer")
    rows = (batch.rows.batch,) if batch.batched else ()
    by_place: list[list[Tensor]] = []
    for index, place in enumerate(places):
        of_place = tuple(states[index] for states in lists)
        states = check_states(of_place, names, [(*rows, width) for width in module.widths(place)], weight)
        by_place.append(states if batch.batched else [state.unsqueeze(0) for state in states])
    return by_place


def joined_states(module: Stack, last: list[list[Tensor]], batch: Batch) -> Any:
    """The last states in the form of hx."""
    rows = batch.rows
    by_place = [[rows.unsorted(state) if batch.batched else state.squeeze(0) for state in states] for states in last]
    by_state = [list(states) for states in zip(*by_place, strict=True)]
    joined = [stacked(module, states) for states in by_state]
    return joined[0] if len(joined) == 1 else tuple(joined)
