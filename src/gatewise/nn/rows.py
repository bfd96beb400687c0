"""How the rows of a batch, as kernels take them, belong to its sequences."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..kernels.layer import lengths_of


class Episodes(NamedTuple):
    """What kernels run as sequences where the sequences of a batch are cut; the longest comes first.

    number: how many. first, last: of each sequence of the batch its first and its last episode, (B,). fresh: whether
    the first does not go on from what is given before the sequence, (B,).
    """

    number: int
    first: Tensor
    last: Tensor
    fresh: Tensor

    def begun(self, given: Tensor, starts: Tensor, *, reverse: bool) -> Tensor:
        """The states (E, K) before each: what is given for a sequence (B, K) where its reading begins, starts (E, K)
        elsewhere. reverse: reading begins with the last, which no reset precedes."""
        if reverse:
            return starts.index_copy(0, self.last, given)
        own = starts.index_select(0, self.first)
        return starts.index_copy(0, self.first, torch.where(self.fresh.unsqueeze(1), own, given))


class Rows(NamedTuple):
    """How rows and sequences belong together.

    batch: B. steps: T. batch_sizes: how many sequences still run at each step, None where all do. order: which
    sequence of the batch each is, longest first, None where they are in order. places: for each row its place in a
    (T, B) tensor, None where rows and places are the same; places of padding come last. mirror: for each row that
    of the same sequence counted from its end, None where all sequences are equally long. episodes: where sequences are
    cut, how what kernels run as sequences belongs to those of the batch; then batch_sizes, places and mirror are of
    episodes, and order is None.
    """

    batch: int
    steps: int
    batch_sizes: Tensor | None = None
    order: Tensor | None = None
    places: Tensor | None = None
    mirror: Tensor | None = None
    episodes: Episodes | None = None

    @property
    def sequences(self) -> int:
        """How many sequences kernels run: B, or as many as there are episodes."""
        return self.batch if self.episodes is None else self.episodes.number

    def mirrored(self, rows: Tensor) -> Tensor:
        """The rows (N, K) with every sequence from its end to its beginning; its own inverse."""
        if self.mirror is not None:
            return rows.index_select(0, self.mirror)
        if torch.compiler.is_compiling():  # for a graph, views of rows could fix the number of sequences
            place = torch.arange(self.batch, device=rows.device)
            first = torch.arange(self.steps, device=rows.device).flip(0).unsqueeze(1) * self.batch
            return rows.index_select(0, (first + place).flatten())
        return rows.view(self.steps, self.batch, rows.shape[1]).flip(0).view(rows.shape)

    def gathered(self, padded: Tensor) -> Tensor:
        """A (T, B, K) tensor as rows (N, K)."""
        rows = padded.reshape(self.steps * self.batch, padded.shape[2])
        return rows if self.places is None else rows.index_select(0, self.places)

    def padded(self, rows: Tensor) -> Tensor:
        """Rows (N, K) as a (T, B, K) tensor, zero where a sequence has ended."""
        if self.places is not None:
            back = inverse(self.places)
            missing = len(self.places) - rows.shape[0]
            rows = torch.nn.functional.pad(rows, (0, 0, 0, missing)).index_select(0, back)
        return rows.view(self.steps, self.batch, rows.shape[1])

    def sorted(self, states: Tensor) -> Tensor:
        """A (B, K) tensor with the longest sequence first."""
        return states if self.order is None else states.index_select(0, self.order)

    def unsorted(self, states: Tensor, *, reverse: bool = False) -> Tensor:
        """The way back; of episodes, those with which their sequences end in this direction."""
        if self.episodes is not None:
            return states.index_select(0, self.episodes.first if reverse else self.episodes.last)
        if self.order is None:
            return states
        return states.index_select(0, inverse(self.order))

    def where(self, row: int) -> tuple[int, int]:
        """(batch, time) of a row."""
        place = row if self.places is None else int(self.places[row])
        return place % self.batch, place // self.batch

    def cleared(self, rows: Tensor) -> Tensor:
        """Rows (N, K) with zeros where no sequence runs."""
        if self.places is None or self.batch_sizes is None:
            return rows
        inside = _count(self.places) < self.batch_sizes.sum().to(rows.device)
        return torch.where(inside[: len(rows)].unsqueeze(1), rows, 0.0)

    def running(self) -> int | None:
        """How many rows belong to a sequence, None where all do."""
        return None if self.batch_sizes is None else int(self.batch_sizes.sum())


def inverse(order: Tensor) -> Tensor:
    """The permutation that undoes one."""
    return torch.zeros_like(order).scatter(0, order, _count(order))


def _count(like: Tensor) -> Tensor:
    return torch.arange(len(like), device=like.device)


def of_lengths(lengths: Tensor, steps: int, device: torch.device) -> Rows:
    """The rows of a padded (T, B, K) tensor in which each sequence has its own length; rows of padding are kept, last.

    All sizes depend on T and B alone, so that compiled code need not know the lengths.
    """
    batch = len(lengths)
    length, order = lengths.to("cpu", torch.int64).sort(descending=True, stable=True)
    time, place = torch.arange(steps).unsqueeze(1), torch.arange(batch)
    valid = (time < length).flatten()
    batch_sizes = (length > time).sum(1)
    rank = torch.where(valid, valid.cumsum(0), valid.sum() + (~valid).cumsum(0)) - 1
    origin = torch.arange(steps * batch)
    in_order = (time * batch + order).flatten()
    places = torch.empty_like(origin).scatter_(0, rank, in_order)
    from_end = torch.where(time < length, (length - 1 - time) * batch + place, time * batch + place).flatten()
    mirror = torch.empty_like(origin).scatter_(0, rank, rank.index_select(0, from_end))
    return Rows(batch, steps, batch_sizes, order.to(device), places.to(device), mirror.to(device))


def of_packed(packed: PackedSequence) -> Rows:
    """The rows of a PackedSequence, as they are."""
    batch_sizes, order = packed.batch_sizes, packed.sorted_indices
    batch, steps, total = int(batch_sizes[0]), len(batch_sizes), packed.data.shape[0]
    starts = batch_sizes.cumsum(0) - batch_sizes
    time = torch.repeat_interleave(torch.arange(steps), batch_sizes, output_size=total)
    place = torch.arange(total) - starts[time]
    mirror = starts[lengths_of(batch_sizes, batch)[place] - 1 - time] + place
    device = packed.data.device
    there = place if order is None else order.cpu()[place]
    valid = time * batch + there
    padding = torch.ones(steps * batch, dtype=torch.bool).index_fill_(0, valid, False)
    places = torch.cat((valid, padding.nonzero().squeeze(1)))
    return Rows(batch, steps, batch_sizes, order, places.to(device), mirror.to(device))
