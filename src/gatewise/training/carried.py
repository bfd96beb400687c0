"""State that goes from one batch to the next, without its gradient: truncated backpropagation through time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError


class Carried:
    """A loss whose network begins each batch in the state in which it ended the one before.

    loss_with_state: takes module, batch and state, and gives the scalar loss and the new state: a tensor, as a GRU's,
    or a tuple or list of them, as an LSTM's. The state is None where ``batch.starts``. Gradients end at the batch's
    first step (Williams, Peng, An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
    Trajectories, Neural Computation 2, 1990, with equal h and h').
    """

    def __init__(self, loss_with_state: Callable[[nn.Module, Any, Any], tuple[Tensor, Any]]) -> None:
        self.loss_with_state = loss_with_state
        self.state: Any = None

    def __call__(self, module: nn.Module, batch: Any) -> Tensor:
        """The loss of one batch. Raises InputError where the batch does not say whether it starts anew."""
        if not hasattr(batch, "starts"):
            raise InputError(
                f"a batch of type {type(batch).__name__} does not say whether it goes on from the one before",
                hint="give it an attribute `starts`, as the batches of Stretches have",
            )
        loss, state = self.loss_with_state(module, batch, None if batch.starts else self._near(module))
        self.state = _each(Tensor.detach, state)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The carried state."""
        return {"state": self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a carried state."""
        self.state = state["state"]

    def _near(self, module: nn.Module) -> Any:
        """The state where the module is: that of a checkpoint is on the CPU."""
        device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
        return _each(lambda part: part.to(device) if part.device.type == "cpu" else part, self.state)


def _each(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """The state with every tensor changed."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, tuple | list):
        parts = [_each(change, part) for part in state]
        return parts if isinstance(state, list) else tuple(parts)
    return state
