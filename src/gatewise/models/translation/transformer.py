"""A Transformer that reads a source and writes a target, made of torch's own layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from ..bodies.transformer import HEADS, Cache, causal_attention, in_heads, positions
from .network import Encoded, Memories

LAYERS = 2
"""Of the encoder, and of the decoder."""


@dataclass(frozen=True)
class Width:
    """How large a Transformer is.

    source, target: units of each vocabulary; ``target`` None where both sides share one. width: numbers of a position
    between layers, a multiple of `HEADS`. feedforward: numbers inside each layer.
    """

    source: int
    target: int | None
    width: int
    feedforward: int


@dataclass(frozen=True)
class Written:
    """What decoders keep of the units that they wrote: keys and values, layer by layer."""

    caches: tuple[Cache, ...]

    @property
    def steps(self) -> int:
        """How many units were read."""
        return self.caches[0].steps

    def rows(self, chosen: Tensor) -> Written:
        """These of the decoders, by their places (R,)."""
        return Written(tuple(cache.rows(chosen) for cache in self.caches))


class TargetLayer(nn.TransformerDecoderLayer):
    """torch's layer, normalised before each part, that may go on from what it has read.

    Weights, parts and results are those of `torch.nn.TransformerDecoderLayer` under a causal mask; what it reads of the
    source comes as the keys and values that `of_source` makes of it.
    """

    def __init__(self, width: int, feedforward: int, dropout: float) -> None:
        super().__init__(width, HEADS, feedforward, dropout, norm_first=True)

    def of_source(self, outputs: Tensor) -> Tensor:
        """Keys and values of the encoder's outputs (S, B, W), side by side, (S, B, 2 W)."""
        attention, width = self.multihead_attn, outputs.shape[-1]
        return linear(outputs, attention.in_proj_weight[width:], attention.in_proj_bias[width:])

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Tensor, past: Cache | None, sources: Sequence[Tensor], seen: Tensor | None
    ) -> tuple[Tensor, Cache]:
        """(T, R, W) to the same, and the keys and values of all steps so far.

        sources: `of_source`, (B, S, 2 W) of those of each length, one after the other, each source for the R / B rows
        that stand together. seen: (B, S), True where a source has a unit; None where all have.
        """
        y, cache = causal_attention(self.self_attn, self.norm1(x), past)
        x = x + self.dropout1(y)
        together = x.shape[1] // sum(map(len, sources))
        parts = self.norm2(x).split([together * len(source) for source in sources], dim=1)
        looked = [self._look(part, source, seen) for part, source in zip(parts, sources, strict=True)]
        x = x + self.dropout2(torch.cat(looked, dim=1))
        y = self.linear2(self.dropout(self.activation(self.linear1(self.norm3(x)))))
        return x + self.dropout3(y), cache

    def _look(self, x: Tensor, source: Tensor, seen: Tensor | None) -> Tensor:
        attention, (steps, rows, width) = self.multihead_attn, x.shape
        queries = linear(x, attention.in_proj_weight[:width], attention.in_proj_bias[:width])
        queries = queries.view(steps, len(source), -1, width).transpose(1, 2).flatten(0, 1)  # beside steps, those of B
        keys, values = (in_heads(part.transpose(0, 1), HEADS) for part in source.chunk(2, dim=-1))
        mask = None if seen is None else seen[:, None, None]
        dropout = attention.dropout if self.training else 0.0
        y = scaled_dot_product_attention(in_heads(queries, HEADS), keys, values, attn_mask=mask, dropout_p=dropout)
        y = y.permute(2, 0, 1, 3).flatten(2).view(steps, -1, len(source), width).transpose(1, 2)
        return attention.out_proj(y.reshape(steps, rows, width))


