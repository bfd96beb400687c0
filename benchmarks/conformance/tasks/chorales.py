"""C6. Bach's chorales: coupled gates, i = 1 - f, do no worse with a quarter less to learn.

Greff et al., LSTM: A Search Space Odyssey, arXiv:1503.04069, section V; figures of larger networks in Bai, Kolter,
Koltun, arXiv:1803.01271. A network hears a chord and says of each of 88 keys how likely it is to sound next; loss: the
negative log-likelihood of a chord in nats, from logits, on the test set at the epoch best on the validation set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.rnn import pad_sequence

from gatewise.nn import GRU, LSTM, RNN, CoupledLSTM
from gatewise.training import Callback, Shuffled, Trainer

from ..data.files import CHORALES, chorales
from ..goals import Apart, EverySeed
from ..learning import fit
from ..networks import Attention, Reader, size, twin, with_forget_bias
from ..task import Found, Task

KEYS, UNITS, WIDTH, ROWS, RATE, EPOCHS = 88, 150, 128, 16, 2e-3, 120
HEARD, TOLD = 0.25, 0.5  # dropout before and after the memory, one mask for a whole chorale
LOSS = "test loss"


class Dropped(nn.Module):
    """A network that hears through a mask, and tells through one: the same over all of time.

    Gal & Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, arXiv:1512.05287.
    """

    def __init__(self, network: Reader) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Logits of the next chord after every chord."""
        y, _ = self.network.recurrent(self._masked(x, HEARD))
        return self.network.head(self._masked(y, TOLD)), None

    def _masked(self, x: Tensor, rate: float) -> Tensor:
        return x * nn.functional.dropout(torch.ones_like(x[:1]), rate, self.training)


def loss(network: nn.Module, rolls: Sequence[Tensor]) -> Tensor:
    """Mean over chords, nats."""
    chords = pad_sequence(list(rolls))
    lengths = torch.tensor([len(roll) - 1 for roll in rolls])
    real = torch.arange(len(chords) - 1)[:, None] < lengths
    y, _ = network(chords[:-1])
    return binary_cross_entropy_with_logits(y[real], chords[1:][real], reduction="sum") / lengths.sum()


class Best(Callback):
    """After each epoch, the loss on the validation set; where it is the lowest so far, that on the test set."""

    def __init__(self, network: nn.Module, data: dict[str, list[Tensor]]) -> None:
        self.network, self.data = network, data
        self.valid, self.test = math.inf, math.nan

    def after_epoch(self, trainer: Trainer) -> None:
        """Look."""
        valid = trainer.validate(lambda: float(loss(self.network, self.data["valid"])))
        if valid < self.valid:
            self.valid = valid
            self.test = trainer.validate(lambda: float(loss(self.network, self.data["test"])))


def trained(network: nn.Module, seed: int) -> Found:
    """The loss on the test set at the epoch best on the validation set."""
    data = chorales()
    best = Best(network, data)
    source = Shuffled(data["train"], ROWS, collate=list, seed=seed)
    steps = EPOCHS * math.ceil(len(data["train"]) / ROWS)
    fit(network, loss, source, steps, RATE, callbacks=[best], seed=seed)
    return Found({LOSS: best.test}, size(network))


def _read(recurrent: nn.Module) -> Dropped:
    return Dropped(_mostly_silent(Reader(recurrent, KEYS)))


def _mostly_silent(network: Reader | Attention) -> Any:
    """The network, which says at first that a key sounds one time in twenty, as keys do."""
    nn.init.constant_(network.head.bias, -3.0)
    return network


def _lstm() -> LSTM:
    return with_forget_bias(LSTM(KEYS, UNITS), 1.0)


def task() -> Task:
    """The line; not in the quick form."""
    return Task(
        "C6",
        "JSB chorales",
        "coupled gates tie with the LSTM; a plain RNN is worse",
        "LSTM 8.45, GRU 8.43, RNN 8.91, TCN 8.10 nats (Bai et al. 2018, 300,000 weights)",
        {
            "LSTM": lambda seed: trained(_read(_lstm()), seed),
            "CoupledLSTM": lambda seed: trained(_read(with_forget_bias(CoupledLSTM(KEYS, UNITS), 1.0)), seed),
            "GRU": lambda seed: trained(_read(GRU(KEYS, UNITS)), seed),
            "RNN": lambda seed: trained(_read(RNN(KEYS, UNITS)), seed),
            "torch.nn.LSTM": lambda seed: trained(_read(twin(_lstm())), seed),
            "Transformer": lambda seed: trained(_mostly_silent(Attention(KEYS, WIDTH, KEYS, dropout=0.3)), seed),
        },
        [
            EverySeed("LSTM", LOSS, high=8.65),
            EverySeed("CoupledLSTM", LOSS, high=8.65),
            Apart("CoupledLSTM", "LSTM", LOSS, high=0.05),
            Apart("RNN", "LSTM", LOSS, low=0.25),
        ],
        needs=CHORALES,
    )
