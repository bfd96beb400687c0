"""int8 weights and fixed-point states, and rounding that later weights make up for.

Weights to int8 such that what rounding one of them changes in a sum, those after it and the bias take back.

Frantar, Ashkboos, Hoefler, Alistarh, GPTQ, arXiv:2210.17323, algorithm 1, on the second moments of what the weights
multiplied on calibration data. The bias is one more weight, of a number that is always 1, and is not rounded.

Products of int8 weights and int16 numbers in int32 sums; states in fixed point; everything else in float32.

A row of weights has one scale, its largest magnitude over 127, and W and U have scales of their own. The sums of each
are exact whole numbers, proven to stay within 32 bits, so that every processor finds the same; then
``z = bias + (scale of W)(scale of x) sum + (scale of U)(scale of h) sum`` in float, as the rest of the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from ...compiler.rules import Interval
from ...errors import InputError, argument
from .arrays import FLOATS, Array, Form, Narrow, Numbers, Wide
from .builder import Draft
from .floats import found_gates
from .int_layouts import IntLayout, Whole
from .layouts import Sums
from .numpy_model import Memory, Seen

_DAMPING = 0.001
"""Of the mean second moment, added to each, so that what calibration did not see is not relied on."""


class Rounded(NamedTuple):
    """Rows (R, K) of whole numbers, and their biases (R,) in float64."""

    whole: Numbers
    biases: Numbers


def rounded(weights: Numbers, units: Numbers, biases: Numbers, moments: Numbers) -> Rounded:
    """weights: (R, K) in float64. units: (R, K), what 1 stands for. biases: (R,). moments: (K + 1, K + 1), of what is
    multiplied and 1; the largest are rounded first.

    Biases that are all zero stay so: nothing times the weights must be nothing, which a layer norm would blow up.
    """
    order = np.argsort(-np.diag(moments)[:-1], kind="stable")
    places = [*order, weights.shape[1]] if biases.any() else order
    spread = _spread(moments[np.ix_(places, places)])
    left = np.concatenate([weights, biases[:, None]], axis=1)[:, places]
    whole = np.empty(weights.shape)
    for at, place in enumerate(order):
        whole[:, place] = np.clip(np.rint(left[:, at] / units[:, place]), -127, 127)
        lost = (left[:, at] - whole[:, place] * units[:, place]) / spread[at, at]
        left[:, at + 1 :] -= lost[:, None] * spread[at, at + 1 :]
    return Rounded(whole.astype(np.int8), left[:, -1] if biases.any() else biases)


def _spread(moments: Numbers) -> Numbers:
    """The Cholesky factor of the inverse, upper: how the rest takes back what one loses."""
    count = len(moments)
    inverse = np.linalg.inv(moments + _DAMPING * max(float(np.trace(moments)) / count, 1e-12) * np.eye(count))
    return np.linalg.cholesky((inverse + inverse.T) / 2).T


HEADROOM = {"narrow": 2.0, "wide": 8.0}
"""How far past what calibration has seen a number may go before it stays at the end."""

LARGEST = (1 << 31) // 32768
"""What the magnitudes of a row's weights must stay below, together."""


