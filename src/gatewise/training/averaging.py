"""Averages of the weights over a training, which generalise better than the last ones."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from ..errors import InputError


class Average:
    """A running average of a module's parameters; buffers, such as batch normalisation's, stay as training has them.

    count: how many times weights were taken in. Subclasses say how they are mixed, and when.
    """

    def __init__(self) -> None:
        self.mix = get_swa_multi_avg_fn()
        self.parameters: list[Tensor] = []
        self.means: list[Tensor] = []
        self.count = 0

    def attach(self, module: nn.Module) -> None:
        """Average this module's weights. Raises InputError if it averages another's already."""
        if self.parameters:
            raise InputError("an average belongs to one trainer")
        self.parameters = [parameter.detach() for parameter in module.parameters()]
        self.means = [parameter.clone() for parameter in self.parameters]

    def wants(self, step: int) -> bool:
        """Whether the weights after update number ``step`` are to be taken in."""
        raise NotImplementedError

    def validated(self, loss: float) -> None:
        """Hear of a validation's loss."""

    def after_step(self, step: int) -> None:
        """Take in the weights after update number ``step``, if they are wanted."""
        if self.wants(step):
            self.update()

    def update(self) -> None:
        """Take in the present weights."""
        if self.count:
            self.mix(self.means, self.parameters, self.count)
        else:
            _copy(self.parameters, self.means)
        self.count += 1

    def install(self) -> None:
        """Give the module the average, where there is one."""
        if self.count:
            _copy(self.means, self.parameters)

    @contextmanager
    def in_place(self) -> Generator[None]:
        """Inside the block the module has the average, where there is one; after it, its own weights."""
        if not self.count:
            yield
            return
        own = [parameter.clone() for parameter in self.parameters]
        _copy(self.means, self.parameters)
        try:
            yield
        finally:
            _copy(own, self.parameters)

    def state_dict(self) -> dict[str, Any]:
        """The average so far."""
        return {"count": self.count, "means": list(self.means)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from an average."""
        self.count = state["count"]
        _copy(state["means"], self.means)


class ExponentialAverage(Average):
    """mean <- decay * mean + (1 - decay) * weights, after every update (Polyak & Juditsky 1992, as in Adam's paper,
    arXiv:1412.6980, section 7.2, without its correction: the mean starts at the first weights).
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise InputError(f"decay must be at least 0 and below 1, not {decay}")
        super().__init__()
        self.mix = get_ema_multi_avg_fn(decay)

    def wants(self, step: int) -> bool:
        """Always."""
        return True


class MeanAverage(Average):
    """The plain mean of the weights after each update from number ``start`` on.

    Polyak & Juditsky 1992; Izmailov et al., Averaging Weights Leads to Wider Optima, arXiv:1803.05407.
    """

    def __init__(self, start: int = 1) -> None:
        if start < 1:
            raise InputError(f"the first update is number 1, not {start}")
        super().__init__()
        self.start = start

    def wants(self, step: int) -> bool:
        """From ``start`` on."""
        return step >= self.start


class NonMonotone(Average):
    """The plain mean of the weights since validation stopped to gain: the trigger of NT-ASGD.

    It begins after a validation whose loss is worse than the best of all but the last ``patience`` before it (Merity,
    Keskar, Socher, arXiv:1708.02182, algorithm 1, where patience is n = 5). With plain SGD this is the paper's
    optimiser. Someone must validate: `EarlyStopping`, `Plateau` or `Validation`.
    """

    def __init__(self, patience: int = 5) -> None:
        if patience < 1:
            raise InputError(f"patience must be at least 1, not {patience}")
        super().__init__()
        self.patience = patience
        self.losses: list[float] = []
        self.begun = False

    def wants(self, step: int) -> bool:
        """Once it has begun."""
        return self.begun

    def validated(self, loss: float) -> None:
        """Begin, if this loss is no gain."""
        before = self.losses[: -self.patience]
        self.begun = self.begun or (bool(before) and loss > min(before))
        self.losses.append(loss)

    def state_dict(self) -> dict[str, Any]:
        """The average, and the losses heard of."""
        return {**super().state_dict(), "losses": list(self.losses), "begun": self.begun}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state)
        self.losses, self.begun = list(state["losses"]), state["begun"]


def _copy(values: list[Tensor], targets: list[Tensor]) -> None:
    for target, value in zip(targets, values, strict=True):
        target.copy_(value)
