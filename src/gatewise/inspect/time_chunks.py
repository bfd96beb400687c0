"""One long sequence in chunks of time that run side by side, each from a guess, and are checked where they join.

A row is nearly free where a kernel has few. So time is cut into chunks, which run as rows of one batch: the first from
the state it is given, the others from a state of the layer's own. Then each is run again from where its left neighbour
ended, but only until its states meet those that are stored; from there on the stored ones stand. Any cell, on any
driver: a layer that forgets where it began takes a fraction of its steps one after another, one that does not is run
as usual.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..errors import InputError
from ..kernels.dispatch import sequence
from ..kernels.layer import Layer, States
from ..kernels.registry import Registered
from ..nn.batch import Batch
from ..nn.layer_run import Run
from ..nn.recurrent import Recurrent
from ..nn.rowwise import step
from ..nn.weights import Place
from .intercept import intercepted

_FIRST_LOOK = 64  # steps after which states are compared for the first time, and again whenever they have doubled,
_APART = 256  # but at least after so many, whose results stay in the cache until they are put in their place
_SHORTEST = 2 * _FIRST_LOOK  # chunks that are worth it


@dataclass(frozen=True)
class ChunkedRun:
    """How one layer, in one direction, ran in chunks of time.

    Attributes:
        chunks: How many there were; 1 where it ran whole, since it is too short, ragged or random for chunks.
        unmet: How many never met what had been computed from a guess, and were run to their end from where their left
            neighbour ended. Where the second does not, the layer does not forget, and the others are not tried.
        steps: After how many steps the last of those that did had met, as far as was looked; 0 where none did.
    """

    chunks: int
    unmet: int
    steps: int


class TimeChunks:
    """Runs the layers of a model in chunks of time; see `time_chunks`.

    Attributes:
        runs: How each layer ran, in order.
    """

    def __init__(self, chunks: int, tolerance: float) -> None:
        self._chunks, self._tolerance = chunks, tolerance
        self.runs: list[ChunkedRun] = []

    @property
    def unmet(self) -> int:
        """How many chunks of all runs did not meet."""
        return sum(run.unmet for run in self.runs)

    def at(self, module: Recurrent, place: Place, batch: Batch) -> TimeChunks:
        """Itself, for every layer."""
        return self

    def sequence(self, registered: Registered, layer: Layer, *, histories: bool) -> States:
        """All steps. Raises InputError where gradients are wanted."""
        if torch.is_grad_enabled() and any(part.requires_grad for part in layer[:-1]):
            raise InputError("chunks of time compute no gradients", hint="call the model under torch.no_grad()")
        if histories or not _is_uniform(layer) or layer.steps < self._chunks * _SHORTEST:
            self.runs.append(ChunkedRun(1, 0, 0))
            return sequence(registered, layer, histories=histories)
        chunked = _Chunked(registered, layer, self._chunks, self._tolerance)
        states = chunked.run()
        self.runs.append(ChunkedRun(self._chunks, len(chunked.unmet), chunked.met_after))
        return states

    def step(self, cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """One step, as it is."""
        return step(cell, layer, rows, states)

    def done(self, run: Run) -> None:
        """Nothing to do."""


@contextmanager
def time_chunks(model: nn.Module, chunks: int = 32, *, tolerance: float = 1e-6) -> Generator[TimeChunks]:
    """Run a model's recurrent layers in chunks of time in the block, for one to a few long sequences.

    Results are those of the usual run to about the tolerance, and not to the bit: a chunk that was computed from a
    guess stands from where all of its states are as they would be, to the tolerance. A layer that forgets makes such
    differences smaller from step to step; one that amplifies them, as normalisation of nearly equal numbers does, may
    go further apart. A layer that never forgets is run as usual, with the usual bits and hardly slower.

    Args:
        model: A layer of ``gatewise.nn``, a ``torch.nn.LSTM``, ``GRU`` or ``RNN``, or any module that holds some.
        chunks: Into how many parts a sequence is cut. What has fewer than 128 steps for each runs as usual, as do
            ragged batches, episodes by ``resets=``, states of every step, and layers that draw random numbers.
        tolerance: How far a state may be from the stored one to have met it, relative to the larger of the state and 1.

    Yields:
        What tells, after a call, how each layer ran, and how many chunks did not meet.

    Raises:
        InputError: An argument is out of range, the model has no recurrent layer, or a layer is intercepted already;
            from a call in the block: gradients are wanted; from `gatewise.stream` in the block: a stream carries one
            state from step to step.

    Example:
        >>> with torch.no_grad(), gatewise.time_chunks(model) as chunked:
        ...     y, _ = model(x)  # (100000, 1, I)
        >>> chunked.unmet
        0
    """
    if type(chunks) is not int or chunks < 3:
        raise InputError(f"chunks is {chunks!r}", hint="give a whole number, 3 or more")
    if not 0.0 < tolerance < 1.0:
        raise InputError(f"tolerance is {tolerance!r}", hint="give a number above 0 and below 1")
    watch = TimeChunks(chunks, tolerance)
    with intercepted(model, watch):
        yield watch


def _is_uniform(layer: Layer) -> bool:
    """Whether all rows run to the end, with the same numbers in place of random ones."""
    return layer.batch_sizes is None and layer.step_noise.shape[1] == 1 == layer.sequence_noise.shape[1]


class _Chunked:
    """One layer's run in chunks. A start or an end is (S, C, B, H): states of some chunks.

    unmet: the chunks that did not meet. met_after: see :class:`ChunkedRun`.
    """

    def __init__(self, registered: Registered, layer: Layer, chunks: int, tolerance: float) -> None:
        self._registered, self._layer, self._tolerance = registered, layer, tolerance
        self._count, self._length = chunks, layer.steps // chunks
        self._x = layer.x[: chunks * self._length * layer.rows].view(chunks, self._length, layer.rows, -1)
        self._all_y = layer.x.new_empty(layer.x.shape[0], layer.units)
        self._y = self._all_y[: chunks * self._length * layer.rows].view(chunks, self._length, layer.rows, -1)
        looks = [0, _FIRST_LOOK]
        while looks[-1] < self._length:
            looks.append(min(looks[-1] + min(looks[-1], _APART), self._length))
        self._spans = list(pairwise(looks))
        self._ends = layer.states.new_empty(len(self._spans), len(layer.states), chunks, *layer.states.shape[1:])
        self.unmet: list[int] = []
        self.met_after = 0

    def run(self) -> States:
        """All of it."""
        self._store([0, 1], self._layer.states.unsqueeze(1).expand(-1, 2, -1, -1))  # the second from a guess
        guessed = range(2, self._count)
        if self._rerun([1], self._end(0)):  # this layer does not forget
            self.unmet += guessed
            return self._whole(2)
        self._store(guessed, self._end(1).expand(-1, len(guessed), -1, -1))
        changed = self._rerun(guessed, self._ends[-1][:, 1:-1].clone())
        while changed:  # from left to right, each from an end that is final
            first = changed.pop(0)
            if first + 1 < self._count and self._rerun([first + 1], self._end(first)):
                changed = sorted({first + 1, *changed})
        return self._whole(self._count)

    def _end(self, chunk: int) -> Tensor:
        return self._ends[-1][:, chunk : chunk + 1]

    def _store(self, chunks: Sequence[int], states: Tensor) -> None:
        """Run these chunks from there to their ends."""
        for at, span in enumerate(self._spans):
            states = self._ends[at][:, chunks] = self._run(chunks, span, states)

    def _rerun(self, chunks: Sequence[int], states: Tensor) -> list[int]:
        """Run these chunks from there until they meet what is stored; those that did not, whose ends have changed."""
        left = torch.tensor(chunks)
        for at, span in enumerate(self._spans):
            states = self._run(left.tolist(), span, states)
            stored = self._ends[at][:, left]
            self._ends[at][:, left] = states
            apart = (states - stored).abs() > self._tolerance * stored.abs().clamp(min=1.0)
            unmet = (apart | states.isnan() | stored.isnan()).flatten(2).any(2).any(0)
            if not unmet.all():
                self.met_after = max(self.met_after, span[1])
            left, states = left[unmet.cpu()], states[:, unmet]
            if not len(left):
                return []
        self.unmet += [chunk for chunk in left.tolist() if chunk not in self.unmet]
        return left.tolist()

    def _run(self, chunks: Sequence[int], span: tuple[int, int], states: Tensor) -> Tensor:
        """Run a span of steps of these chunks, from these states to those after it."""
        begin, end = span
        x = self._x[chunks, begin:end].transpose(0, 1)  # (T, C, B, I)
        layer = self._layer._replace(x=x.flatten(0, 2), states=states.flatten(1, 2))
        done = sequence(self._registered, layer)
        self._y[chunks, begin:end] = done.y.view(*x.shape[:3], -1).transpose(0, 1)
        return done.last.view(states.shape)

    def _whole(self, chunks: int) -> States:
        """The result, where so many chunks are final and what is after them has yet to be run."""
        final = chunks * self._length
        rest = self._layer.part(final, None, self._end(chunks - 1).squeeze(1))
        done = sequence(self._registered, rest)
        self._all_y[final * self._layer.rows :] = done.y
        return done._replace(y=self._all_y)
