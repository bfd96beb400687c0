"""Truncated backpropagation through time: long sequences in stretches, with the state carried from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..words import count
from .sources import State


class Carried:
    """A loss for `Trainer` whose network begins each batch in the state in which it ended the previous one.

    Gradients end at the batch's first step.

    Source: Williams, Peng, An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
    Trajectories, Neural Computation 2, 1990, with equal h and h'.

    Args:
        loss_with_state: Takes module, batch and state, and returns the scalar loss and the new state: a tensor, as of
            a GRU, or a tuple or list of tensors, as of an LSTM. The state is None where ``batch.starts`` is true.
    """

    def __init__(self, loss_with_state: Callable[[nn.Module, Any, Any], tuple[Tensor, Any]]) -> None:
        self.loss_with_state = loss_with_state
        self.state: Any = None

    def __call__(self, module: nn.Module, batch: Any) -> Tensor:
        """The loss of one batch. Raises InputError for a batch without an attribute ``starts``."""
        if not hasattr(batch, "starts"):
            raise InputError(
                f"a batch of type {type(batch).__name__} does not say whether it continues the previous one",
                hint="give it an attribute `starts`, as the batches of Stretches have",
            )
        loss, state = self.loss_with_state(module, batch, None if batch.starts else self._on_device_of(module))
        self.state = _mapped(Tensor.detach, state)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The carried state."""
        return {"state": self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a carried state."""
        self.state = state["state"]

    def _on_device_of(self, module: nn.Module) -> Any:
        """The state on the module's device: one from a checkpoint is on the CPU."""
        device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
        return _mapped(lambda part: part.to(device) if part.device.type == "cpu" else part, self.state)


def _mapped(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """The state with every tensor changed."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, tuple | list):
        parts = [_mapped(change, part) for part in state]
        return parts if isinstance(state, list) else tuple(parts)
    return state


# Merity, Keskar, Socher, Regularizing and Optimizing LSTM Language Models, arXiv:1708.02182, section 4.1: how often
# the length is the full one, the standard deviation around it, and the shortest that their code allows.
_FULL, _DEVIATION, _SHORTEST = 0.95, 5.0, 5


class Stretch(NamedTuple):
    """A batch of `Stretches`: T steps of B columns.

    Attributes:
        inputs: (T, B, ...).
        targets: (T, B, ...), the inputs one step later.
        starts: Whether this is the first stretch of a pass.
        rate: The factor of this update's learning rate.
    """

    inputs: Tensor
    targets: Tensor
    starts: bool
    rate: float


class Stretches:
    """A long sequence as columns that are read side by side, ``length`` steps at a time.

    The last stretch of a pass has the steps that remain.

    Source: of variable lengths, Merity, Keskar, Socher, arXiv:1708.02182, section 4.1.

    Args:
        tokens: The sequence (N, ...); cut into contiguous columns of equal length, any remainder is not read.
        batch_size: How many columns.
        length: Steps in a stretch.
        variable: Whether lengths are drawn at random: from a normal distribution around ``length``, or with probability
            0.05 around half of it, with standard deviation 5 and at least 5. The learning rate is proportional to the
            length then, so that short stretches do not count for more.
        seed: Of these lengths.

    Raises:
        InputError: Where a column would be shorter than two steps.
    """

    def __init__(self, tokens: Tensor, batch_size: int, length: int, *, variable: bool = False, seed: int = 0) -> None:
        if batch_size < 1 or length < 1:
            raise InputError(f"batch_size and length must be at least 1, not {batch_size} and {length}")
        steps = len(tokens) // batch_size
        if steps < 2:
            what = f"{count(len(tokens), 'token')} are too few for {count(batch_size, 'column')} of at least two"
            raise InputError(what, hint="give a longer text, or fewer columns")
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
        end = min(begin + self._drawn_length(), last)
        rate = (end - begin) / self.length if self.variable else 1.0
        self.epoch, self.position = (self.epoch + 1, 0) if end == last else (self.epoch, end)
        return Stretch(self.columns[begin:end], self.columns[begin + 1 : end + 1], begin == 0, rate)

    def state_dict(self) -> State:
        """The pass, the position in it, and the generator of lengths."""
        return {"epoch": self.epoch, "position": self.position, "generator": self.generator.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Go to a position that `state_dict` gave."""
        self.epoch, self.position = state["epoch"], state["position"]
        self.generator.set_state(state["generator"])

    def _drawn_length(self) -> int:
        if not self.variable:
            return self.length
        chance, deviation = torch.rand((), generator=self.generator), torch.randn((), generator=self.generator)
        centre = self.length if chance < _FULL else self.length / 2
        return max(_SHORTEST, int(centre + _DEVIATION * deviation))