class TranslationTransformer(nn.Module):
    """From source units to the logits of target units; an `EncoderDecoder`.

    Source: Vaswani et al., Attention Is All You Need, arXiv:1706.03762, with the normalisation before each part (Xiong
    et al., arXiv:2002.04745). Embeddings, their scale, and their use as the weights of the last layer are those of its
    section 3.4.
    """

    _places: Tensor

    def __init__(self, size: Width, dropout: float) -> None:
        super().__init__()
        width = size.width
        self.source_embedding = nn.Embedding(size.source, width)
        self.target_embedding = nn.Embedding(size.target, width) if size.target is not None else None
        self.dropout, self.scale = nn.Dropout(dropout), math.sqrt(width)
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(width, HEADS, size.feedforward, dropout, norm_first=True) for _ in range(LAYERS)
        )
        self.decoder = nn.ModuleList(TargetLayer(width, size.feedforward, dropout) for _ in range(LAYERS))
        self.encoded, self.decoded = nn.LayerNorm(width), nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(self.target_units.num_embeddings))
        self.register_buffer("_places", torch.empty(0, 1, width), persistent=False)
        for embedding in (self.source_embedding, self.target_embedding):
            if embedding is not None:
                nn.init.normal_(embedding.weight, std=1 / self.scale)

    @property
    def target_units(self) -> nn.Embedding:
        """The embedding of target units, which is the source's where both share one vocabulary."""
        return self.source_embedding if self.target_embedding is None else self.target_embedding

    @property
    def memory_size(self) -> int:
        """C, how many numbers the decoder may read of each source position: keys and values of its layers."""
        return 2 * LAYERS * self.decoded.normalized_shape[0]

    def encode(self, source: Tensor, lengths: Tensor) -> Encoded:
        """source: (S, B), padded with any unit. lengths: (B,), each at least 1. The memory is (B, S, C)."""
        padding = torch.arange(len(source)) >= lengths[:, None]
        x = self._placed(self.source_embedding(source), 0)
        for layer in self.encoder:
            x = layer(x, src_key_padding_mask=padding)
        x = self.encoded(x)
        memory = torch.cat([layer.of_source(x) for layer in self._layers], dim=2).transpose(0, 1).contiguous()
        return Encoded(memory, padding, memory[:, 0])

    def decode(self, target: Tensor, lengths: Tensor, encoded: Encoded) -> tuple[Tensor, None]:
        """What stands before the softmax at every position of targets (T, B), (T, B, W)."""
        seen = ~encoded.padding if encoded.padding.any() else None
        return self._decoded(target, None, [encoded.memory], seen)[0], None

    def start(self, ends: Tensor) -> Written:
        """Decoders that have read nothing, one for each row of ``ends`` (R, C)."""
        empty = ends.new_empty(len(ends), HEADS, 0, ends.shape[1] // (2 * LAYERS * HEADS))
        return Written((Cache(empty, empty),) * LAYERS)

    def step(self, units: Tensor, decoding: Written, memories: Sequence[Memories]) -> tuple[Tensor, Written]:
        """One unit (R,) further: what stands before the softmax, (R, W), and the decoders then."""
        x, written = self._decoded(units[None], decoding, [one.memory for one in memories], None)
        return x[0], written

    def logits(self, before: Tensor) -> Tensor:
        """(N, W) to (N, V)."""
        return linear(before, self.target_units.weight, self.bias)

    @property
    def _layers(self) -> list[TargetLayer]:
        return [layer for layer in self.decoder if isinstance(layer, TargetLayer)]

    def _decoded(
        self, target: Tensor, past: Written | None, memories: Sequence[Tensor], seen: Tensor | None
    ) -> tuple[Tensor, Written]:
        x = self._placed(self.target_units(target), past.steps if past else 0)
        caches: list[Cache] = []
        by_layer = zip(*(memory.chunk(LAYERS, dim=2) for memory in memories), strict=True)
        for at, (layer, sources) in enumerate(zip(self._layers, by_layer, strict=True)):
            x, cache = layer(x, past.caches[at] if past else None, sources, seen)
            caches.append(cache)
        return self.decoded(x), Written(tuple(caches))

    def _placed(self, embedded: Tensor, first: int) -> Tensor:
        """Scaled embeddings (T, B, W) with the positions from ``first`` on."""
        ends = first + len(embedded)
        if len(self._places) < ends:
            self._places = positions(2 * ends, embedded.shape[2])[:, None].to(embedded)
        return self.dropout(embedded * self.scale + self._places[first:ends])
