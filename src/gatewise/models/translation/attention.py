"""Attention: for each target position, a mean of what the encoder says of the source, weighted by a product."""

from __future__ import annotations

import math

from torch import Tensor, nn

from ...errors import InputError, argument
from ...nn.parts import apply


class Attention(nn.Module):
    """The "general" score of Luong, Pham & Manning, arXiv:1508.04025, section 3.1, scaled as in arXiv:1706.03762.

    With several heads each attends by itself, to its share of the memory's features.

    Letters: T target positions, S source positions, B sentences, H query features, C memory features, K hypotheses for
    each sentence, N heads.

    Args:
        queries: H.
        memory: C.
        heads: N, a divisor of C.

    Raises:
        InputError: The features cannot be divided among so many heads.
    """

    def __init__(self, queries: int, memory: int, heads: int = 1) -> None:
        super().__init__()
        if memory % heads:
            raise InputError(
                f"the encoder's {memory} units cannot be divided among {heads} heads",
                hint=f"give a {argument('heads')} that divides {memory}",
            )
        self.query = nn.Linear(queries, memory, bias=False)
        self.heads = heads
        self.scale = 1 / math.sqrt(memory // heads)

    def forward(self, states: Tensor, memory: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """All positions of a batch by two batched products.

        Args:
            states: (T, B, H).
            memory: (B, S, C).
            padding: (B, S), True where a sentence has ended; each has at least one position.

        Returns:
            Contexts (T, B, C), and weights (B, N, T, S), which sum to one over S.
        """
        queries = self._divided((self.query(states) * self.scale).transpose(0, 1))
        values = self._divided(memory)
        scores = (queries @ values.transpose(2, 3)).masked_fill(padding[:, None, None], -math.inf)
        weights = scores.softmax(-1)
        return (weights @ values).permute(2, 0, 1, 3).flatten(2), weights

    def shares(self, weights: Tensor, memory: Tensor) -> Tensor:
        """What each source position gives to a context, (B, T, S, C); its sum over S is the context."""
        values = self._divided(memory)
        return (weights[..., None] * values[:, :, None]).permute(0, 2, 3, 1, 4).flatten(3)

    def rowwise(self, states: Tensor, memory: Tensor, flipped: Tensor) -> tuple[Tensor, Tensor]:
        """The same for one position of sentences of equal length; the bits of each row are its own.

        A batched product may sum in another order for another batch; a sum over the last axis does not.

        Args:
            states: (B, K, H), of K hypotheses for each sentence.
            memory: (B, S, C).
            flipped: The same, (B, C, S), contiguous.

        Returns:
            Contexts (B, K, C), and weights (B, N, K, S).
        """
        queries = self._divided(apply(self.query, states) * self.scale)
        weights = (queries[:, :, :, None] * self._divided(memory)[:, :, None]).sum(-1).softmax(-1)
        by_feature = flipped.unflatten(1, (self.heads, -1))[:, :, None]
        return (weights[:, :, :, None] * by_feature).sum(-1).transpose(1, 2).flatten(2), weights

    def _divided(self, features: Tensor) -> Tensor:
        """(B, L, C) among the heads, (B, N, L, C / N)."""
        return features.unflatten(-1, (self.heads, -1)).transpose(1, 2)
