"""What a network may be built around."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class Body(Protocol):
    """A module that reads steps one after another, called as `gatewise.nn.Recurrent` is, which is one.

    What it puts out at a step depends on no later step. The state that a call returns is all that it has to keep of
    what it has read: a sequence may be dealt out to several calls, down to a step each.
    """

    @property
    def output_size(self) -> int:
        """K, how many numbers it puts out at each step."""
        ...

    def __call__(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """The outputs (T, B, K) for steps x (T, B, I), and the state after the last.

        state: after the steps before, None where there are none. lengths: how many steps of each row are its own, (B,);
        outputs beyond mean nothing.
        """
        ...
