"""C11. Tiny Shakespeare, a character at a time, the state carried from one stretch of text to the next.

Karpathy, char-rnn, 2015: two layers of 128 units, stretches of 50 characters, 50 side by side, 8 epochs; Adam here in
place of RMSprop. Loss in nats a character on the last twentieth of the text. With a state that is carried, stretches
are one long text, to the last bit. A Transformer has no state: it sees stretches of 100, each alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from gatewise.nn import LSTM
from gatewise.training import Carried, Stretch, Stretches

from ..data.files import TEXT, Text, shakespeare
from ..goals import EverySeed
from ..learning import fit
from ..networks import Attention, Reader, size, twin, with_forget_bias
from ..task import Found, Task

UNITS, WIDTH, LAYERS, ROWS, LENGTH, CONTEXT, RATE, CLIP, EPOCHS = 128, 128, 2, 50, 50, 100, 4e-3, 5.0, 8
LOSS, DIFFERENCE = "validation loss", "stretches against one text"
CHECKED = 10_000  # characters


class Reading:
    """The loss on characters, given as numbers; symbols: how many there are."""

    def __init__(self, symbols: int) -> None:
        self.symbols = symbols

    def hot(self, numbers: Tensor) -> Tensor:
        """Characters as vectors."""
        return one_hot(numbers, self.symbols).float()

    def stretch(self, network: nn.Module, batch: Stretch, state: Any) -> tuple[Tensor, Any]:
        """Mean negative log-likelihood of the next character, and the state after the last."""
        logits, state = network(self.hot(batch.inputs), state)
        return cross_entropy(logits.flatten(0, 1), batch.targets.flatten()), state

    def alone(self, network: nn.Module, batch: Stretch) -> Tensor:
        """The same for a network without a state."""
        return self.stretch(network, batch, None)[0]

    @torch.no_grad()
    def carried(self, network: nn.Module, tokens: Tensor) -> float:
        """Mean loss of one text, read as one."""
        logits, _ = network(self.hot(tokens[:-1, None]))
        return float(cross_entropy(logits[:, 0], tokens[1:]))

    @torch.no_grad()
    def by_context(self, network: nn.Module, tokens: Tensor) -> float:
        """Mean loss of one text where each character is judged by those before it in its stretch."""
        count = (len(tokens) - 1) // CONTEXT * CONTEXT
        inputs, targets = (part[:count].view(-1, CONTEXT) for part in (tokens[:-1], tokens[1:]))
        logits, _ = network(self.hot(inputs.t()))
        return float(cross_entropy(logits.flatten(0, 1), targets.t().flatten()))

    @torch.no_grad()
    def difference(self, recurrent: nn.Module, tokens: Tensor) -> float:
        """How far outputs of stretches of uneven length, the state carried, are from those of one text."""
        x, state, outputs = self.hot(tokens[:, None]), None, list[Tensor]()
        whole, _ = recurrent(x)
        for stretch in x.split(LENGTH - 1):
            y, state = recurrent(stretch, state)
            outputs.append(y)
        return (torch.cat(outputs) - whole).abs().max().item()


def _steps(text: Text, rows: int, length: int) -> int:
    """Updates in all epochs."""
    return EPOCHS * -(-(len(text.train) // rows - 1) // length)


def trained(recurrent: nn.Module, text: Text, seed: int) -> Found:
    """The loss after the last epoch, and whether carrying the state changes anything."""
    network, reading = Reader(recurrent, text.symbols), Reading(text.symbols)
    source, steps = Stretches(text.train, ROWS, LENGTH), _steps(text, ROWS, LENGTH)
    fit(network, Carried(reading.stretch), source, steps, RATE, clip=CLIP, cosine=True, seed=seed)
    difference = reading.difference(network.recurrent, text.valid[:CHECKED])
    return Found({LOSS: reading.carried(network, text.valid), DIFFERENCE: difference}, size(network))


def attended(text: Text, seed: int) -> Found:
    """The loss of a Transformer after as many epochs."""
    network, reading = Attention(text.symbols, WIDTH, text.symbols, layers=LAYERS), Reading(text.symbols)
    rows = ROWS * LENGTH // CONTEXT
    source, steps = Stretches(text.train, rows, CONTEXT), _steps(text, rows, CONTEXT)
    fit(network, reading.alone, source, steps, 2e-3, cosine=True, seed=seed)
    return Found({LOSS: reading.by_context(network, text.valid)}, size(network))


def _lstm(text: Text) -> LSTM:
    return with_forget_bias(LSTM(text.symbols, UNITS, LAYERS), 1.0)


def task() -> Task:
    """The line; not in the quick form."""

    def ours(seed: int) -> Found:
        text = shakespeare()
        return trained(_lstm(text), text, seed)

    def theirs(seed: int) -> Found:
        text = shakespeare()
        return trained(twin(_lstm(text)), text, seed)

    return Task(
        "C11",
        "tiny Shakespeare, 2 x 128",
        f"a state carried over the whole text; loss after {EPOCHS} epochs, last 5 %",
        "no paper; 1.818 nats with RMSprop in our notes",
        {"LSTM": ours, "torch.nn.LSTM": theirs, "Transformer": lambda seed: attended(shakespeare(), seed)},
        [EverySeed("LSTM", LOSS, high=1.85), EverySeed("LSTM", DIFFERENCE, 0, 0)],
        needs=TEXT,
    )
