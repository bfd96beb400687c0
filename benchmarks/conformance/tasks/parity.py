"""C4b. Running parity without recurrent weights: possible with peepholes, and not without.

Where U = 0 the gates of a plain LSTM see only the input, so a unit's cell is a filter of the bits that knows nothing of
what it holds. A peephole lets a gate ask it. With U both can.
"""

from __future__ import annotations

import torch
from torch import nn, sigmoid, tanh

from gatewise import cell
from gatewise.nn import LSTM, PeepholeLSTM, Recurrent
from gatewise.training import Callback, Drawn, Trainer

from ..data.synthetic import Tagged, parity
from ..goals import EverySeed
from ..learning import Until, bit_accuracy, bit_entropy, fit, fresh
from ..networks import Attention, Reader, size
from ..task import Found, Task

UNITS, LENGTH, ROWS, WATCHED, TESTED, RATE, LONGER, EVERY = 4, 40, 64, 256, 1000, 2e-2, 10, 50
ACCURACY, BEYOND = "accuracy", "accuracy, T=400"
_BLIND = dict.fromkeys(("input", "forget", "candidate", "output"), "W x + b")


@cell(gates=_BLIND, state="h c", candidate="g")
def blind_lstm(i, f, g, o, c):
    """The LSTM without U."""
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c


@cell(gates=_BLIND, state="h c", per_unit="p_i p_f p_o", candidate="g")
def blind_peephole_lstm(i, f, g, o, c, p_i, p_f, p_o):
    """The LSTM with peepholes, without U."""
    i, f, g = sigmoid(i + p_i * c), sigmoid(f + p_f * c), tanh(g)
    c = f * c + i * g
    o = sigmoid(o + p_o * c)
    h = o * tanh(c)
    return h, c


class Growing(Callback):
    """A curriculum: sequences of two steps first, one more every so many updates."""

    def __init__(self, every: int) -> None:
        self.every, self.length = every, 2

    def after_step(self, trainer: Trainer) -> None:
        """Perhaps one step more."""
        self.length = min(LENGTH, 2 + trainer.step // self.every)

    def draw(self, generator: torch.Generator) -> Tagged:
        """A batch."""
        return parity(self.length, ROWS, generator)


def trained(module: nn.Module, seed: int, steps: int) -> Found:
    """The share of right bits, at the longest trained length and ten times that, after training until it is solved."""
    network = module if isinstance(module, Attention) else Reader(module, 1)
    growing, generator = Growing(max(1, steps // (2 * LENGTH))), fresh(seed)
    watched = parity(LONGER * LENGTH, WATCHED, generator)
    until = Until(lambda: bit_accuracy(network, watched) == 1.0, EVERY)
    fit(network, bit_entropy, Drawn(growing.draw, seed=seed), steps, RATE, callbacks=[growing, until], seed=seed)
    figures = {
        name: bit_accuracy(network, parity(length, TESTED, generator))
        for name, length in ((ACCURACY, LENGTH), (BEYOND, LONGER * LENGTH))
    }
    return Found(figures, size(network))


def task(steps: int = 2000) -> Task:
    """The line; the quick form is the same."""
    goals = [
        EverySeed("PeepholeLSTM, U = 0", ACCURACY, 1.0, 1.0),
        EverySeed("LSTM, U = 0", ACCURACY, 0.45, 0.55),
        EverySeed("PeepholeLSTM", ACCURACY, 1.0, 1.0),
        EverySeed("LSTM", ACCURACY, 1.0, 1.0),
    ]
    return Task(
        "C4b",
        "running parity",
        "without U an LSTM needs its peepholes to count modulo two",
        "none; gates that see the input only cannot track a state (cf. arXiv:2404.08819)",
        {
            "PeepholeLSTM, U = 0": lambda seed: trained(Recurrent(blind_peephole_lstm, 1, UNITS), seed, steps),
            "LSTM, U = 0": lambda seed: trained(Recurrent(blind_lstm, 1, UNITS), seed, steps),
            "PeepholeLSTM": lambda seed: trained(PeepholeLSTM(1, UNITS), seed, steps),
            "LSTM": lambda seed: trained(LSTM(1, UNITS), seed, steps),
            "torch.nn.LSTM": lambda seed: trained(nn.LSTM(1, UNITS), seed, steps),
        },
        goals,
    )
