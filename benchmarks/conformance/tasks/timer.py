"""C4a. A timer set by hand: one unit with peepholes spikes every F steps, with nothing to tell it when.

Gers, Schraudolph, Schmidhuber, Learning Precise Timing with LSTM Recurrent Networks, 2002, section 3: gates see time
only through the peepholes. W = U = 0. The cell adds z0 = tanh(b_g) at every step; past the threshold (F - 1/2) z0
the output gate opens, and at the next step the forget gate, which reads the same state, empties the cell.
Gates that read the old c in the output would be a step late.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from gatewise.nn import LSTM, PeepholeLSTM

from ..goals import EverySeed
from ..task import Found, Task

STEEP, Z0, PERIODS = 1000.0, 0.1, 20
MISSED = "spikes missed or extra, F={}"


def spikes(period: int) -> set[int]:
    """The steps, counted from 1, at which the timer's output gate is open."""
    module = PeepholeLSTM(1, 1)
    threshold = (period - 0.5) * Z0
    biases = [30.0, STEEP * threshold, math.atanh(Z0), -STEEP * threshold]
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.bias_ih_l0.copy_(torch.tensor(biases))  # pyright: ignore[reportCallIssue]
        module.p_f_l0.fill_(-STEEP)  # pyright: ignore[reportCallIssue]
        module.p_o_l0.fill_(STEEP)  # pyright: ignore[reportCallIssue]
        y, _ = module(torch.zeros(PERIODS * period, 1, 1))
    return {int(step) + 1 for step in (y.flatten() > math.tanh(threshold) / 2).nonzero()}


def timer(periods: tuple[int, ...]) -> Found:
    """Spikes that are not at F, 2F, ... or not there."""
    expected = {period: set(range(period, PERIODS * period + 1, period)) for period in periods}
    wrong = {MISSED.format(F): float(len(spikes(F) ^ expected[F])) for F in periods}
    return Found(wrong, sum(weight.numel() for weight in PeepholeLSTM(1, 1).parameters()))


def blind(module: nn.Module) -> Found:
    """How much an output still moves after a hundred steps, when W = U = 0 and there are no peepholes: not at all."""
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.startswith("weight"):
                weight.zero_()
        y, _ = module(torch.zeros(1000, 1, 1))
    later = y[500:]
    return Found({"range of the output after 500 steps": (later.max() - later.min()).item()}, 0)


def task(periods: tuple[int, ...] = (10, 50, 100)) -> Task:
    """The line, the same in both forms."""
    return Task(
        "C4a",
        "integrate-and-fire timer",
        "peepholes make a clock; without them gates see nothing of the cell, and the output settles",
        "peephole LSTM solves timing tasks at all lags (Gers et al. 2002)",
        {
            "PeepholeLSTM, set by hand": lambda _: timer(periods),
            "LSTM, W = U = 0": lambda _: blind(LSTM(1, 1)),
            "torch.nn.LSTM, W = U = 0": lambda _: blind(nn.LSTM(1, 1)),
        },
        [EverySeed("PeepholeLSTM, set by hand", MISSED.format(F), 0, 0) for F in periods],
    )