@dataclass
class Int8:
    """seen: of calibration data, by a draft in floats. largest: the largest sum of magnitudes of a row so far."""

    layout: IntLayout
    seen: Seen
    largest: int = 0
    inputs: dict[tuple[str, int, int], Array] = field(default_factory=dict[tuple[str, int, int], Array])

    def state(self, key: str, bound: Interval, starts: Sequence[float], *, output: bool) -> Form:
        """int16 for outputs, where [-1, 1] needs no calibration; int32 for memories."""
        if not output:
            return Wide(self._reach(key, "wide"))
        inside = max([1.0, *(abs(start) for start in starts if np.isfinite(start))])
        if bound.low >= -1.0 and bound.high <= 1.0:
            return Narrow(inside, proven=True)
        return Narrow(self._reach(key, "narrow"))

    def _reach(self, key: str, kind: str) -> float:
        return HEADROOM[kind] * max(seen, 1e-6) if (seen := self.seen.ranges[key]) else 1.0

    def sums(self, draft: Draft, sums: Sums, arrays: Sequence[Array]) -> list[Array]:
        """One function that adds all up."""
        if not arrays:
            return [draft.constants(f"{sums.name}_bias{at}", bias) for at, bias in enumerate(sums.biases)]
        moments = self.seen.moments[f"operand{draft.operands}"]
        given = [self._narrowed(draft, array) for array in arrays]
        whole = self._whole(sums, moments, [array.form.unit for array in given if isinstance(array.form, Narrow)])
        written = self.layout.write(whole, draft.prefix)
        weights = draft.integers(f"{sums.name}_weights", written.weights, written.c)
        factors = draft.constants(f"{sums.name}_scales", torch.from_numpy(written.scales))
        parameters = "".join(f"const int16_t *{operand}, " for operand in sums.operands)
        function = f"{draft.prefix}{draft.name(f'{sums.name}_sums')}"
        start = f"    const {written.c} *w = {weights};\n    const float *s = {factors.text};\n"
        draft.functions.append(f"static void {function}({parameters}float *z)\n{{\n{start}{written.loops}}}\n")
        z = draft.array(f"{sums.name}_z", written.room)
        draft.step.append(f"{function}({''.join(f'{array.text}, ' for array in given)}{z.text});")
        found = found_gates(draft, sums, z, self.layout)
        _add_action(draft, whole, given, found)
        return found

    def _narrowed(self, draft: Draft, array: Array) -> Array:
        """The array in int16, once for all who multiply it."""
        key = f"operand{draft.operands}"
        draft.operands += 1
        if isinstance(array.form, Narrow):
            return array
        at = array.key, array.begin, array.size
        if at not in self.inputs:
            wanted = draft.array(f"{array.key}_narrow", array.size, Narrow(self._reach(key, "narrow")))
            self.inputs[at] = draft.copied(array, wanted)
        return self.inputs[at]

    def _whole(self, sums: Sums, moments: Numbers, inputs: Sequence[np.float32]) -> Whole:
        """inputs: what 1 stands for in each array."""
        shape, widths = (sums.gates, sums.units), [matrix.shape[2] for matrix in sums.matrices]
        matrices = [matrix.double().cpu().flatten(0, 1).numpy() for matrix in sums.matrices]
        units = [_units(matrix) for matrix in matrices]
        each = np.repeat(np.stack(units, 1), widths, axis=1)
        biases = sums.biases.double().cpu().flatten().numpy()
        rows = rounded(np.concatenate(matrices, axis=1), each, biases, moments)
        parts = np.split(rows.whole, np.cumsum(widths)[:-1], axis=1)
        for operand, part in zip(sums.operands, parts, strict=True):
            self._prove(sums, operand, part)
        scales = [
            (unit * float(one)).astype(np.float32).reshape(shape) for unit, one in zip(units, inputs, strict=True)
        ]
        wholes = [part.reshape(*shape, -1) for part in parts]
        return Whole(sums, wholes, rows.biases.astype(np.float32).reshape(shape), scales)

    def _prove(self, sums: Sums, operand: str, whole: Numbers) -> None:
        """Raises InputError for a row whose sum might not fit."""
        most = int(np.abs(whole.astype(np.int64)).sum(-1).max())
        self.largest = max(self.largest, most)
        if most >= LARGEST:
            raise InputError(
                f"a row of {whole.shape[-1]} weights for {operand} adds up to {most:,} in int8; with inputs of int16 a "
                f"sum of 32 bits holds less than {LARGEST:,}",
                where=sums.name,
                hint=f"use {argument('dtype', 'float32')}, or a narrower layer",
            )


def _units(matrix: Numbers) -> Numbers:
    """What 1 stands for in each row, so that the largest weight is 127; what rounding took back may be cut off."""
    units = np.abs(matrix).max(-1) / 127
    return np.where(units == 0, 1.0, units)


def _add_action(draft: Draft, whole: Whole, arrays: Sequence[Array], found: list[Array]) -> None:
    """Sums of whole numbers below 2**53 are exact in float64 as well, where numpy is fast."""
    biases = whole.biases.reshape(1, -1)
    matrices = [matrix.reshape(-1, matrix.shape[-1]).T.astype(np.float64) for matrix in whole.matrices]

    def run(memory: Memory) -> None:
        total = biases
        for array, matrix, scales in zip(arrays, matrices, whole.scales, strict=True):
            products = memory.whole(array).astype(np.float64) @ matrix
            total = total + scales.reshape(1, -1) * products.astype(np.float32)
        for gate, part in zip(found, np.split(total, whole.sums.gates, axis=1), strict=True):
            assert gate.form is FLOATS
            memory.put(gate, part)

    draft.twin.actions.append(run)
