"""C8. a^n b^n c^n: learnt up to n = 10, and counted further.

Gers, Schmidhuber, LSTM Recurrent Networks Learn Simple Context-Free and Context-Sensitive Languages, IEEE Transactions
on Neural Networks 12(6), 2001, doi:10.1109/72.963769. A string is accepted if at each of its symbols exactly those that
may follow are predicted.

A count goes on if each symbol adds or takes the same, whatever is there already. Gates that see the input alone, U = 0
and no peepholes, can do no other; many such counters side by side err less than one. With U or peepholes the gates fit
the counts that they were shown, and how far that carries is a matter of the seed.
"""

from __future__ import annotations

import torch
from torch import nn

from gatewise.nn import GRU, LSTM, PeepholeLSTM, Recurrent
from gatewise.nn.init import uniform_
from gatewise.training import Drawn

from ..data.synthetic import COUNTING_NEXT, COUNTING_SYMBOLS, counting
from ..goals import EverySeed
from ..learning import bit_entropy, fit
from ..networks import Reader, size, twin, with_forget_bias
from ..task import Found, Task
from .parity import blind_lstm

UNITS, LEARNT, TESTED, RATE, FORGET_BIAS = 32, 10, 100, 3e-2, 5.0
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


def _set(recurrent: Recurrent) -> Recurrent:
    """What is counted is kept from the start, and symbols are heard."""
    uniform_(recurrent)
    return with_forget_bias(recurrent, FORGET_BIAS)


def task(steps: int = 2000) -> Task:
    """The line."""
    inputs = len(COUNTING_SYMBOLS)
    return Task(
        "C8",
        "a^n b^n c^n, learnt to n = 10",
        "cells count, and go on counting beyond what they were shown",
        "peephole LSTM learns from n <= 10 and accepts n <= 52 at best (Gers & Schmidhuber 2001)",
        {
            "LSTM, U = 0": lambda seed: trained(_set(Recurrent(blind_lstm, inputs, UNITS)), seed, steps),
            "LSTM": lambda seed: trained(_set(LSTM(inputs, UNITS)), seed, steps),
            "PeepholeLSTM": lambda seed: trained(_set(PeepholeLSTM(inputs, UNITS)), seed, steps),
            "torch.nn.LSTM": lambda seed: trained(twin(_set(LSTM(inputs, UNITS))), seed, steps),
            "GRU": lambda seed: trained(GRU(inputs, UNITS), seed, steps),
        },
        [EverySeed("LSTM, U = 0", LARGEST, low=18)],
    )
