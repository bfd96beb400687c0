"""What a translator makes of a sentence, as something to look into: its decoder, as it writes."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...inspect.subject import Credit, Prediction, Subject
from ..sequence.subject import LOGIT, UNIT, place_of
from .batches import Pair, batch_of
from .network import TranslationNetwork
from .pairs import Vocabularies
from .units import BEGIN, END, SPECIAL, Vocabulary

WRITTEN = "what was written before"
_MARKS = {BEGIN: "(begin)", END: "(end)"}


class WithAttention(nn.Module):
    """The decoder's upper layers, or its only one, and what follows them, with attention as it was.

    Called with x (T, 1, D + S * C): at each of T positions D numbers of what was written before, and of each of S
    source positions its memory, C, times its share of the attention. Returns the logits (T, V).

    Where the decoder has one layer, D numbers are an embedding, and what was attended to goes past the memory.
    """

    def __init__(self, network: TranslationNetwork, start: Any) -> None:
        super().__init__()
        self.below = network.upper is None
        self.recurrent = network.bottom if network.upper is None else network.upper
        self.linear, self.target, self.bias = network.linear, network.target_units, network.bias
        self.start, self.width = start, network.encoder.output_size

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        written = x[..., : self.recurrent.input_size - (0 if self.below else self.width)]
        contexts = x[..., written.shape[-1] :].unflatten(-1, (-1, self.width)).sum(-2)
        read = written if self.below else torch.cat((written, contexts), -1)
        states, _ = self.recurrent(read, self.start)
        return linear(self.linear(torch.cat((states, contexts), -1))[:, 0], self.target.weight, self.bias)


@torch.no_grad()
def subject_of(network: TranslationNetwork, vocabularies: Vocabularies, units: Pair, output: str | None) -> Subject:
    """The decoder as it writes the target of a pair, or reads it as if it had: one number for each of its units.

    output: the unit that is looked at first, by its number from 1 or as it is spelled; by default the first.
    """
    source, target = units
    network = deepcopy(network).double().eval()  # a logit near the mean of all is the rest of a cancellation
    batch = batch_of([units])
    encoded = network.encode(batch.source, batch.source_lengths)
    start = network.start(encoded.ends)
    embedded = network.target_units(batch.target[:-1])
    states, _ = network.bottom(embedded, start.bottom)
    _, weights = network.attention(states, encoded.memory, encoded.padding)
    shares = network.attention.shares(weights, encoded.memory)[0]  # (T, S, C)
    below = network.upper is None
    x = torch.cat((embedded if below else states, shares.flatten(1)[:, None]), -1)
    model = WithAttention(network, start.bottom if below else start.upper)
    written = torch.tensor([*target, END])
    names = [f"{place} {spelled(vocabularies.target, unit)}" for place, unit in enumerate(written.tolist(), 1)]
    logits, places = model(x), torch.arange(len(written))
    above = (logits - logits.mean(1, keepdim=True))[places, written]
    read = [f"{place} {spelled(vocabularies.source, unit)}" for place, unit in enumerate([*source, END], 1)]
    return Subject(
        title="what is written",
        model=model,
        x=x,
        of=lambda output: (output - output.mean(1, keepdim=True))[places, written],
        predictions=tuple(Prediction(name, float(value), UNIT) for name, value in zip(names, above, strict=True)),
        steps=tuple(f"writes {name}" for name in names),
        inputs=(WRITTEN, *read),
        fed=_fed(x, shares),
        explains=f"{LOGIT}, with attention as it was",
        credited=_credited(shares.shape),
        shorter="give a shorter sentence",
        chosen=0 if output is None else place_of(output, names),
    )


def spelled(vocabulary: Vocabulary, unit: int) -> str:
    """One unit in quotes, or what it stands for."""
    return repr(vocabulary.decode([unit])) if unit >= SPECIAL else _MARKS.get(unit, "(unknown)")


def _fed(x: Tensor, shares: Tensor) -> Tensor:
    """Sizes of what goes in, (T, 1 + S)."""
    written = x[:, 0, : x.shape[-1] - shares[0].numel()].norm(dim=-1, keepdim=True)
    return torch.cat((written, shares.norm(dim=-1)), -1)


def _credited(shape: torch.Size) -> Callable[[Tensor], Credit]:
    """From credit (K, T, 1, D + S * C) to steps and inputs, (K, T, 1 + S)."""

    def credited(credit: Tensor) -> Credit:
        parts = credit[:, :, 0]
        before = parts.shape[-1] - shape[1] * shape[2]
        attended = parts[..., before:].unflatten(-1, (shape[1], shape[2])).sum(-1)
        return Credit(torch.cat((parts[..., :before].sum(-1, keepdim=True), attended), -1), {})

    return credited
