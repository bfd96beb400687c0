"""C8. a^n b^n c^n: learnt up to n = 10, and counted further.

Gers, Schmidhuber, LSTM Recurrent Networks Learn Simple Context-Free and Context-Sensitive Languages, IEEE Transactions
on Neural Networks 12(6), 2001, doi:10.1109/72.963769. A string is accepted if at each of its symbols exactly those that
may follow are predicted.
"""

from __future__ import annotations

import torch
from torch import nn

from gatewise.nn import GRU, LSTM, PeepholeLSTM
from gatewise.training import Drawn

from ..data.synthetic import COUNTING_NEXT, COUNTING_SYMBOLS, counting
from ..goals import EverySeed
from ..learning import bit_entropy, fit
from ..networks import Reader, size, twin, with_forget_bias
from ..task import Found, Task

UNITS, LEARNT, TESTED, RATE = 4, 10, 100, 1e-2
LARGEST = "largest n, all up to it accepted"


@torch.no_grad()
def largest(network: nn.Module) -> int:
    """The largest n up to TESTED such that it and all smaller ones are accepted."""
    batch = counting(TESTED)
    y, _ = network(batch.x)
    wrong = (((y > 0) != (batch.y > 0.5)).any(2) & batch.asked).any(0)
    return int(wrong.int().argmax()) if wrong.any() else TESTED


def trained(recurrent: nn.Module, seed: int, steps: int) -> Found:
    """How far it counts."""
    network = Reader(recurrent, len(COUNTING_NEXT))
    learnt = counting(LEARNT)
    fit(network, bit_entropy, Drawn(lambda _: learnt), steps, RATE, cosine=True, seed=seed)
    return Found({LARGEST: largest(network)}, size(network))


def _peephole() -> PeepholeLSTM:
    return with_forget_bias(PeepholeLSTM(len(COUNTING_SYMBOLS), UNITS), FORGET)


def _lstm() -> LSTM:
    return with_forget_bias(LSTM(len(COUNTING_SYMBOLS), UNITS), FORGET)


FORGET = 3.0


def task(steps: int = 4000) -> Task:
    """The line."""
    return Task(
        "C8",
        "a^n b^n c^n, learnt to n = 10",
        "cells count, and go on counting beyond what they were shown",
        "peephole LSTM learns from n <= 10 and accepts n <= 52 at best (Gers & Schmidhuber 2001)",
        {
            "PeepholeLSTM": lambda seed: trained(_peephole(), seed, steps),
            "LSTM": lambda seed: trained(_lstm(), seed, steps),
            "torch.nn.LSTM": lambda seed: trained(twin(_lstm()), seed, steps),
            "GRU": lambda seed: trained(GRU(len(COUNTING_SYMBOLS), UNITS), seed, steps),
        },
        [EverySeed("PeepholeLSTM", LARGEST, low=18)],
    )
