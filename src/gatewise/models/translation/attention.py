"""Attention: for each target position, a mean of what the encoder says of the source, weighted by a product."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...nn.parts import apply


class Attention(nn.Module):
    """The "general" score of Luong, Pham & Manning, arXiv:1508.04025, section 3.1, scaled as in arXiv:1706.03762.

    Letters: T target positions, S source positions, B sentences, H query features, C memory features.

    Args:
        queries: H.
        memory: C.
    """

    def __init__(self, queries: int, memory: int) -> None:
        super().__init__()
        self.query = nn.Linear(queries, memory, bias=False)
        self.scale = 1 / math.sqrt(memory)

    def forward(self, states: Tensor, memory: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """All positions of a batch by two batched products.

        Args:
            states: (T, B, H).
            memory: (B, S, C).
            padding: (B, S), True where a sentence has ended; each has at least one position.

        Returns:
            Contexts (T, B, C), and weights (B, T, S), which sum to one over S.
        """
        queries = self.query(states).transpose(0, 1) * self.scale
        scores = torch.bmm(queries, memory.transpose(1, 2)).masked_fill(padding[:, None], -math.inf)
        weights = scores.softmax(-1)
        return torch.bmm(weights, memory).transpose(0, 1), weights

    def rowwise(self, states: Tensor, memory: Tensor, flipped: Tensor) -> tuple[Tensor, Tensor]:
        """The same for one position of sentences of equal length; the bits of each row are its own.

        A batched product may sum in another order for another batch; a sum over the last axis does not.

        Args:
            states: (B, K, H), of K hypotheses for each sentence.
            memory: (B, S, C).
            flipped: The same, (B, C, S), contiguous.

        Returns:
            Contexts (B, K, C), and weights (B, K, S).
        """
        queries = apply(self.query, states) * self.scale
        weights = (queries[:, :, None] * memory[:, None]).sum(-1).softmax(-1)
        return (weights[:, :, None] * flipped[:, None]).sum(-1), weights
