"""C3. Temporal order: which of two symbols came first, a hundred steps ago, among as many distractors.

Hochreiter, Schmidhuber, Long Short-Term Memory, 1997, experiment 6a.
"""

from __future__ import annotations

from torch import nn

from gatewise.nn import LSTM, RNN
from gatewise.training import Drawn

from ..data.synthetic import ORDER_CLASSES, ORDER_SYMBOLS, temporal_order
from ..goals import EverySeed
from ..learning import Until, accuracy, class_entropy, fit, fresh
from ..networks import Attention, Reader, size, twin, with_chrono, with_orthogonal
from ..task import Found, Task

UNITS, WIDTH, ROWS, LONGEST, TESTED, EVERY = 32, 32, 32, 110, 2560, 100
RATE = 5e-3
ACCURACY, SEQUENCES = "accuracy", "sequences"


def trained(network: nn.Module, seed: int, steps: int, rate: float = RATE) -> Found:
    """Accuracy on fresh sequences, after training until 512 others are all right, or for so many steps."""
    generator = fresh(seed)
    watched, tested = temporal_order(512, generator), temporal_order(TESTED, generator)
    until = Until(lambda: accuracy(network, watched) == 1.0, EVERY)
    source = Drawn(lambda generator: temporal_order(ROWS, generator), seed=seed)
    run = fit(network, class_entropy, source, steps, rate, callbacks=[until], seed=seed)
    return Found({ACCURACY: accuracy(network, tested), SEQUENCES: run.steps * ROWS}, size(network))


def _read(recurrent: nn.Module) -> Reader:
    return Reader(recurrent, ORDER_CLASSES)


def _lstm() -> LSTM:
    return with_chrono(LSTM(ORDER_SYMBOLS, UNITS), LONGEST)


def _attention() -> Attention:
    return Attention(ORDER_SYMBOLS, WIDTH, ORDER_CLASSES)


def task(steps: int = 4000) -> Task:
    """The line; steps: of training at most."""
    return Task(
        "C3",
        "temporal order (6a)",
        "a gated memory orders two symbols a hundred steps back; a plain RNN does not",
        "LSTM 2559 of 2560 after 31,390 sequences (Hochreiter & Schmidhuber 1997)",
        {
            "LSTM": lambda seed: trained(_read(_lstm()), seed, steps),
            "torch.nn.LSTM": lambda seed: trained(_read(twin(_lstm())), seed, steps),
            "RNN": lambda seed: trained(_read(with_orthogonal(RNN(ORDER_SYMBOLS, UNITS))), seed, steps, 1e-3),
            "Transformer": lambda seed: trained(_attention(), seed, steps, 1e-3),
        },
        [EverySeed("LSTM", ACCURACY, low=0.99), EverySeed("RNN", ACCURACY, high=0.35)],
    )
