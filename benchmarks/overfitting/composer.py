"""The network, its loss and its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.rnn import pad_sequence

from gatewise.nn import LSTM
from gatewise.nn.init import recommended_

KEYS = 88


class Chords(NamedTuple):
    """heard, next (T, B, 88): chords, and those that follow them. lengths (B,): how many are a chorale's own."""

    heard: Tensor
    next: Tensor
    lengths: Tensor


def batch(chorales: Sequence[Tensor]) -> Chords:
    """Chorales (T, 88) of any lengths."""
    chords = pad_sequence(list(chorales))
    return Chords(chords[:-1], chords[1:], torch.tensor([len(chorale) - 1 for chorale in chorales]))


class Composer(nn.Module):
    """One LSTM and a sigmoid for each key.

    drop_in, drop_out: probabilities for what it reads and gives, the same units at every step of a chorale (Gal and
    Ghahramani, arXiv:1512.05287). options: of the LSTM.
    """

    def __init__(self, units: int, drop_in: float = 0.0, drop_out: float = 0.0, **options: Any) -> None:
        super().__init__()
        self.lstm, self.keys = LSTM(KEYS, units, **options), nn.Linear(units, KEYS)
        self.drop_in, self.drop_out = drop_in, drop_out
        recommended_(self.lstm)
        nn.init.constant_(self.keys.bias, -3.0)  # four of 88 keys sound

    def forward(self, chords: Chords) -> Tensor:
        """Logits of the next chords, (T, B, 88)."""
        y, _ = self.lstm(self._dropped(chords.heard, self.drop_in), lengths=chords.lengths)
        return self.keys(self._dropped(y, self.drop_out))

    def _dropped(self, x: Tensor, rate: float) -> Tensor:
        return x * nn.functional.dropout(torch.ones_like(x[0]), rate, self.training) if rate else x


def loss(composer: nn.Module, chords: Chords) -> Tensor:
    """Mean over chords of the negative log-likelihood in nats."""
    own = torch.arange(len(chords.heard))[:, None] < chords.lengths
    logits, weight = composer(chords), own.unsqueeze(2).float()
    total = binary_cross_entropy_with_logits(logits, chords.next, weight=weight, reduction="sum")
    return total / chords.lengths.sum()
