"""The processes of one training, seen from one of them; here there is no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import nn

from ..errors import GatewiseError, InputError
from .nest import flatten, rebuild
from .shards import Shards
from .sources import Source

T = TypeVar("T")
OWN = ("generators", "loss", "last_loss", "smooth_loss")
"""What of a trainer's state is another in each process: random numbers, carried state and the losses of its rows."""


class Group:
    """One process that trains alone. Its methods mean the same in `Processes`, so one script serves both.

    rank: this process's number, from 0. size: how many there are. device: where this process computes.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: torch.device | None = None) -> None:
        self.rank, self.size, self.device = rank, size, device or torch.device("cpu")

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module on this process's device, its gradients the mean over all processes; train this one."""
        return module.to(self.device)

    def share(self, source: Source, dim: int = 0) -> Source:
        """Of each batch this process's part, an equal one for everybody. dim: the axis of the batch (see `Shards`)."""
        return Shards(source, self.rank, self.size, dim)

    def average(self, value: float) -> float:
        """The mean of everybody's value, float64."""
        values = self._everybodys(value)
        return sum(values) / len(values)

    def once(self, work: Callable[[], T]) -> T:
        """What ``work`` returns, done by the first process only. Where it fails, everybody gets an error."""
        try:
            result = work() if self.rank == 0 else None
        except Exception as error:
            self._of_first((None, f"{type(error).__name__}: {error}"))
            raise
        result, failure = self._of_first((result, ""))
        if failure:
            raise GatewiseError(failure, where="process 0")
        return cast("T", result)

    def gather(self, state: dict[str, Any]) -> dict[str, Any]:
        """A trainer's state that holds everybody's own part of it."""
        common = {name: part for name, part in state.items() if name not in OWN}
        own = {name: part for name, part in state.items() if name in OWN}
        # Flat, since then every tensor is on the CPU.
        return {**common, "processes": [rebuild(*each) for each in self._everybodys(flatten(own))]}

    def scatter(self, state: dict[str, Any]) -> dict[str, Any]:
        """This process's state, of what `gather` gave. Raises InputError where there were more or fewer processes."""
        common = {name: part for name, part in state.items() if name != "processes"}
        own = state["processes"]
        if len(own) != self.size:
            raise InputError(
                f"this state is of a training with {len(own)} processes, and there are {self.size}",
                hint="start as many processes as before",
            )
        return {**common, **own[self.rank]}

    def _everybodys(self, value: T) -> list[T]:
        """The value of each process, by rank."""
        return [value]

    def _of_first(self, value: T) -> T:
        """The first process's value."""
        return value
