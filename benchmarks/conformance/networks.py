"""What is compared: any recurrent layer with a linear reading of its output, and a small Transformer encoder."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.nn import Recurrent
from gatewise.nn.init import chrono_, forget_bias_, orthogonal_, recommended_


class Reader(nn.Module):
    """A recurrent module and a linear layer on its output at every step; x (T, B, I) to (T, B, K) and the state."""

    def __init__(self, recurrent: nn.Module, outputs: int) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.head = nn.Linear(int(recurrent.hidden_size), outputs)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Logits or estimates after every step."""
        y, state = self.recurrent(x, state)
        return self.head(y), state


class Attention(nn.Module):
    """torch.nn's Transformer encoder, layers normalised first, each step told its place by sines.

    Vaswani et al., Attention Is All You Need, arXiv:1706.03762, section 3.5 for the places. Every step sees those
    before it and itself, so that it reads what a recurrent network has read by then. Called like a Reader, without a
    state.
    """

    def __init__(self, inputs: int, width: int, outputs: int, *, layers: int = 2, heads: int = 2, dropout: float = 0.0):
        super().__init__()
        self.width = width
        self.embed = nn.Linear(inputs, width)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, activation="gelu", norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
        """As Reader does."""
        steps = x.shape[0]
        mask = nn.Transformer.generate_square_subsequent_mask(steps)
        y = self.encoder(self.embed(x) + _places(steps, self.width), mask=mask, is_causal=True)
        return self.head(y), None


def _places(steps: int, width: int) -> Tensor:
    """(T, 1, D): sines and cosines of wavelengths from 2 pi to 10,000 times that."""
    angles = torch.arange(steps)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)[:, None]


def with_forget_bias(module: Recurrent, value: float) -> Recurrent:
    """The module, its forget gates biased by that much."""
    forget_bias_(module, value)
    return module


def with_chrono(module: Recurrent, longest: int) -> Recurrent:
    """The module, its gates biased for dependencies of up to so many steps."""
    chrono_(module, longest)
    return module


def recommended(module: Recurrent, longest: int | None = None) -> Recurrent:
    """The module with the library's recommended weights: for a horizon by chrono, else forget bias 1."""
    recommended_(module, longest)
    return module


def with_orthogonal(module: Recurrent) -> Recurrent:
    """The module, U orthogonal for each gate."""
    orthogonal_(module)
    return module


def twin(module: Recurrent) -> nn.RNNBase:
    """torch.nn's module of the same name, with the same weights."""
    kind: type[nn.RNNBase] = getattr(nn, type(module).__name__)
    theirs = kind(module.input_size, module.hidden_size, module.num_layers, dropout=module.dropout)  # pyright: ignore[reportCallIssue, reportArgumentType]
    theirs.load_state_dict(module.state_dict())
    return theirs


def size(module: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
