"""The observer that records a layer while it runs, and which steps it keeps: a span, each step or means of several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ..equation import Cell
from ..errors import InputError
from ..kernels.layer import Layer, States
from ..kernels.registry import Registered
from ..nn.batch import Batch
from ..nn.layer_run import Run
from ..nn.weights import Place, Sizes
from .intercept import Changed
from .names import observed


class StepSampling(NamedTuple):
    """Steps from ``first`` up to ``end``, None for the last; ``bin`` of them make one in the record, their mean."""

    first: int = 0
    end: int | None = None
    bin: int = 1

    @classmethod
    def of(cls, span: tuple[int, int] | None, bin: int) -> StepSampling:
        """The sampling that was asked for. Raises InputError where the span is empty or bin is not a whole number."""
        first, end = (0, None) if span is None else span
        if first < 0 or (end is not None and end <= first):
            raise InputError(f"the span {span} holds no step", hint="span=(first, end), counted from 0")
        if isinstance(bin, bool) or not isinstance(bin, int) or bin < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError(f"bin={bin!r} is not a number of steps", hint="give 1 for every step by itself")
        return cls(first, end, bin)

    @property
    def whole(self) -> bool:
        """Whether every step is kept by itself."""
        return self == StepSampling()

    def steps(self, total: int) -> int:
        """How many steps the record has."""
        end = total if self.end is None else min(self.end, total)
        return max(0, -(-(end - self.first) // self.bin))

    def targets(self, batch: Batch, *, reverse: bool) -> Tensor:
        """For every row, in the order in which it is run, the row (step * B + sequence) of the record that it goes
        to; -1 for none."""
        rows = batch.rows
        count = rows.batch
        order = torch.arange(len(batch.x)) if rows.places is None else rows.places[: len(batch.x)].cpu()
        if reverse:
            order = rows.mirrored(order.unsqueeze(1).to(batch.x.device)).squeeze(1).cpu()
        time, sequence = order // count, order % count
        inside = time >= self.first
        if self.end is not None:
            inside &= time < self.end
        running = rows.running()
        if running is not None:
            inside &= torch.arange(len(order)) < running
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
        sources = torch.nonzero(targets >= 0).squeeze(1).to(parts[0].device)
        where = targets.to(parts[0].device)[sources]
        for total, part in zip(self._sums, parts, strict=True):
            total.index_add_(0, where, part[sources])

    def results(self) -> list[Tensor]:
        """The means, (rows, K) each; zero for a target that no row went to."""
        counts = self._counts.clamp(min=1).unsqueeze(1)
        return [total / counts.to(total) if int(counts.max()) > 1 else total for total in self._sums]


_CHUNK_BYTES = 2**26  # of a chunk of time whose values are held at once before they are averaged


class Recorder:
    """A runner that keeps what a layer reads, its states and some values of its step, for every row.

    names: which values of the program. sizes: of the layer. width: of the output, where it is projected. After the
    run: ``rows``, each (N, K) in the order of the run, or where the sampling thins them out (T * B, K) in the input's;
    ``initial`` each state (B, K) before it, longest sequence first.
    """

    initial: list[Tensor]

    def __init__(
        self, place: Place, sizes: Sizes, width: int, batch: Batch, names: tuple[str, ...], sampling: StepSampling
    ) -> None:
        self.place, self.sizes, self.batch, self._width, self._sampling = place, sizes, batch, width, sampling
        self._run = Changed(partial(observed, names=names))
        self._begun: list[Tensor] = []
        self._heads: list[list[Tensor]] = []

    def sequence(self, registered: Registered, layer: Layer, *, histories: bool) -> States:
        """Run all steps, and keep what was asked for of each."""
        if not self._begun:
            initial = [layer.states[0][:, : self._width], *layer.states[1:]]
            earlier = [self.initial] if self._heads else []
            self.initial = [_beside(heads) for heads in zip(*earlier, initial, strict=True)]
        if self._sampling.whole:
            states = self._run.sequence(registered, layer, histories=True)
            self._heads.append([layer.x, states.y, *states.histories, *self._more()])
            return states
        return self._thinned(registered, layer, histories=histories)

    def step(self, cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Run the first step, where it runs by itself."""
        missing = layer.rows - len(states[0])  # sequences without a step
        self.initial = [torch.nn.functional.pad(states[0], (0, 0, 0, missing)), *layer.states[1:]]
        after = self._run.step(cell, layer, rows, states)
        self._begun = [layer.x[rows], *after, *self._more()]
        return after

    def done(self, run: Run) -> None:
        """Keep the output of the finished run as the output state, where that is projected."""
        self._projected = None
        if self._width == self.place.units:
            return
        if self._sampling.whole:
            self._projected = self.batch.rows.mirrored(run.y) if self.place.reverse else run.y
        else:
            means = self._means(reverse=False)
            means.add(0, (run.y,))
            (self._projected,) = means.results()

    @property
    def rows(self) -> list[Tensor]:
        """x, the states, then the values."""
        x, *_ = self._heads[0]
        parts = [x, *(_beside(heads) for heads in zip(*(head[1:] for head in self._heads), strict=True))]
        if self._begun:
            parts = [torch.cat(pieces) for pieces in zip(self._begun, parts, strict=True)]
        return parts if self._projected is None else [parts[0], self._projected, *parts[2:]]

    def _more(self) -> tuple[Tensor, ...]:
        return self._run.more.pop() if self._run.more else ()

    def _means(self, *, reverse: bool) -> Means:
        targets = self._sampling.targets(self.batch, reverse=reverse)
        return Means(targets, self._sampling.steps(self.batch.rows.steps) * self.batch.rows.batch)

    def _thinned(self, registered: Registered, layer: Layer, *, histories: bool) -> States:
        """Chunk by chunk of time, so that no more than a chunk is there at once."""
        means = self._means(reverse=self.place.reverse)
        first = sum(len(piece) for piece in self._begun[:1])
        if first:
            means.add(0, tuple(self._begun))
            self._begun = []
        chunks: list[States] = []
        states = layer.states
        for begin, end in _chunks(layer, len(registered.cell.state)):
            part = layer.part(begin, end, states)
            chunk = self._run.sequence(registered, part, histories=True)
            means.add(first, (part.x, chunk.y, *chunk.histories, *self._more()))
            first, states = first + len(part.x), chunk.last
            chunks.append(chunk if histories else chunk._replace(histories=chunk.histories[:, :0]))
        self._heads.append(means.results())
        joined = torch.cat([chunk.histories for chunk in chunks], dim=1)
        return chunks[-1]._replace(y=torch.cat([chunk.y for chunk in chunks]), histories=joined)


def _beside(heads: Sequence[Tensor]) -> Tensor:
    """The units of all heads, (N, K)."""
    return heads[0] if len(heads) == 1 else torch.cat(tuple(heads), dim=1)


def _chunks(layer: Layer, states: int) -> list[tuple[int, int | None]]:
    """(begin, end) of stretches of time; the last has the rows that belong to no step too."""
    size = max(1, layer.rows * layer.units * layer.x.itemsize * 4 * states)
    length = max(1, _CHUNK_BYTES // size)
    begins = list(range(0, max(1, layer.steps), length))
    return [(begin, begin + length if begin + length < layer.steps else None) for begin in begins]
