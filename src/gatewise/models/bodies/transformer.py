"""A causal Transformer as the body of a network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

HEADS = 4
"""Heads of each layer, by default; the width is a multiple of it."""
_LONGEST_WAVE = 10_000.0


@dataclass(frozen=True)
class Cache:
    """Keys and values of all steps that a layer has read, each (B, heads, steps, width of a head)."""

    keys: Tensor
    values: Tensor

    @property
    def steps(self) -> int:
        """How many steps were read."""
        return self.keys.shape[2]

    def rows(self, chosen: Tensor) -> Cache:
        """These of the rows, by their places (R,)."""
        return Cache(self.keys.index_select(0, chosen), self.values.index_select(0, chosen))


def in_heads(x: Tensor, heads: int) -> Tensor:
    """(T, B, width) to (B, heads, T, width of a head)."""
    return x.unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)


def causal_attention(attention: nn.MultiheadAttention, x: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
    """What torch's attention makes of steps x (T, B, width) that see themselves and those before, ``past`` included,
    and the keys and values of all."""
    parts = linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
    queries, keys, values = (in_heads(part, attention.num_heads) for part in parts)
    if past is not None:
        keys, values = torch.cat((past.keys, keys), dim=2), torch.cat((past.values, values), dim=2)
    dropout = attention.dropout if attention.training else 0.0
    if past is None:
        y = scaled_dot_product_attention(queries, keys, values, dropout_p=dropout, is_causal=True)
    else:
        mask = torch.ones(len(x), past.steps + len(x), dtype=torch.bool, device=x.device).tril(past.steps)
        y = scaled_dot_product_attention(queries, keys, values, attn_mask=mask, dropout_p=dropout)
    return attention.out_proj(y.permute(2, 0, 1, 3).flatten(2)), Cache(keys, values)


class CausalLayer(nn.TransformerEncoderLayer):
    """torch's layer, normalised before each part, that may go on from what it has read.

    Weights, parts and results are those of `torch.nn.TransformerEncoderLayer` under a causal mask.
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__(width, heads, feedforward, dropout, norm_first=True)

    def forward(self, x: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """(T, B, width) to the same, and the keys and values of all steps so far."""
        y, cache = causal_attention(self.self_attn, self.norm1(x), past)
        x = x + self.dropout1(y)
        y = self.linear2(self.dropout(self.activation(self.linear1(self.norm2(x)))))
        return x + self.dropout2(y), cache


class CausalTransformer(nn.Module):
    """A linear layer, sinusoidal positions, torch's encoder layers under a causal mask, a normalisation.

    Source: Vaswani et al., Attention Is All You Need, arXiv:1706.03762, with the normalisation before each part (Xiong
    et al., arXiv:2002.04745). A `Body`, whose state is the keys and values of all steps: it grows with each.

    Args:
        inputs: I, numbers of a step.
        width: K, numbers of a step between the layers and at the end; a multiple of ``heads``, and even.
        feedforward: Numbers between the two linear layers of each layer.
        layers: Layers.
        heads: Heads of each layer.
        dropout: The probability of torch's layers, and of the sum of input and position, in training.
    """

    _places: Tensor

    def __init__(
        self, inputs: int, width: int, feedforward: int, layers: int = 2, heads: int = HEADS, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.output_size = width
        self.embed, self.dropout, self.norm = nn.Linear(inputs, width), nn.Dropout(dropout), nn.LayerNorm(width)
        self.layers = nn.ModuleList(CausalLayer(width, heads, feedforward, dropout) for _ in range(layers))
        self.register_buffer("_places", torch.empty(0, 1, width), persistent=False)

    def forward(
        self, x: Tensor, state: list[Cache] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, list[Cache]]:
        """See `Body`; of a padded batch the state is that after the last step, padding or not."""
        seen = state[0].steps if state else 0
        x = self.dropout(self.embed(x) + self._positions(seen, len(x)))
        caches: list[Cache] = []
        for at, layer in enumerate(self.layers):
            x, cache = layer(x, None if state is None else state[at])
            caches.append(cache)
        return self.norm(x), caches

    def _positions(self, first: int, steps: int) -> Tensor:
        """(steps, 1, width), out of a table that grows with the sequences."""
        if len(self._places) < first + steps:
            self._places = positions(2 * (first + steps), self.output_size)[:, None].to(self._places)
        return self._places[first : first + steps]


def positions(steps: int, width: int) -> Tensor:
    """Sines and cosines of the numbers of steps from 0 on, (steps, width): arXiv:1706.03762, section 3.5."""
    waves = torch.exp(torch.arange(0, width, 2) * (-math.log(_LONGEST_WAVE) / width))
    angles = torch.arange(steps)[:, None] * waves
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)
