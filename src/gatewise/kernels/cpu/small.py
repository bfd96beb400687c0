"""Layers so small that calling kernels from Python takes longer than they do: passes as scripts, one for each size.

A pass is the same as in :mod:`.passes`, by the same kernels in the same order, so its results are the same bits. It
takes weights as a module has them, two biases of a gate apart, and states as separate tensors.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ...equation import Cell
from ..small import Biases, LayerSize, usable_threads
from .blocking import this_machine
from .memory import lent
from .passes import rows_of_chunk
from .script import PlayableScript
from .small_backward import BackwardScript
from .small_forward import forward_script
from .small_parts import Kind, kept_numbers
from .threads import can_share

_SCRIPTS = 512  # sizes that are remembered for each direction; each takes some kilobytes


class ScriptedPasses(NamedTuple):
    """Scripts of a cell's passes in one dtype; see :class:`..small.Passes`."""

    cell: Cell
    dtype: torch.dtype

    def forward(
        self, size: LayerSize, biases: Biases, *, keep: bool, separate: bool, training: bool, limit: float
    ) -> PlayableScript | None:
        """None where gradients would come in chunks of time, or threads cannot be had from machine code."""
        in_chunks = size.all_rows > rows_of_chunk(self.cell, size.units, _WIDE.dtype if self._pairs else self.dtype)
        halved = self._pairs and keep and size.units % 2  # pairs of rows of W and U would belong to two gates
        if in_chunks or halved or (self._threads > 1 and not can_share()):
            return None
        kind = Kind(self.cell, self.dtype, size, biases, separate, training, self._threads, self._pairs)
        return _forward(kind, keep=keep, limit=limit)

    @property
    def _threads(self) -> int:
        return usable_threads()

    @property
    def _pairs(self) -> str:
        return this_machine().pairs if self.dtype == torch.bfloat16 else ""

    def memory(self, size: LayerSize, like: Tensor) -> Tensor:
        """Lent, where it is large."""
        return lent(_WIDE if self._pairs else like, sum(kept_numbers(self.cell, size)))

    def backward(
        self, size: LayerSize, biases: Biases, *, separate: bool, training: bool, input_gradient: bool
    ) -> PlayableScript:
        """Of a layer that had a forward pass."""
        kind = Kind(self.cell, self.dtype, size, biases, separate, training, self._threads, self._pairs)
        return _backward(kind, input_gradient=input_gradient)


_WIDE = torch.empty(0, dtype=torch.float32, device="cpu")


@lru_cache(maxsize=_SCRIPTS)
def _forward(kind: Kind, *, keep: bool, limit: float) -> PlayableScript:
    return forward_script(kind, keep=keep, limit=limit)


@lru_cache(maxsize=_SCRIPTS)
def _backward(kind: Kind, *, input_gradient: bool) -> PlayableScript:
    return BackwardScript(kind, input_gradient).written()
