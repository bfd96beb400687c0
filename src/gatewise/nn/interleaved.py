"""Many sequences through one model, each with a state of its own, and in one step whichever of them have an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .stream import FILE, Begins, Stream, stream

LARGEST = 64
"""Rows of one step, at most: beyond them a step takes as long as several."""


@dataclass(frozen=True)
class RowState:
    """All that one sequence goes on from. numbers: (F,), those of every layer end to end; never written to."""

    numbers: Tensor
    begins: Begins


class Interleaved:
    """Steps through a model for any of many sequences at a time, with the bits of a `Stream` of each.

    There is a stream for 1, 2, 4, ... rows; those of a step are put into the smallest that holds them, and taken out
    again. A row has the same bits in any of them.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._lanes: dict[int, Stream] = {1: stream(model)}
        kept = self._lanes[1].kept
        self._shapes = {name: tensor.shape for name, tensor in kept.items()}
        self._widths = [tensor.numel() for tensor in kept.values()]
        self._start = self._taken(self._lanes[1], 1)[0]

    def start(self) -> RowState:
        """The state from which the model starts by itself."""
        return self._start

    def steps(self, x: Tensor, states: Sequence[RowState]) -> tuple[Tensor, list[RowState]]:
        """Carry some sequences on, by as many steps each.

        Args:
            x: (T, B, I), finite, in the dtype of the weights.
            states: Of each of the B.

        Returns:
            The outputs (T, B, O), and the states after them.
        """
        outputs, after = torch.empty(0), list(states)
        for begins in dict.fromkeys(state.begins for state in states):
            alike = [row for row, state in enumerate(states) if state.begins == begins]
            most = 1 if any(begins) else LARGEST  # a beginning is left to torch, whose bits change with the batch
            for first in range(0, len(alike), most):
                rows = alike[first : first + most]
                y, ended = self._together(x[:, rows], [states[row] for row in rows])
                if len(rows) == len(states):
                    return y, ended
                outputs = outputs if outputs.numel() else y.new_empty(len(x), len(states), y.shape[-1])
                outputs[:, rows] = y
                for row, state in zip(rows, ended, strict=True):
                    after[row] = state
        return outputs, after

    def pack(self, state: RowState) -> bytes:
        """What `Stream.save` of a stream of this sequence writes."""
        parts = zip(self._shapes.items(), state.numbers.split(self._widths), strict=True)
        tensors = {name: part.view(shape).clone() for (name, shape), part in parts}
        return FILE.pack(tensors, {"begins": list(state.begins)})

    def unpack(self, data: bytes, source: str = "the state") -> RowState:
        """The way back. Raises ModelFileError for what is damaged, or of another model."""
        try:
            tensors, record = FILE.unpack(data)
        except FILE.error as error:
            raise FILE.error(error.what, where=source, hint=error.hint) from error.__cause__
        begins = self._lanes[1].begins_in(tensors, record, source)
        parts = [tensors[name].flatten() for name in self._shapes]
        numbers = torch.cat(parts) if parts else self._start.numbers
        if bool(numbers.isnan().any()):
            raise FILE.error("it holds a NaN", where=source, hint="go on from an earlier state, or from none")
        return RowState(numbers, begins)

    def _together(self, x: Tensor, states: Sequence[RowState]) -> tuple[Tensor, list[RowState]]:
        """Those whose memories begin alike, no more than `LARGEST`."""
        rows = len(states)
        lane = self._lane(rows)
        self._put(lane, states)
        wide = nn.functional.pad(x, (0, 0, 0, lane.batch_size - rows))
        y = torch.stack([lane.step(step) for step in wide.contiguous()])[:, :rows]
        return y, self._taken(lane, rows)

    def _lane(self, rows: int) -> Stream:
        size = 1 << (rows - 1).bit_length()
        if size not in self._lanes:
            self._lanes[size] = stream(self._model, size)
        return self._lanes[size]

    def _put(self, lane: Stream, states: Sequence[RowState]) -> None:
        numbers = torch.stack([state.numbers for state in states])
        for mine, part in zip(lane.kept.values(), numbers.split(self._widths, 1), strict=True):
            mine[:, : len(states)] = part.view(len(states), *mine.shape[::2]).transpose(0, 1)
        lane.begins = states[0].begins

    def _taken(self, lane: Stream, rows: int) -> list[RowState]:
        """Of the first rows, each in memory of its own."""
        parts = [mine[:, :rows].transpose(0, 1).reshape(rows, -1) for mine in lane.kept.values()]
        numbers = torch.cat(parts, 1) if parts else torch.empty(rows, 0)
        return [RowState(row.clone(), lane.begins) for row in numbers]


def interleaved(model: nn.Module) -> Interleaved:
    """The model for many sequences. Raises InputError as `gatewise.stream`."""
    with torch.no_grad():
        return Interleaved(model)
