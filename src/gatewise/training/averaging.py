"""Averages of the weights over a training run, which generalise better than the last weights."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from ..errors import InputError


class Average:
    """A running average of a module's parameters, for `Trainer`'s ``average``.

    Subclasses decide how weights are mixed, and after which updates. Buffers, such as those of batch normalisation,
    are not averaged.

    Attributes:
        count: How many times weights have been added to the average.
    """

    def __init__(self) -> None:
        self.mix = get_swa_multi_avg_fn()
        self.parameters: list[Tensor] = []
        self.means: list[Tensor] = []
        self.count = 0

    def attach(self, module: nn.Module) -> None:
        """Average the weights of this module; `Trainer` calls it.

        Args:
            module: The module.

        Raises:
            InputError: The average already belongs to a trainer.
        """
        if self.parameters:
            raise InputError("an average belongs to one trainer")
        self.parameters = [parameter.detach() for parameter in module.parameters()]
        self.means = [parameter.clone() for parameter in self.parameters]

    def wants(self, step: int) -> bool:
        """Decide whether the weights are added after an update; subclasses define it.

        Args:
            step: The number of the update, from 1.

        Returns:
            Whether to add them.
        """
        raise NotImplementedError

    def validated(self, loss: float) -> None:
        """Receive the loss of a validation."""

    def after_step(self, step: int) -> None:
        """Add the weights after update number ``step``, where `wants` says so."""
        if self.wants(step):
            self.update()

    def update(self) -> None:
        """Add the present weights."""
        if self.count:
            self.mix(self.means, self.parameters, self.count)
        else:
            _copy(self.parameters, self.means)
        self.count += 1

    def install(self) -> None:
        """Copy the average into the module, where there is one."""
        if self.count:
            _copy(self.means, self.parameters)

    @contextmanager
    def in_place(self) -> Generator[None]:
        """A block in which the module has the average, where there is one; afterwards it has its own weights again."""
        if not self.count:
            yield
            return
        weights = [parameter.clone() for parameter in self.parameters]
        _copy(self.means, self.parameters)
        try:
            yield
        finally:
            _copy(weights, self.parameters)

    def state_dict(self) -> dict[str, Any]:
        """The average so far."""
        return {"count": self.count, "means": list(self.means)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from an average that `state_dict` gave."""
        self.count = state["count"]
        _copy(state["means"], self.means)


class ExponentialAverage(Average):
    """An exponential moving average: mean <- decay * mean + (1 - decay) * weights, after every update.

    Source: Polyak & Juditsky 1992, as in Kingma & Ba, Adam, arXiv:1412.6980, section 7.2, without its bias correction:
    the mean starts at the first weights.

    Args:
        decay: The weight of the past, from 0 to below 1.

    Raises:
        InputError: For a decay outside that range.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise InputError(f"decay must be at least 0 and below 1, not {decay}")
        super().__init__()
        self.mix = get_ema_multi_avg_fn(decay)

    def wants(self, step: int) -> bool:
        """After every update."""
        return True


class MeanAverage(Average):
    """The mean of the weights after each update from number ``start`` on.

    Source: Polyak & Juditsky 1992; Izmailov et al., Averaging Weights Leads to Wider Optima, arXiv:1803.05407.

    Args:
        start: The first update whose weights count, from 1.

    Raises:
        InputError: For a start below 1.
    """

    def __init__(self, start: int = 1) -> None:
        if start < 1:
            raise InputError(f"the first update is number 1, not {start}")
        super().__init__()
        self.start = start

    def wants(self, step: int) -> bool:
        """After update ``start`` and all later ones."""
        return step >= self.start


class NonMonotone(Average):
    """The mean of the weights since validation stopped improving: the trigger of NT-ASGD.

    It begins after a validation whose loss is worse than the best of all but the last ``patience`` before it. With
    plain SGD this is the paper's optimiser. It needs a callback that validates: `EarlyStopping`, `Plateau` or
    `Validation`.

    Source: Merity, Keskar, Socher, Regularizing and Optimizing LSTM Language Models, arXiv:1708.02182, algorithm 1.

    Args:
        patience: How many recent validations are not compared with, at least 1; the paper's n.

    Raises:
        InputError: For a patience below 1.
    """

    def __init__(self, patience: int = 5) -> None:
        if patience < 1:
            raise InputError(f"patience must be at least 1, not {patience}")
        super().__init__()
        self.patience = patience
        self.losses: list[float] = []
        self.begun = False

    def wants(self, step: int) -> bool:
        """After every update once averaging has begun."""
        return self.begun

    def validated(self, loss: float) -> None:
        """Begin averaging where this loss is worse than the best of the earlier ones."""
        earlier = self.losses[: -self.patience]
        self.begun = self.begun or (bool(earlier) and loss > min(earlier))
        self.losses.append(loss)

    def state_dict(self) -> dict[str, Any]:
        """The average, and the losses so far."""
        return {**super().state_dict(), "losses": list(self.losses), "begun": self.begun}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` gave."""
        super().load_state_dict(state)
        self.losses, self.begun = list(state["losses"]), state["begun"]


def _copy(values: list[Tensor], targets: list[Tensor]) -> None:
    for target, value in zip(targets, values, strict=True):
        target.copy_(value)
