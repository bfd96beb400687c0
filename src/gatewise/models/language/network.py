"""The network of a language model, how it learns from a text, and how it is measured on one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...equation import Cell
from ...nn import Recurrent
from ...nn.chain import Chain
from ...training import Carried, Stretch, Stretches, Trained
from ..network_estimator import Course, train

_WARMUP = 0.1
"""Share of the run in which the learning rate rises."""
_AT_ONCE = 4096
"""Tokens measured in one call."""


class LanguageNetwork(nn.Module):
    """Embedding, recurrent stack, linear layer: logits of the next token after each.

    Dropout as in Zaremba, Sutskever, Vinyals, Recurrent Neural Network Regularization, arXiv:1409.2329: between layers
    and before the last, never within the recurrence. Weights start as torch.nn's do.
    """

    def __init__(
        self, cell: Cell, size: int, embedding: int, hidden: int, layers: int, dropout: float, options: dict[str, Any]
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, embedding)
        between = dropout if layers > 1 else 0.0
        self.recurrent = Recurrent(cell, embedding, hidden, layers, dropout=between, **options)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden, size)

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """tokens (T, B) to logits (T, B, V), and the state after the last."""
        outputs, state = self.recurrent(self.embedding(tokens), state)
        return self.linear(self.dropout(outputs)), state


def chain_of(network: LanguageNetwork) -> Chain:
    """The network step by step: an embedding is a linear layer of what is 1 in one place."""
    embedding = nn.Linear(network.embedding.num_embeddings, network.embedding.embedding_dim, bias=False)
    embedding.weight = nn.Parameter(network.embedding.weight.detach().t().contiguous())
    return Chain(embedding, network.recurrent, network.linear).eval()


def learn(network: LanguageNetwork, source: Stretches, course: Course) -> Trained:
    """Train the network on columns of tokens by truncated backpropagation through time, with the state carried on."""
    updates = -(-(len(source.columns) - 1) // source.length)
    return train(network, Carried(_loss), source, course, updates=updates, warmup=_WARMUP)


def _loss(network: nn.Module, batch: Stretch, state: Any) -> tuple[Tensor, Any]:
    logits, state = network(batch.inputs, state)
    return nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten()), state


@torch.no_grad()
def mean_loss(network: LanguageNetwork, tokens: Tensor) -> float:
    """Mean nats of each of the tokens (N,) but the first, given all before it."""
    total, state = 0.0, None
    for start in range(0, len(tokens) - 1, _AT_ONCE):
        read = tokens[start : min(start + _AT_ONCE, len(tokens) - 1)]
        logits, state = network(read[:, None], state)
        actual = tokens[start + 1 : start + 1 + len(read)]
        total += float(nn.functional.cross_entropy(logits[:, 0].double(), actual, reduction="sum"))
    return total / (len(tokens) - 1)
