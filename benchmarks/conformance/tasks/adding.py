"""C3 and C7. The adding problem: two of hundreds of numbers are marked; what is their sum?

Hochreiter, Schmidhuber, Long Short-Term Memory, 1997, experiment 4; with T = 600 in Bai, Kolter, Koltun, An Empirical
Evaluation of Generic Convolutional and Recurrent Networks, arXiv:1803.01271, where the LSTM fails, its forget gates
biased by 1: such gates halve a memory every three steps. Chrono initialisation (Tallec & Ollivier, arXiv:1804.11188)
spreads their biases over the horizon.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from gatewise.nn import GRU, LSTM, RNN
from gatewise.training import Drawn

from ..data.synthetic import Labelled, adding
from ..goals import EverySeed
from ..learning import Until, fit, fresh, squared_error
from ..networks import Attention, Reader, recommended, size, twin, with_orthogonal
from ..task import Found, Task

UNITS, WIDTH, INPUTS, ROWS, WATCHED, TESTED = 64, 32, 2, 32, 256, 1024
RATE, SOLVED, EVERY = 2e-3, 1e-3, 100
ERROR, SEQUENCES = "squared error", "sequences"
Network = Callable[[], nn.Module]


def trained(network: nn.Module, length: int, steps: int, seed: int) -> Found:
    """The mean squared error on fresh sequences, after training until it is solved or for so many steps."""
    generator = fresh(seed)
    watched, tested = adding(length, WATCHED, generator), adding(length, TESTED, generator)
    until = Until(lambda: _error(network, watched) < SOLVED, EVERY)
    source = Drawn(lambda generator: adding(length, ROWS, generator), seed=seed)
    run = fit(network, squared_error, source, steps, RATE, callbacks=[until], seed=seed)
    return Found({ERROR: _error(network, tested), SEQUENCES: run.steps * ROWS}, size(network))


@torch.no_grad()
def _error(network: nn.Module, batch: Labelled) -> float:
    """The mean squared error, worked out for a few sequences at a time: an attention matrix of all is large."""
    pieces = zip(batch.x.split(ROWS, dim=1), batch.y.split(ROWS), batch.last.split(ROWS), strict=True)
    return torch.stack([squared_error(network, Labelled(*piece)) for piece in pieces]).mean().item()


def _contenders(networks: dict[str, Network], length: int, steps: int) -> dict[str, Callable[[int], Found]]:
    return {name: lambda seed, new=new: trained(new(), length, steps, seed) for name, new in networks.items()}


def _read(recurrent: nn.Module) -> Reader:
    return Reader(recurrent, 1)


def _lstm(longest: int) -> LSTM:
    """Weights as the library recommends them for that horizon."""
    return recommended(LSTM(INPUTS, UNITS), longest)


def _plain() -> LSTM:
    """The same, but for the biases: every forget gate at 1."""
    return recommended(LSTM(INPUTS, UNITS))


def task(length: int = 200, steps: int = 4000) -> Task:
    """The line of C3: an LSTM solves it and a plain RNN does not."""
    networks: dict[str, Network] = {
        "LSTM": lambda: _read(_lstm(length)),
        "torch.nn.LSTM": lambda: _read(twin(_lstm(length))),
        "RNN": lambda: _read(with_orthogonal(RNN(INPUTS, UNITS))),
        "Transformer": lambda: Attention(INPUTS, WIDTH, 1),
    }
    return Task(
        "C3",
        f"adding, T={length}",
        "a gated memory keeps two numbers; a plain RNN answers 1, whose squared error is 0.167",
        "LSTM solves T=100 in 74,000 sequences, T=500 in 209,000 (Hochreiter & Schmidhuber 1997)",
        _contenders(networks, length, steps),
        [EverySeed("LSTM", ERROR, high=0.01), EverySeed("RNN", ERROR, low=0.15)],
    )


def long_task(length: int = 600, steps: int = 2500) -> Task:
    """The line of C7: initial forget biases decide."""
    networks: dict[str, Network] = {
        "LSTM, chrono": lambda: _read(_lstm(length)),
        "LSTM, forget bias 1": lambda: _read(_plain()),
        "torch.nn.LSTM, chrono": lambda: _read(twin(_lstm(length))),
        "torch.nn.LSTM, forget bias 1": lambda: _read(twin(_plain())),
        "GRU": lambda: _read(GRU(INPUTS, UNITS)),
    }
    return Task(
        "C7",
        f"adding, T={length}",
        "LSTMs that fail at long lags fail by their initial forget biases",
        "LSTM .164 (fails), GRU 5.3e-5, RNN .177, TCN 5.8e-5 (Bai et al. 2018, H=130, forget bias 1)",
        _contenders(networks, length, steps),
        [EverySeed("LSTM, chrono", ERROR, high=0.01), EverySeed("LSTM, forget bias 1", ERROR, low=0.15)],
    )


def longest_task(length: int = 1000, steps: int = 3500) -> Task:
    """C7 again, at a thousand steps."""
    return Task(
        "C7",
        f"adding, T={length}",
        "a thousand steps are not too many",
        "LSTM solves T=1000 in 853,000 sequences (Hochreiter & Schmidhuber 1997)",
        _contenders({"LSTM, chrono": lambda: _read(_lstm(length))}, length, steps),
        [EverySeed("LSTM, chrono", ERROR, high=0.01)],
    )
