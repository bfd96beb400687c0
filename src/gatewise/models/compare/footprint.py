"""What a network takes: parameters, bytes of a file, bytes of state, and whether a board holds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ...errors import GatewiseError
from ...export.boards import smallest
from ...export.c.write import footprint
from ...nn.chain import Chain
from .task import Stepwise


@dataclass(frozen=True)
class Size:
    """Of one network.

    Attributes:
        parameters: Numbers that are learned.
        file: Bytes of its weights as safetensors.
        state: Bytes of what it keeps after ``steps`` steps of one sequence.
        steps: Those of the longest sequence.
        growth: Bytes by which the state grows with a step, 0 where it does not.
        flash: Bytes of weights in exported C, float32; None where it cannot be exported.
        ram: Bytes of one state and of a step's arrays there; None likewise.
        board: The smallest board that holds both, "" where none does or it cannot be exported.
    """

    parameters: int
    file: int
    state: int
    steps: int
    growth: int
    flash: int | None = None
    ram: int | None = None
    board: str = ""


def parameters_of(network: nn.Module) -> int:
    """How many numbers of a network are learned."""
    return sum(weight.numel() for weight in network.parameters())


def size_of(network: nn.Module, parts: Stepwise, inputs: int, steps: int) -> Size:
    """What a network takes whose longest sequence has so many steps. inputs: numbers of each."""
    before, after = (_state(parts, inputs, length) for length in (max(1, steps - 1), steps))
    plain = Size(
        parameters_of(network),
        len(save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})),
        after,
        steps,
        after - before if steps > 1 and after > _state(parts, inputs, 1) else 0,
    )
    return _on_board(plain, parts)


def _on_board(size: Size, parts: Stepwise) -> Size:
    """The size with what the network takes as C, where it can be exported."""
    assert isinstance(parts.body, nn.Module)
    try:
        needs = footprint(Chain(parts.body, parts.head))
    except GatewiseError:
        return size
    ram = needs.ram + needs.stack
    return replace(size, flash=needs.flash, ram=ram, board=smallest(needs.flash, ram))


@torch.no_grad()
def _state(parts: Stepwise, inputs: int, steps: int) -> int:
    return sum(tensor.nbytes for tensor in _tensors(parts.body(torch.zeros(steps, 1, inputs))[1]))


def _tensors(state: Any) -> Iterable[Tensor]:
    """Whatever tensors a state is made of."""
    if isinstance(state, Tensor):
        yield state
    elif is_dataclass(state):
        yield from _tensors([getattr(state, field.name) for field in fields(state)])
    elif isinstance(state, tuple | list):
        for part in state:
            yield from _tensors(part)
