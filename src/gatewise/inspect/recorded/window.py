"""Which steps of time a record keeps: all, those of a span, or means over several."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import InputError
from ...nn.batch import Batch


class Window(NamedTuple):
    """Steps from ``first`` up to ``end``, None for the last; ``bin`` of them make one in the record, their mean."""

    first: int = 0
    end: int | None = None
    bin: int = 1

    @classmethod
    def of(cls, span: tuple[int, int] | None, bin: int) -> Window:
        """Raises InputError for what is no span and no number of steps."""
        first, end = (0, None) if span is None else span
        if first < 0 or (end is not None and end <= first):
            raise InputError(f"the span {span} holds no step", hint="span=(first, end), counted from 0")
        if isinstance(bin, bool) or not isinstance(bin, int) or bin < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"bin={bin!r} is not a number of steps", hint="give 1 for every step by itself")
        return cls(first, end, bin)

    @property
    def whole(self) -> bool:
        """Whether every step is kept by itself."""
        return self == Window()

    def steps(self, total: int) -> int:
        """How many steps the record has."""
        end = total if self.end is None else min(self.end, total)
        return max(0, -(-(end - self.first) // self.bin))

    def targets(self, batch: Batch, *, reverse: bool) -> Tensor:
        """For every row, in the order in which it is run, the row (step * B + sequence) of the record that it goes
        to; -1 for none."""
        rows = batch.rows
        count = rows.batch
        own = torch.arange(len(batch.x)) if rows.places is None else rows.places[: len(batch.x)].cpu()
        if reverse:
            own = rows.mirrored(own.unsqueeze(1).to(batch.x.device)).squeeze(1).cpu()
        time, sequence = own // count, own % count
        inside = time >= self.first
        if self.end is not None:
            inside &= time < self.end
        running = rows.running()
        if running is not None:
            inside &= torch.arange(len(own)) < running
        return torch.where(inside, (time - self.first) // self.bin * count + sequence, -1)


class Means:
    """Means of rows by target, summed up as the rows come."""

    def __init__(self, targets: Tensor, rows: int) -> None:
        self._targets, self._sums = targets, list[Tensor]()
        self._counts = torch.bincount(targets[targets >= 0], minlength=rows)

    def add(self, first: int, parts: tuple[Tensor, ...]) -> None:
        """Rows (n, K) of every quantity, of which the first is row ``first`` of the run."""
        if not self._sums:
            self._sums = [part.new_zeros(len(self._counts), part.shape[1]) for part in parts]
        targets = self._targets[first : first + len(parts[0])]
        kept = torch.nonzero(targets >= 0).squeeze(1).to(parts[0].device)
        where = targets.to(parts[0].device)[kept]
        for total, part in zip(self._sums, parts, strict=True):
            total.index_add_(0, where, part[kept])

    def found(self) -> list[Tensor]:
        """The means, (rows, K) each; zero where there was nothing."""
        counts = self._counts.clamp(min=1).unsqueeze(1)
        return [total / counts.to(total) if int(counts.max()) > 1 else total for total in self._sums]
