"""What a script is played with, as kernels take it: in the dtype they compute in, or as words of two bfloat16."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from .blocking import this_machine
from .compile import Runnable
from .factors import SUMS, factor_pass, task_of
from .memory import LINE
from .paired_matrices import rows_in_pairs, rows_rounded, rows_widened
from .pairs import terms
from .script import ScriptWriter, Unplaced
from .threads import wanted


class ScriptFactors(NamedTuple):
    """As :class:`.factors.Factors`. over_units: rows, as products read them, where they were asked for. sums: of the
    gradients, then of their products, a row each."""

    over_time: Unplaced
    over_units: Unplaced | None
    sums: Unplaced


class Arguments:
    """Tensors in the dtype that the script computes in, which are read and written where they are."""

    def __init__(self, script: ScriptWriter) -> None:
        self.script = script

    def given(self, *shape: int) -> Unplaced:
        """A tensor as it is."""
        return self.script.argument(*shape)

    def read(self, *shape: int) -> Unplaced:
        """A tensor that the script computes with."""
        return self.given(*shape)

    def computed(self, place: Unplaced) -> Unplaced:
        """A tensor that was given, to compute with."""
        return place

    def written(self, *shape: int) -> Unplaced:
        """A tensor that it writes."""
        return self.script.argument(*shape)

    def multiplied(self, rows: int, columns: int) -> Unplaced:
        """A matrix that products read, which sum over its columns."""
        return self.over_columns(self.given(rows, columns))

    def over_columns(self, rows: Unplaced) -> Unplaced:
        """Rows, (N, ...), given or computed, as products read them that sum over all that a row has."""
        return rows

    def over_rows(self, rows: Unplaced) -> Unplaced:
        """The same for products that sum over rows."""
        return rows

    def factors(self, gradients: Unplaced, times: Unplaced | None, *, of_rows: bool, summed: bool) -> ScriptFactors:
        """As :func:`.factors.factors_of`, of gradients that were computed. times: a column that was given, or None.
        summed: whether their sums are wanted."""
        sums = self.script.scratch(SUMS, math.prod(gradients.shape[1:]))
        if times is not None:
            self._pass_over(gradients, gradients, None, sums, times, "")
        elif summed:
            self.script.sum_rows(sums.data_ptr(), gradients.data_ptr(), len(gradients), gradients.row, sums.row)
        return ScriptFactors(gradients, gradients, sums)

    def _pass_over(
        self,
        gradients: Unplaced,
        over_time: Unplaced,
        of_rows: Unplaced | None,
        sums: Unplaced,
        times: Unplaced | None,
        pairs: str,
    ) -> None:
        code = factor_pass(self.script.dtype, pairs, of_rows=of_rows is not None, times=times is not None)
        task = self.script.table(task_of(gradients, over_time, of_rows or over_time, sums, times or sums))
        columns = sums.row
        self.script.run_in_parts(code, task, columns, wanted(len(gradients) * columns))

    def measured(self, rows: int, columns: int, limit: float) -> Unplaced:
        """The same, of which the script says whether an element is larger than that, or not finite."""
        matrix = self.multiplied(rows, columns)
        self.script.measure(matrix, limit)
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
        return self.computed(self.given(*shape))

    def computed(self, place: Unplaced) -> Unplaced:
        """Widened."""
        target = self.script.scratch(*place.shape)
        self._convert(rows_widened(), place, target)
        return target

    def written(self, *shape: int) -> Unplaced:
        """Rounded at the end."""
        target, source = self.given(*shape), self.script.scratch(*shape)
        self.round_at_end(source, target)
        return source

    def over_columns(self, rows: Unplaced) -> Unplaced:
        """Where they are, if they were given and are whole words."""
        count, columns = len(rows), math.prod(rows.shape[1:])
        if _dtype(rows) == torch.bfloat16 and (columns % 2 == 0 or not count):
            return rows.in_words(self.script.dtype.itemsize)
        words = self.script.scratch(count, terms(columns))
        self._pass(rows_rounded(_dtype(rows)), rows, words, count, columns, 2 * terms(columns))
        return words

    def over_rows(self, rows: Unplaced) -> Unplaced:
        """Words of two neighbouring rows."""
        count, columns = terms(len(rows)), math.prod(rows.shape[1:])
        words = self.script.scratch(count, *rows.shape[1:])
        self._pass(rows_in_pairs(_dtype(rows)), rows, words, count, columns, columns)
        return words

    def factors(self, gradients: Unplaced, times: Unplaced | None, *, of_rows: bool, summed: bool) -> ScriptFactors:
        """Rounded, whole words to a row."""
        rows, inner, columns = len(gradients), gradients.shape[1:], math.prod(gradients.shape[1:])
        size, halves = self.script.dtype.itemsize, torch.bfloat16
        over_time = self.script.scratch(terms(rows), *inner, row=columns + LINE // size)
        rounded = None
        if of_rows:
            rounded = self.script.scratch(rows, columns, row=columns + LINE // halves.itemsize, dtype=halves)
        sums = self.script.scratch(SUMS, columns)
        column = None if times is None else self.over_rows(times)
        self._pass_over(gradients, over_time, rounded, sums, column, this_machine().pairs)
        return ScriptFactors(over_time, rounded and rounded.in_words(size), sums)

    def measured(self, rows: int, columns: int, limit: float) -> Unplaced:
        """The numbers themselves, not the words."""
        matrix = self.given(rows, columns)
        self.script.measure(matrix, limit, torch.bfloat16)
        return self.over_columns(matrix)

    def round_at_end(self, source: Unplaced, target: Unplaced) -> None:
        """Numbers into as many in bfloat16."""
        self._rounded.append((source, target))

    def finish(self) -> None:
        """All that was written, rounded."""
        for source, target in self._rounded:
            self._convert(rows_rounded(torch.float32), source, target)

    def _convert(self, code: Runnable, source: Unplaced, target: Unplaced) -> None:
        """Numbers that lie one behind another."""
        columns = math.prod(source.shape[1:])
        if columns > 1:
            self._pass(code, source, target, len(source), columns, columns)
        elif count := len(source) * columns:
            self._pass(code, source, target, 1, count, count)

    def _pass(
        self, code: Runnable, source: Unplaced, target: Unplaced, items: int, columns: int, target_row: int
    ) -> None:
        """See :data:`.paired_matrices.PASS_TASK`."""
        task = (source.data_ptr(), source.row, len(source), columns, target.data_ptr(), target_row)
        if items:
            self.script.run_in_parts(code, self.script.table(task), items, wanted(len(source) * columns))


def _dtype(place: Unplaced) -> torch.dtype:
    return torch.bfloat16 if place.itemsize == torch.bfloat16.itemsize else torch.float32
