"""Calls of plain modules on plain tensors, looked at quickly.

What a general call asks of every tensor takes longer than a small layer itself: a cell in a loop, a layer over a few
steps. Where a call is anything but plain (under a transform, a mode, autocast or compilation, with other tensors or
options), or its input is not finite, the general path runs it, and refuses what it refuses in its own words. Results
are the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..kernels.small import TENSORS, is_dense
from .small_layer import SmallLayer, UnusualError

_MOST = 2**24  # elements of an input that are copied to have them one behind the other


def is_calm(cell: Cell, layers: int = 1) -> bool:
    """Whether a stack of this cell can have small calls: it calls no gate again, everything is H wide, and what its
    steps read of the input beside what W multiplies is there in the only layer."""
    tied = any(gate.tied for gate in cell.gates)
    return not (cell.reads_x or cell.widths or tied or (cell.inputs and layers > 1))


class Small:
    """The small calls of a module: a step of a cell, or a stack of layers.

    directions: of each layer, 1 or 2. layers: in the order of their weights, directions side by side.
    """

    def __init__(self, layers: Sequence[SmallLayer], directions: int = 1) -> None:
        self._layers, self._directions, self._cell = layers, directions, layers[0].own

    def step(self, module: nn.Module, x: Tensor, hx: Any, *, finite: bool) -> Any:
        """One step of a cell, (B, I) to its states in the form of hx, (B, H); None where a general call is for it."""
        rows = _contiguous(x)
        if rows is None or rows.dim() != 2:
            return None
        states = self._states(hx, (rows.shape[0], self._layers[0].units), rows)
        if states is None:
            return None
        try:
            ended = self._layers[0].run(module, rows, states, separate=False, finite=finite)
        except UnusualError:
            return None
        return ended and (tuple(ended) if len(ended) > 1 else ended[0])

    def stack(self, module: nn.Module, x: Tensor, hx: Any, *, dropout: float, finite: bool) -> Any:
        """Layers over a sequence, (T, B, I) to outputs (T, B, D * H) and last states; None as above.

        dropout: of the outputs of every layer but the last, 0 where it is not training.
        """
        rows = _contiguous(x)
        if rows is None or rows.dim() != 3:
            return None
        if dropout and rows.dtype == torch.bfloat16:  # which the general path drops before it rounds
            return None
        shape = (len(self._layers), rows.shape[1], self._layers[0].units)
        states = self._states(hx, shape, rows)
        if states is None or any(state.shape != shape for state in states):
            return None
        try:
            return self._stacked(module, rows, states, dropout, finite)
        except UnusualError:
            return None

    def _states(self, hx: Any, shape: tuple[int, ...], x: Tensor) -> Sequence[Tensor] | None:
        """The initial states, or what they start from; None where they come in another form."""
        if hx is None:
            return [x.new_zeros(shape) if start == 0 else x.new_full(shape, start) for start in self._cell.initial]
        states = hx if len(self._cell.state) > 1 else (hx,)
        if type(states) not in (tuple, list) or len(states) != len(self._cell.state):  # pyright: ignore[reportUnknownArgumentType]
            return None
        ready: list[Tensor] = []
        for state in states:
            state = _contiguous(state)
            if state is None:
                return None
            ready.append(state)
        return ready

    def _stacked(self, module: nn.Module, x: Tensor, states: Sequence[Tensor], dropout: float, finite: bool) -> Any:
        single = len(self._layers) == 1
        separate = [(state,) if single else state.unbind() for state in states]
        ended: list[Sequence[Tensor]] = []
        for first in range(0, len(self._layers), self._directions):
            if first and dropout:
                x = torch.nn.functional.dropout(x, dropout)
            outputs: list[Tensor] = []
            for direction, layer in enumerate(self._layers[first : first + self._directions]):
                starts = [parts[first + direction] for parts in separate]
                read = x.flip(0) if direction else x
                ran = layer.run(module, read, starts, separate=True, finite=finite and not first)
                if ran is None:
                    return None
                y, *last = ran
                outputs.append(y.flip(0) if direction else y)
                ended.append(last)
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, 2)
        joined = ended[0] if single else [torch.stack(parts) for parts in zip(*ended, strict=True)]
        return x, tuple(joined) if len(joined) > 1 else joined[0]


def _contiguous(tensor: Any) -> Any:
    """The same one behind the other, where that does not take much memory; None where it is no plain, dense tensor."""
    if type(tensor) not in TENSORS or not is_dense(tensor):
        return None
    if tensor.is_contiguous():
        return tensor
    return tensor.contiguous() if tensor.numel() <= _MOST else None
