"""One layer in one direction while it is being recorded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from ...equation import Cell
from ...kernels.layer import Layer
from ...kernels.reference import States
from ...kernels.registry import cell_of
from ...nn.batch import Batch
from ...nn.runner import Run
from ...nn.weights import Place
from ..watch import Changed
from .names import observed
from .window import Means, Window

_CHUNK_BYTES = 2**26  # of what is looked at before it is thinned out


class Recorder:
    """A runner that keeps what a layer reads, its states and some values of its step, for every row.

    names: which values of the program. width: of the output, where it is projected. After the run: ``rows``, each
    (N, K) in the order of the run, or where the window thins them out (T * B, K) in the input's; ``initial`` each
    state (B, K) before it, longest sequence first.
    """

    initial: list[Tensor]

    def __init__(self, place: Place, width: int, batch: Batch, names: tuple[str, ...], window: Window) -> None:
        self.place, self.batch, self._width, self._window = place, batch, width, window
        self._run = Changed(partial(observed, names=names))
        self._begun: list[Tensor] = []
        self._heads: list[list[Tensor]] = []

    def sequence(self, key: str, layer: Layer, *, histories: bool) -> States:
        """All steps, looked at."""
        if not self._begun:
            mine = [layer.states[0][:, : self._width], *layer.states[1:]]
            earlier = [self.initial] if self._heads else []
            self.initial = [_beside(heads) for heads in zip(*earlier, mine, strict=True)]
        if self._window.whole:
            found = self._run.sequence(key, layer, histories=True)
            self._heads.append([layer.x, found.y, *found.histories, *self._more()])
            return found
        return self._thinned(key, layer, histories=histories)

    def step(self, cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The first step."""
        missing = layer.rows - len(states[0])  # sequences without a step
        self.initial = [torch.nn.functional.pad(states[0], (0, 0, 0, missing)), *layer.states[1:]]
        found = self._run.step(cell, layer, rows, states)
        self._begun = [layer.x[rows], *found, *self._more()]
        return found

    def done(self, found: Run) -> None:
        """What the layer gave in the end, which is its output state where that is projected."""
        self._projected = None
        if self._width == self.place.units:
            return
        if self._window.whole:
            self._projected = self.batch.rows.mirrored(found.y) if self.place.reverse else found.y
        else:
            means = self._means(reverse=False)
            means.add(0, (found.y,))
            (self._projected,) = means.found()

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
        targets = self._window.targets(self.batch, reverse=reverse)
        return Means(targets, self._window.steps(self.batch.rows.steps) * self.batch.rows.batch)

    def _thinned(self, key: str, layer: Layer, *, histories: bool) -> States:
        """Chunk by chunk of time, so that no more than a chunk is there at once."""
        means = self._means(reverse=self.place.reverse)
        first = sum(len(piece) for piece in self._begun[:1])
        if first:
            means.add(0, tuple(self._begun))
            self._begun = []
        chunks: list[States] = []
        states = layer.states
        for begin, end in _chunks(layer, len(cell_of(key).state)):
            part = layer.part(begin, end, states)
            found = self._run.sequence(key, part, histories=True)
            means.add(first, (part.x, found.y, *found.histories, *self._more()))
            first, states = first + len(part.x), found.last
            chunks.append(found if histories else found._replace(histories=found.histories[:, :0]))
        self._heads.append(means.found())
        return States(torch.cat([c.y for c in chunks]), states, torch.cat([c.histories for c in chunks], dim=1))


def _beside(heads: Sequence[Tensor]) -> Tensor:
    """The units of all heads, (N, K)."""
    return heads[0] if len(heads) == 1 else torch.cat(tuple(heads), dim=1)


def _chunks(layer: Layer, states: int) -> list[tuple[int, int | None]]:
    """(begin, end) of stretches of time; the last has the rows that belong to no step too."""
    size = max(1, layer.rows * layer.units * layer.x.itemsize * 4 * states)
    length = max(1, _CHUNK_BYTES // size)
    begins = list(range(0, max(1, layer.steps), length))
    return [(begin, begin + length if begin + length < layer.steps else None) for begin in begins]
