"""What keeps training stable: penalties on activations, clipping, and an error where numbers stop being finite.

The penalties are added to a loss: Merity, McCann, Socher, Revisiting Activation Regularization for Language RNNs,
arXiv:1708.01009, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import GatewiseError, ShapeError


def activation(y: Tensor, alpha: float) -> Tensor:
    """Activation regularisation: alpha times the mean square of y, a scalar.

    y: outputs of the last layer after dropout, of any shape. The paper writes the norm of each output; its code and its
    followers use this mean. The paper's language models use alpha = 2.
    """
    return alpha * y.square().mean()


def temporal_activation(y: Tensor, beta: float) -> Tensor:
    """Temporal activation regularisation: beta times the mean square of y[t + 1] - y[t], a scalar.

    y: outputs of the last layer before dropout, (T, B, H), time first. Zero for a single step. The paper's language
    models use beta = 1. Raises ShapeError where there is no time axis.
    """
    if y.dim() < 2:
        raise ShapeError(f"outputs are (T, B, H) or (T, H), not of shape {tuple(y.shape)}")
    change = y[1:] - y[:-1]
    return beta * change.square().sum() / max(1, change.numel())


class DivergedError(GatewiseError, ArithmeticError):
    """The loss or its gradient is no longer finite, and training stopped before it spoiled the weights.

    Args:
        tensor: The first tensor that is not finite: the name of a parameter, or ``"loss"``.
        what: As for `GatewiseError`.
        where: The update, as in ``step 12``.
    """

    def __init__(self, tensor: str, what: str, *, where: str = "") -> None:
        super().__init__(what, where=where, hint="look for extreme values in the data, or lower the learning rate")
        self.tensor = tensor


def gradient_norm(parameters: Iterable[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients as one vector, (); 0 where there are none."""
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])


def clip_gradient(parameters: Iterable[Tensor], bound: float, norm: Tensor) -> None:
    """Scale the gradient, whose norm this is, down to the bound; with `gradient_norm` it is torch's clip_grad_norm_.

    Source: Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks, arXiv:1211.5063,
    algorithm 1.
    """
    nn.utils.clip_grads_with_norm_(parameters, bound, norm)


def has_bad_gradient(module: nn.Module) -> bool:
    """Whether a gradient has an entry that is not finite."""
    return bool(_first_bad(_gradients(module)))


def diverged(module: nn.Module, loss: float, norm: float, number: int) -> DivergedError:
    """The error for update ``number``, from its loss, the norm of its gradient, and the gradients themselves."""
    weight = _first_bad(module.named_parameters())
    if weight:
        tensor, words = weight, f"the weights of {weight} are not finite"
    elif not math.isfinite(loss):
        tensor, words = "loss", f"the loss is {loss:g}"
    else:
        tensor = _first_bad(_gradients(module)) or "gradient"
        words = f"the loss is {loss:g}, but the gradient of {tensor} is not finite"
    if tensor == "gradient":
        words = f"each gradient is finite, but their norm is {norm:g}"
    return DivergedError(tensor, f"training stopped: {words}", where=f"step {number}")


class Snapshot:
    """What a forward pass changes besides gradients: the module's buffers, and the state that a loss carries."""

    def __init__(self, module: nn.Module, loss: Any) -> None:
        self.module, self.loss = module, loss
        self.buffers = [buffer.clone() for buffer in module.buffers()]
        # a carried state is never changed in place, so a reference is enough
        self.carried = loss.state_dict() if hasattr(loss, "state_dict") else None

    @torch.no_grad()
    def restore(self) -> None:
        """Restore buffers and carried state, and drop the gradients."""
        for buffer, before in zip(self.module.buffers(), self.buffers, strict=True):
            buffer.copy_(before)
        if self.carried is not None:
            self.loss.load_state_dict(self.carried)
        self.module.zero_grad(set_to_none=True)


def _gradients(module: nn.Module) -> Iterable[tuple[str, Tensor]]:
    return ((name, p.grad) for name, p in module.named_parameters() if p.grad is not None)


def _first_bad(named: Iterable[tuple[str, Tensor]]) -> str:
    return next((name for name, tensor in named if not torch.isfinite(tensor).all()), "")
