"""C9. The embedded Reber grammar by the protocol of 1997: how many strings until every string is predicted rightly?

Hochreiter, Schmidhuber, Long Short-Term Memory, 1997, experiment 1: 256 strings to learn from, 256 others; solved when
for all of both, at each symbol, every symbol that may follow is more active than every one that may not.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from gatewise.nn import LSTM, RNN
from gatewise.nn.weights import bias_slices
from gatewise.training import Shuffled

from ..data.reber import SYMBOLS, Strings, strings
from ..goals import EverySeed
from ..learning import Until, fit
from ..networks import Reader, size, twin
from ..task import Found, Task

UNITS, COUNT, ROWS, RATE, CLIP, MOST = 16, 256, 4, 1e-2, 5.0, 30_000
BIASES = {"input": -1.0, "forget": 1.0, "output": -1.0}
SEQUENCES, SOLVED = "sequences until solved", "solved"


def loss(network: nn.Module, batch: list[Tensor]) -> Tensor:
    """Mean over symbols of the negative log-likelihood of the next one, nats."""
    symbols, lengths = batch
    logits, _ = network(one_hot(symbols.t(), len(SYMBOLS)).float())
    real = torch.arange(symbols.shape[1] - 1)[:, None] < lengths - 1
    return cross_entropy(logits[:-1][real], symbols.t()[1:][real])


@torch.no_grad()
def is_right(network: nn.Module, given: Strings) -> bool:
    """Whether everywhere all legal symbols are more active than all others."""
    logits, _ = network(one_hot(given.symbols, len(SYMBOLS)).float())
    asked = given.legal.sum(2) > 0
    least = logits.masked_fill(given.legal == 0, math.inf).amin(2)
    most = logits.masked_fill(given.legal == 1, -math.inf).amax(2)
    return bool((least > most)[asked].all())


def trained(recurrent: nn.Module, seed: int) -> Found:
    """How many strings were shown until all were predicted rightly, infinity if that took more than MOST."""
    generator = torch.Generator().manual_seed(seed)
    learnt, others = strings(COUNT, generator), strings(COUNT, generator)
    network = Reader(recurrent, len(SYMBOLS))
    until = Until(lambda: is_right(network, learnt) and is_right(network, others), COUNT // ROWS)
    source = Shuffled((learnt.symbols.t().contiguous(), learnt.lengths), ROWS, seed=seed)
    fit(network, loss, source, MOST // ROWS, RATE, clip=CLIP, callbacks=[until], seed=seed)
    figures = {SEQUENCES: until.solved * ROWS, SOLVED: float(math.isfinite(until.solved))}
    return Found(figures, size(network))


def _lstm() -> LSTM:
    """Input and output gates start nearly shut, as in the paper's later experiments, forget gates open."""
    module = LSTM(len(SYMBOLS), UNITS)
    with torch.no_grad():
        for gate, bias in BIASES.items():
            for name, where in bias_slices(module.sizes(module.places[0]), gate).items():
                getattr(module, f"{name}_l0")[where] = bias if name == "bias_ih" else 0.0
    return module


def task() -> Task:
    """The line, the same in both forms."""
    return Task(
        "C9",
        "embedded Reber grammar",
        "one symbol, seen at the start, decides the last but one",
        "LSTM 100 % of nets after 8,440 strings; Elman 0 %; RTRL some after 25,000 (Hochreiter & Schmidhuber 1997)",
        {
            "LSTM": lambda seed: trained(_lstm(), seed),
            "torch.nn.LSTM": lambda seed: trained(twin(_lstm()), seed),
            "RNN": lambda seed: trained(RNN(len(SYMBOLS), UNITS), seed),
        },
        [EverySeed("LSTM", SEQUENCES, high=12_000)],
    )
