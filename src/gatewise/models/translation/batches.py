"""Pairs of sequences as padded batches of about equally many units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...training.sources import State
from .units import BEGIN, END

Pair = tuple[list[int], list[int]]
"""The units of a source and of its target, without what begins and ends them."""
Respelling = Callable[[int], Sequence[Pair]]
"""From a seed to the same pairs in other units."""
_SEEDS = 1 << 31


class Batch(NamedTuple):
    """Padded pairs. source: (S, B), each ending with `END`. target: (T + 1, B), from `BEGIN` to `END`.

    source_lengths, target_lengths: (B,); S and T at most.
    """

    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor


def batch_of(pairs: Sequence[Pair]) -> Batch:
    """The pairs side by side."""
    source, source_lengths = padded([source for source, _ in pairs])
    targets = [torch.tensor([BEGIN, *target, END]) for _, target in pairs]
    lengths = torch.tensor([len(target) - 1 for target in targets])
    return Batch(source, source_lengths, pad_sequence(targets, padding_value=END), lengths)


def padded(sources: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Sources with their ends, (S, B), and their lengths."""
    rows = [torch.tensor([*source, END]) for source in sources]
    return pad_sequence(rows, padding_value=END), torch.tensor([len(row) for row in rows])


class ByLength:
    """A source of batches for `Trainer`: pairs of similar lengths together, batches in a new random order each pass.

    Args:
        pairs: At least one.
        units: Target units in a batch, padding included; one pair that is longer is a batch by itself.
        seed: Of the orders.
        respelling: Gives the pairs of each pass other units; None for the same in all.

    Attributes:
        per_epoch: Batches in the first pass, and in every other, or about so many where units differ.
    """

    def __init__(
        self, pairs: Sequence[Pair], units: int, *, seed: int = 0, respelling: Respelling | None = None
    ) -> None:
        self._pairs, self._units, self._respelling = pairs, units, respelling
        self.generator = torch.Generator().manual_seed(seed)
        self.epoch = self.position = 0
        self._shuffle()
        self.per_epoch = len(self._batches)

    def next_batch(self) -> Batch:
        """The next pairs of this pass."""
        chosen = self._batches[self.position]
        self.position += 1
        if self.position == len(self._batches):
            self.epoch, self.position = self.epoch + 1, 0
            self._shuffle()
        return batch_of([self._pairs[at] for at in chosen])

    def state_dict(self) -> State:
        """The pass, the position in it, and the generator as it was before it made this pass's order."""
        return {"epoch": self.epoch, "position": self.position, "generator": self._before}

    def load_state_dict(self, state: State) -> None:
        """Go to a position that `state_dict` gave."""
        self.generator.set_state(state["generator"])
        self._shuffle()
        self.epoch, self.position = state["epoch"], state["position"]

    def _shuffle(self) -> None:
        self._before = self.generator.get_state()
        if self._respelling is not None:
            self._pairs = self._respelling(int(torch.randint(_SEEDS, (), generator=self.generator)))
        lengths = [(len(target), len(source)) for source, target in self._pairs]
        order = torch.randperm(len(self._pairs), generator=self.generator).tolist()
        batches = together(sorted(order, key=lengths.__getitem__), lengths, self._units)
        self._batches = [batches[at] for at in torch.randperm(len(batches), generator=self.generator).tolist()]


def together(order: Sequence[int], lengths: Sequence[tuple[int, int]], units: int) -> list[list[int]]:
    """Positions in an order by target length, cut where the padded targets would have more units."""
    batches: list[list[int]] = [[]]
    for at in order:
        if batches[-1] and (len(batches[-1]) + 1) * (lengths[at][0] + 1) > units:
            batches.append([])
        batches[-1].append(at)
    return batches
