"""Long sequences in stretches, with state carried from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from .sources import State


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


# Merity, Keskar, Socher, Regularizing and Optimizing LSTM Language Models, arXiv:1708.02182, section 4.1: how often
# the length is the full one, the standard deviation round it, and the shortest that their code allows.
_FULL, _DEVIATION, _SHORTEST = 0.95, 5.0, 5


class Stretch(NamedTuple):
    """T steps of B columns.

    inputs, targets: (T, B, ...), where targets are the inputs one step later. starts: whether nothing was read before
    in this pass. rate: what this update's learning rate is multiplied by.
    """

    inputs: Tensor
    targets: Tensor
    starts: bool
    rate: float


class Stretches:
    """The columns of a text, read side by side from top to bottom, ``length`` steps at a time.

    tokens: (N, ...); cut into batch_size contiguous columns of equal length, and what is left over is not read. The
    last stretch of a pass is as long as what remains. variable: each stretch has another length, drawn from a normal
    distribution round ``length``, or with probability 0.05 round half of it, with deviation 5 and at least 5; the
    learning rate goes with the length, so that short stretches do not count for more (arXiv:1708.02182, section 4.1).
    Raises InputError where a column would be shorter than two steps.
    """

    def __init__(self, tokens: Tensor, batch_size: int, length: int, *, variable: bool = False, seed: int = 0) -> None:
        if batch_size < 1 or length < 1:
            raise InputError(f"batch_size and length must be at least 1, not {batch_size} and {length}")
        steps = len(tokens) // batch_size
        if steps < 2:
            raise InputError(f"{len(tokens)} tokens are too few for {batch_size} columns of at least two")
        columns = tokens[: steps * batch_size].view(batch_size, steps, *tokens.shape[1:])
        self.columns = columns.transpose(0, 1).contiguous()
        self.length, self.variable = length, variable
        self.generator = torch.Generator().manual_seed(seed)
        self.epoch = 0
        self.position = 0

    def next_batch(self) -> Stretch:
        """The next stretch of this pass."""
        begin = self.position
        last = len(self.columns) - 1
        end = min(begin + self._draw(), last)
        rate = (end - begin) / self.length if self.variable else 1.0
        self.epoch, self.position = (self.epoch + 1, 0) if end == last else (self.epoch, end)
        return Stretch(self.columns[begin:end], self.columns[begin + 1 : end + 1], begin == 0, rate)

    def state_dict(self) -> State:
        """The pass, the place in it, and the generator of lengths."""
        return {"epoch": self.epoch, "position": self.position, "generator": self.generator.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Go to that place of that pass."""
        self.epoch, self.position = state["epoch"], state["position"]
        self.generator.set_state(state["generator"])

    def _draw(self) -> int:
        if not self.variable:
            return self.length
        chance, deviation = torch.rand((), generator=self.generator), torch.randn((), generator=self.generator)
        centre = self.length if chance < _FULL else self.length / 2
        return max(_SHORTEST, int(centre + _DEVIATION * deviation))
