"""C5. Continual embedded Reber: strings without end or mark. A cell that cannot forget cannot go on.

Gers, Schmidhuber, Cummins, Learning to Forget, 2000, section 4. Judged by the symbol that only the string's second
one decides: a T or a P, a guess is right half of the time. Nothing is reset, in training or after.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import cross_entropy, one_hot

from gatewise import cell
from gatewise.nn import LSTM, LSTM1997, Recurrent
from gatewise.training import Carried, Stretch, Stretches

from ..data.reber import SYMBOLS, stream
from ..goals import EverySeed
from ..learning import fit, fresh
from ..networks import Reader, size, twin, with_forget_bias
from ..task import Found, Task

UNITS, ROWS, LENGTH, SEEN, TESTED, RATE = 8, 16, 40, 1_280_000, 100_000, 2e-2
T, P = SYMBOLS.index("T"), SYMBOLS.index("P")
ACCURACY, NORM = "critical symbols right", "norm of c"


@cell(gates="input candidate output", state="h c", candidate="g")
def unforgetting_lstm(i, g, o, c):
    """The LSTM with its forget gate always open, and nothing else changed (Greff's variant NFG, without peepholes)."""
    i, g, o = sigmoid(i), tanh(g), sigmoid(o)
    c = c + i * g
    h = o * tanh(c)
    return h, c


def loss(network: nn.Module, batch: Stretch, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean negative log-likelihood of the next symbol, nats; the state goes on."""
    logits, state = network(one_hot(batch.inputs, len(SYMBOLS)).float(), state)
    return cross_entropy(logits.flatten(0, 1), batch.targets.flatten()), state


def trained(recurrent: nn.Module, seed: int, seen: int) -> Found:
    """The share of critical symbols that are right in a fresh stream, and how large the cell has grown at its end."""
    network = Reader(recurrent, len(SYMBOLS))
    symbols, _ = stream(seen, torch.Generator().manual_seed(seed))
    steps = seen // (ROWS * LENGTH)
    fit(network, Carried(loss), Stretches(symbols, ROWS, LENGTH), steps, RATE, cosine=True, seed=seed)
    test = stream(TESTED, fresh(seed))
    with torch.no_grad():
        logits, (_, c) = network(one_hot(test.symbols, len(SYMBOLS)).float()[:, None])
    says_t = (logits[:, 0, T] > logits[:, 0, P])[:-1][test.critical[:-1]]
    is_t = (test.symbols[1:] == T)[test.critical[:-1]]
    figures = {ACCURACY: (says_t == is_t).float().mean().item(), NORM: c.norm().item()}
    return Found(figures, size(network))


def _lstm() -> LSTM:
    return with_forget_bias(LSTM(len(SYMBOLS), UNITS), 1.0)


def task(seen: int = SEEN) -> Task:
    """The line; seen: symbols to learn from."""
    return Task(
        "C5",
        "continual embedded Reber",
        "without a forget gate the cell fills up",
        "forget gate 18 % of nets perfect, 62 % with decaying rate; 1997 LSTM 0 % (Gers et al. 2000)",
        {
            "LSTM": lambda seed: trained(_lstm(), seed, seen),
            "torch.nn.LSTM": lambda seed: trained(twin(_lstm()), seed, seen),
            "LSTM without forget gate": lambda seed: trained(
                Recurrent(unforgetting_lstm, len(SYMBOLS), UNITS), seed, seen
            ),
            "LSTM 1997": lambda seed: trained(LSTM1997(len(SYMBOLS), UNITS), seed, seen),
        },
        [
            EverySeed("LSTM", ACCURACY, low=0.98),
            EverySeed("LSTM without forget gate", ACCURACY, 0.45, 0.70),
        ],
    )
