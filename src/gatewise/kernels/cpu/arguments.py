"""What a script is played with, as kernels take it: in the dtype they compute in, or as words of two bfloat16."""

from __future__ import annotations

import math

import torch

from .compile import Runnable
from .paired_matrices import rows_rounded, rows_widened
from .pairs import terms
from .script import ScriptWriter, Unplaced


class Arguments:
    """Tensors in the dtype that the script computes in, which are read and written where they are."""

    def __init__(self, script: ScriptWriter) -> None:
        self.script = script

    def read(self, *shape: int) -> Unplaced:
        """A tensor that the script reads."""
        return self.script.argument(*shape)

    def written(self, *shape: int) -> Unplaced:
        """A tensor that it writes."""
        return self.script.argument(*shape)

    def multiplied(self, rows: int, columns: int) -> Unplaced:
        """A matrix that products read, which sum over its columns."""
        return self.script.argument(rows, columns)

    def measured(self, rows: int, columns: int, limit: float) -> Unplaced:
        """The same, of which the script says whether an element is larger than that, or not finite."""
        matrix = self.multiplied(rows, columns)
        self.script.measure(matrix, limit, self.script.dtype)
        return matrix

    def finish(self) -> None:
        """Let what was written be where it belongs."""


class HalfArguments(Arguments):
    """Tensors in bfloat16, computed with in float32; matrices of products are words, of which a row of an odd number of
    columns has half of one too many."""

    def __init__(self, script: ScriptWriter) -> None:
        super().__init__(script)
        self._rounded: list[tuple[Unplaced, Unplaced]] = []

    def given(self, *shape: int) -> Unplaced:
        """A tensor as it is."""
        return self.script.argument(*shape, dtype=torch.bfloat16)

    def read(self, *shape: int) -> Unplaced:
        """Widened."""
        source, target = self.given(*shape), self.script.scratch(*shape)
        if count := math.prod(shape):
            self._flat(rows_widened(), source, target, count)
        return target

    def written(self, *shape: int) -> Unplaced:
        """Rounded at the end."""
        target, source = self.given(*shape), self.script.scratch(*shape)
        self.round_at_end(source, target)
        return source

    def multiplied(self, rows: int, columns: int) -> Unplaced:
        """Where it is, if its rows are whole words."""
        return self._words(self.given(rows, columns))

    def measured(self, rows: int, columns: int, limit: float) -> Unplaced:
        """The numbers themselves, not the words."""
        matrix = self.given(rows, columns)
        self.script.measure(matrix, limit, torch.bfloat16)
        return self._words(matrix)

    def round_at_end(self, source: Unplaced, target: Unplaced) -> None:
        """Numbers into as many in bfloat16."""
        self._rounded.append((source, target))

    def finish(self) -> None:
        """All that was written, rounded."""
        for source, target in self._rounded:
            if count := math.prod(source.shape):
                self._flat(rows_rounded(torch.float32), source, target, count)

    def _words(self, matrix: Unplaced) -> Unplaced:
        rows, columns = matrix.shape
        words = matrix.in_words(self.script.dtype.itemsize)
        if columns % 2 == 0 or not rows:
            return words
        target = self.script.scratch(rows, terms(columns))
        self._pass(rows_rounded(torch.bfloat16), matrix, target, rows, columns, 2 * terms(columns))
        return target

    def _flat(self, code: Runnable, source: Unplaced, target: Unplaced, count: int) -> None:
        """All numbers as one row."""
        self._pass(code, source, target, 1, count, count)

    def _pass(
        self, code: Runnable, source: Unplaced, target: Unplaced, rows: int, columns: int, target_row: int
    ) -> None:
        task = (source.data_ptr(), columns, rows, columns, target.data_ptr(), target_row)
        self.script.call(code.address, self.script.table(task), 0, rows)
