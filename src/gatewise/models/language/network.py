"""The network of a language model."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ...equation import Cell
from ...nn import Recurrent
from ...nn.chain import Chain


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
