"""Sequences cut at resets: every episode is run as a sequence of its own, beside the others."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels.device import is_known
from .rows import Episodes, Rows, inverse


def cut(rows: Rows, resets: Tensor, lengths: Tensor | None, device: torch.device) -> Rows:
    """The rows of the episodes of a (T, B, K) tensor; those of padding are kept, last.

    Args:
        rows: Those of its sequences, which stay where nothing is known to be cut.
        resets: (T, B) bool, where an episode begins.
        lengths: How many steps of each sequence are its own, (B,); None for all.
        device: Of what is to be gathered.
    """
    resets = resets.to("cpu")  # which waits for another device: how many episodes there are shapes everything
    steps, batch = resets.shape
    runs = torch.arange(steps).unsqueeze(1) < (torch.full((batch,), steps) if lengths is None else lengths.to("cpu"))
    begins = resets & runs
    known = is_known(begins)
    if not resets.numel() or (known and not bool(begins.any())):
        return rows
    return _Cut(begins, runs, known=known).rows(device)


class _Cut:
    """The episodes of a batch. Vectors of N = T * B lie sequence after sequence, each from its first step to its last.

    Where it is not known how many episodes there are, nor how long the longest is, as in a graph, there are as many as
    there are steps, most of no length, and the longest may have all T.
    """

    def __init__(self, begins: Tensor, runs: Tensor, *, known: bool) -> None:
        self.steps, self.batch = begins.shape
        self.fresh = begins[0]
        starts = (begins | (torch.arange(self.steps) == 0).unsqueeze(1)).t().flatten()  # also a sequence of no steps
        self.runs = runs.t().flatten()
        self.episode = starts.cumsum(0) - 1
        self.count = int(starts.sum()) if known else len(starts)
        lengths = torch.zeros(self.count, dtype=torch.int64).scatter_add(0, self.episode, self.runs.long())
        self.lengths, order = lengths.sort(descending=True, stable=True)
        self.rank = inverse(order)[self.episode]  # of the episode of each step
        self.length = lengths[self.episode]
        position = torch.arange(len(starts))
        self.since = position - torch.where(starts, position, 0).cummax(0).values
        self.longest = int(self.lengths[0]) if known else self.steps

    def rows(self, device: torch.device) -> Rows:
        """Where kernels have what."""
        ended = torch.zeros(self.steps + 1, dtype=torch.int64).scatter_add(
            0, self.lengths, torch.ones_like(self.lengths)
        )
        batch_sizes = self.count - ended.cumsum(0)[: self.longest]
        offsets = batch_sizes.cumsum(0) - batch_sizes
        beyond = self.runs.sum() + (~self.runs).cumsum(0) - 1
        row, opposite = (
            torch.where(self.runs, offsets[time.clamp(0, self.longest - 1)] + self.rank, beyond)
            for time in (self.since, self.length - 1 - self.since)
        )
        place = torch.arange(self.steps * self.batch).view(self.steps, self.batch).t().flatten()
        positions = inverse(row)
        places, mirror = place[positions], opposite[positions]
        of_sequence = self.rank.view(self.batch, self.steps)
        episodes = Episodes(
            self.count, *(there.to(device) for there in (of_sequence[:, 0], of_sequence[:, -1], self.fresh))
        )
        return Rows(self.batch, self.steps, batch_sizes, None, places.to(device), mirror.to(device), episodes)
