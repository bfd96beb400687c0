"""One layer in one direction, as tensors: what every driver is given and gives.

Letters: T time, B batch, I input, H hidden, G gates, S states, P per-unit weights. Tensors are contiguous, of one
dtype and on one device, and validated before they come here.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Layer(NamedTuple):
    """What one layer in one direction computes with.

    x: (T, B, I). W: (H for each gate with an input, I). U: (H for each gate with a recurrent part, H).
    b: (H for each gate with a bias). per_unit: (P, H). states: initial, (S, B, H). reverse: from the last step of
    time to the first.
    """

    x: Tensor
    W: Tensor
    U: Tensor
    b: Tensor
    per_unit: Tensor
    states: Tensor
    reverse: bool

    def contiguous(self) -> Layer:
        """The same with every tensor contiguous."""
        *tensors, reverse = self
        return Layer(*[tensor.contiguous() for tensor in tensors], reverse)  # pyright: ignore[reportCallIssue]

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes that a kernel's table starts with."""
        steps, rows, inputs = self.x.shape
        return {"steps": steps, "rows": rows, "inputs": inputs, "units": self.states.shape[2]}


class Kept(NamedTuple):
    """What the forward sweep leaves: y (T, B, H), last states (S, B, H), and for backward the pre-activations
    (T, B, G, H) and the history of every state but the output (S - 1, T, B, H); the latter two empty if not kept."""

    y: Tensor
    last: Tensor
    preactivations: Tensor
    histories: Tensor


class Gradients(NamedTuple):
    """Gradients of the fields of Layer of the same names."""

    x: Tensor
    W: Tensor
    U: Tensor
    b: Tensor
    per_unit: Tensor
    states: Tensor
