"""The arithmetic of the forward pass, and what half precision asks of the backward one."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError

_HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Precision:
    """float32 as it is, or torch's autocast in a half precision; float16 with its gradient scaler.

    Micikevicius et al., Mixed Precision Training, arXiv:1710.03740: weights and updates stay float32, and float16's
    loss is scaled so that small gradients do not vanish. scaler: None except for float16.
    Raises InputError for another name.
    """

    def __init__(self, name: str, device: str) -> None:
        if name not in ("float32", *_HALVES):
            raise InputError(f"precision is one of float32, {', '.join(_HALVES)}, not {name!r}")
        self.name, self.device = name, device
        self.scaler = torch.amp.GradScaler(device) if name == "float16" else None

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of the forward pass."""
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self.device, dtype=_HALVES[self.name])

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients, scaled as they must be."""
        (self.scaler.scale(loss) if self.scaler else loss).backward()

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Give the gradients their true size."""
        if self.scaler:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Apply gradients that are finite."""
        if self.scaler:
            self.scaler.step(optimizer)
            self.scaler.update()
        else:
            optimizer.step()

    def forgives(self) -> bool:
        """Whether a gradient that is not finite may come from the scale alone, which is then lowered for the next."""
        if not self.scaler or self.scaler.get_scale() < 1:
            return False
        self.scaler.update()
        return True

    def give_up(self) -> None:
        """Forget the gradients of this update, and leave the scale as it is."""
        if self.scaler:
            self.scaler.update(self.scaler.get_scale())
