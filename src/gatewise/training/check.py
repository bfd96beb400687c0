"""What a trainer is given, looked at before anything is done with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ..errors import InputError
from .sources import Source


def check_parts(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: LRScheduler | None,
    clip: float | None,
    accumulate: int,
) -> None:
    """Raises InputError where the parts do not belong together."""
    owned = {id(parameter) for parameter in module.parameters()}
    updated = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if not updated <= owned:
        raise InputError(
            f"the optimizer updates {len(updated - owned)} parameters that the module does not have",
            hint="make the optimizer of module.parameters(), after the module has been moved to its device",
        )
    if isinstance(schedule, ReduceLROnPlateau):
        raise InputError("ReduceLROnPlateau needs a validation loss", hint="give it to the callback Plateau")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise InputError("the schedule belongs to another optimizer")
    if clip is not None and not clip > 0:
        raise InputError(f"clip must be greater than 0 or None, not {clip}")
    if accumulate < 1:
        raise InputError(f"accumulate must be at least 1, not {accumulate}")


def check_totals(source: Source, steps: int | None, epochs: int | None) -> None:
    """Raises InputError where a run would have no end."""
    if steps is None and epochs is None:
        raise InputError("say how long to train", hint="trainer.run(steps=...) or trainer.run(epochs=...)")
    if epochs is not None and getattr(source, "endless", False):
        raise InputError("this source has no epochs", hint="give Drawn per_epoch, or train for a number of steps")


def check_state(state: dict[str, Any], parts: set[str]) -> None:
    """Raises InputError where a state is that of a trainer with other parts."""
    for name in sorted({"schedule", "scaler", "average", "loss"} & (state.keys() ^ parts)):
        has, lacks = ("the state", "the trainer") if name in state else ("the trainer", "the state")
        raise InputError(f"{has} has a part {name!r}, and {lacks} has none", where="state")
    missing = sorted((parts | {"step", "last_loss", "smooth_loss", "stopped"}) - state.keys())
    if missing:
        raise InputError(f"{', '.join(missing)} missing", where="state")
