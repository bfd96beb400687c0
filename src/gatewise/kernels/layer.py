"""One layer, as tensors: what every driver is given and gives.

Letters: T time, B batch, I input, H hidden, G gates, S states, P per-unit weights, N rows: one row for every step of
every sequence. Rows lie step after step; at each step the sequences that still run come in one order, the longest
first, as in torch's PackedSequence. Tensors are of one dtype and on one device, validated before a kernel sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Layer(NamedTuple):
    """What one layer computes with, from the first step to the last.

    x: (N, I), where rows beyond those of the last step are ignored; then the numbers of each row that the step reads
    itself, in more columns. W: (H for each gate with an input, I).
    U: (H for each gate with a recurrent part, H). b: (H for each gate with a bias). per_unit: (P, H).
    states: initial, (S, B, H). step_noise: random numbers drawn for every step, (K, N, H), and sequence_noise those
    drawn for every sequence, (K, B, H); the middle size is 1 where all rows share them.
    batch_sizes: how many sequences still run at each step, (T,) int64 on the CPU; None where all run to the end.

    W and U may be in bfloat16 where everything else is in float32: then products round what they multiply to bfloat16
    too, and sum up in float32. x may then be in bfloat16 as well, if the step does not read it itself; so are y, and
    the gradients of both.
    """

    x: Tensor
    W: Tensor
    U: Tensor
    b: Tensor
    per_unit: Tensor
    states: Tensor
    step_noise: Tensor
    sequence_noise: Tensor
    batch_sizes: Tensor | None

    @property
    def dtype(self) -> torch.dtype:
        """In which states, and all but products, are computed."""
        return self.states.dtype

    @property
    def in_halves(self) -> bool:
        """Whether products take operands in bfloat16, and everything else is in float32."""
        return self.W.dtype != self.dtype

    @property
    def gives_halves(self) -> bool:
        """Whether y is in bfloat16, as x is, and states are in float32."""
        return self.x.dtype != self.dtype

    def multiplying(self, dtype: torch.dtype) -> Layer:
        """The same with W and U in a dtype."""
        return self if self.W.dtype == dtype else self._replace(W=self.W.to(dtype), U=self.U.to(dtype))

    def in_one_dtype(self) -> Layer:
        """The same with W, U and x in the dtype of everything else."""
        layer = self.multiplying(self.dtype)
        return layer._replace(x=self.x.to(self.dtype)) if self.gives_halves else layer

    @property
    def inputs(self) -> int:
        """I, what W multiplies."""
        return self.W.shape[1]

    @property
    def rows(self) -> int:
        """B, the number of sequences."""
        return self.states.shape[1]

    @property
    def units(self) -> int:
        """H, the number of hidden units."""
        return self.states.shape[2]

    @property
    def steps(self) -> int:
        """T, the number of steps of the longest sequence."""
        if self.batch_sizes is not None:
            return len(self.batch_sizes)
        return self.x.shape[0] // self.rows if self.rows else 0

    @property
    def starting(self) -> int:
        """How many sequences run at the first step."""
        if self.batch_sizes is None:
            return self.rows if self.x.shape[0] else 0
        return int(self.batch_sizes[0]) if len(self.batch_sizes) else 0

    def running(self, step: int) -> int:
        """How many sequences run at a step."""
        return self.rows if self.batch_sizes is None else int(self.batch_sizes[step])

    def counts(self) -> list[int]:
        """How many sequences still run at each step."""
        return [self.rows] * self.steps if self.batch_sizes is None else self.batch_sizes.tolist()

    def slices(self) -> Iterator[slice]:
        """The rows of each step."""
        start = 0
        for count in self.counts():
            yield slice(start, start + count)
            start += count

    def part(self, begin: int, end: int | None, states: Tensor) -> Layer:
        """The steps from ``begin`` to ``end``, None for the last and rows that belong to no step, from these states."""
        counts = self.counts()
        first, last = sum(counts[:begin]), None if end is None else sum(counts[:end])
        return self._replace(
            x=self.x[first:last],
            states=states,
            step_noise=self.step_noise if self.step_noise.shape[1] == 1 else self.step_noise[:, first:last],
            batch_sizes=None if self.batch_sizes is None else self.batch_sizes[begin:end],
        )

    def offsets(self) -> Tensor:
        """The first row of each step, and the end of the last, (T + 1,)."""
        assert self.batch_sizes is not None
        return torch.nn.functional.pad(self.batch_sizes.cumsum(0), (1, 0))


class States(NamedTuple):
    """What running a layer gives.

    y: (N, H), in the dtype of x. last: the last states, (S, B, H). gates, histories: what backward needs of the
    gates, (N, K) for the K of the driver, and every state but the output at every row, (S - 1, N, H); of no rows
    where they were not kept. What a driver keeps that is not traceable is its own.
    """

    y: Tensor
    last: Tensor
    gates: Tensor
    histories: Tensor


class Saved(NamedTuple):
    """What a backward sweep reads of them, for every row of x."""

    y: Tensor
    gates: Tensor
    histories: Tensor


class Seeds(NamedTuple):
    """Gradients of y and the last states, and of the histories if there are any."""

    y: Tensor
    last: Tensor
    histories: Tensor | None


class Gradients(NamedTuple):
    """Gradients of the fields of Layer of the same names."""

    x: Tensor
    W: Tensor
    U: Tensor
    b: Tensor
    per_unit: Tensor
    states: Tensor


def lengths_of(batch_sizes: Tensor, rows: int) -> Tensor:
    """How many steps each of the sequences runs, (B,), longest first."""
    return (batch_sizes.unsqueeze(1) > torch.arange(rows)).sum(0)


def previous_rows(batch_sizes: Tensor) -> Tensor:
    """For every row after the first step, where the row of the same sequence one step ago is."""
    first, total = int(batch_sizes[:1].sum()), int(batch_sizes.sum())
    back = torch.repeat_interleave(batch_sizes[:-1], batch_sizes[1:])
    return torch.arange(first, total) - back


def last_rows(batch_sizes: Tensor) -> Tensor:
    """For every sequence that runs at all, where its last row is."""
    lengths = lengths_of(batch_sizes, int(batch_sizes[0]))
    starts = torch.nn.functional.pad(batch_sizes.cumsum(0), (1, 0))
    return starts[lengths - 1] + torch.arange(len(lengths))
