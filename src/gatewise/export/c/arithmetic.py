"""The number types in which an exported file computes: float32, or int8 weights with states in fixed point.

int8: a row of weights has one scale, its largest magnitude over 127, and W and U have scales of their own. Inputs of
layers are int16. The sums of products are exact whole numbers, proven to stay within 32 bits, so every processor gets
the same; then ``z = bias + (scale of W)(scale of x) sum + (scale of U)(scale of h) sum`` in float, like the rest of the
step.

Weights are rounded one after another, and the change that rounding one of them makes in a sum is compensated by those
after it and by the bias: Frantar, Ashkboos, Hoefler, Alistarh, GPTQ, arXiv:2210.17323, algorithm 1, on the second
moments of what the weights multiply on calibration data. The bias is treated as one more weight, of a number that is
always 1, and is not rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from ...compiler.rules import Interval
from ...errors import InputError, argument
from .arrays import FLOAT_STORAGE, CArray, Int16Storage, Int32Storage, Numbers, Storage
from .builder import FileBuilder
from .int_layouts import Int8Layout, Int8Sums
from .layouts import AffineSums, HasPlaces, WeightLayout
from .numpy_model import RunState, Statistics


@dataclass(frozen=True)
class FloatArithmetic:
    """Everything in float32. layout: of weights in memory."""

    layout: WeightLayout

    def state(self, key: str, bound: Interval, starts: Sequence[float], *, output: bool) -> Storage:
        """As floats."""
        return FLOAT_STORAGE

    def sums(self, builder: FileBuilder, sums: AffineSums, arrays: Sequence[CArray]) -> list[CArray]:
        """One function that adds up all rows."""
        code = self.layout.write(sums)
        weights = builder.constants(f"{sums.name}_weights", code.table)
        parameters = "".join(f"const float *{operand}, " for operand in sums.operands)
        function = f"{builder.prefix}{builder.identifier(f'{sums.name}_sums')}"
        start = f"    const float *w = {weights.text};\n"
        builder.functions.append(f"static void {function}({parameters}float *z)\n{{\n{start}{code.loops}}}\n")
        z = builder.array(f"{sums.name}_z", code.length)
        builder.step.append(f"{function}({''.join(f'{array.text}, ' for array in arrays)}{z.text});")
        gates = _gates_in(builder, sums, z, self.layout)
        _run_float_sums(builder, sums, arrays, gates)
        return gates


def _gates_in(builder: FileBuilder, sums: AffineSums, z: CArray, layout: HasPlaces) -> list[CArray]:
    """The array of each gate in ``z``."""
    items = [f"{z.text}[{layout.place(sums, gate, '{}')}]" for gate in range(sums.gates)]
    gates = [CArray(z.text, sums.units, f"{z.text}.{gate}", item) for gate, item in enumerate(items)]
    for array in gates:
        builder.numpy_model.add_array(array)
    return gates


def _run_float_sums(builder: FileBuilder, sums: AffineSums, arrays: Sequence[CArray], gates: list[CArray]) -> None:
    """Have the numpy model add up the same rows."""
    biases = sums.biases.float().cpu().numpy()
    matrices = [matrix.float().cpu().flatten(0, 1).numpy().T for matrix in sums.matrices]
    keys = [f"operand{builder.operands + at}" for at in range(len(arrays))]
    builder.operands += len(arrays)

    def run(run_state: RunState) -> None:
        total = biases.reshape(1, -1)
        operands = [run_state.get(array) for array in arrays]
        if operands:
            run_state.note_moments(keys[0], operands)
        for key, values, matrix in zip(keys, operands, matrices, strict=True):
            run_state.note_range(key, values)
            total = total + values @ matrix
        for gate, part in zip(gates, np.split(total, sums.gates, axis=1), strict=True):
            run_state.put(gate, part)

    builder.numpy_model.actions.append(run)


_DAMPING = 0.001
"""Share of the mean second moment added to each, so that nothing relies on directions absent from calibration."""


class RoundedWeights(NamedTuple):
    """Rows (R, K) of whole numbers, and their biases (R,) in float64."""

    integers: Numbers
    biases: Numbers


def rounded(weights: Numbers, units: Numbers, biases: Numbers, moments: Numbers) -> RoundedWeights:
    """Round rows of weights so that later weights and the bias compensate the error of earlier ones.

    weights: (R, K) in float64. units: (R, K), the weight that a 1 stands for. biases: (R,). moments: (K + 1, K + 1), of
    what is multiplied and of 1; the weights of the largest are rounded first.

    Biases that are all zero stay zero: a row without a bias must give exactly 0 for inputs of 0, since a layer norm
    after it would magnify anything else.
    """
    order = np.argsort(-np.diag(moments)[:-1], kind="stable")
    places = [*order, weights.shape[1]] if biases.any() else order
    factor = _compensation(moments[np.ix_(places, places)])
    remaining = np.concatenate([weights, biases[:, None]], axis=1)[:, places]
    integers = np.empty(weights.shape)
    for at, place in enumerate(order):
        integers[:, place] = np.clip(np.rint(remaining[:, at] / units[:, place]), -127, 127)
        lost = (remaining[:, at] - integers[:, place] * units[:, place]) / factor[at, at]
        remaining[:, at + 1 :] -= lost[:, None] * factor[at, at + 1 :]
    return RoundedWeights(integers.astype(np.int8), remaining[:, -1] if biases.any() else biases)


def _compensation(moments: Numbers) -> Numbers:
    """The upper Cholesky factor of the inverse: how the weights after one compensate what rounding it loses."""
    count = len(moments)
    inverse = np.linalg.inv(moments + _DAMPING * max(float(np.trace(moments)) / count, 1e-12) * np.eye(count))
    return np.linalg.cholesky((inverse + inverse.T) / 2).T


HEADROOM = {"narrow": 2.0, "wide": 8.0}
"""How far beyond its range on calibration data a number may go before it is clipped, in int16 and in int32."""

LARGEST = (1 << 31) // 32768
"""What the magnitudes of a row's weights must stay below, added up."""


@dataclass
class Int8Arithmetic:
    """statistics: of calibration data, run in floats. largest: the largest sum of magnitudes of a row so far.

    inputs: arrays that have been converted to int16.
    """

    layout: Int8Layout
    statistics: Statistics
    largest: int = 0
    inputs: dict[tuple[str, int, int], CArray] = field(default_factory=dict[tuple[str, int, int], CArray])

    def state(self, key: str, bound: Interval, starts: Sequence[float], *, output: bool) -> Storage:
        """int16 for outputs, where [-1, 1] needs no calibration; int32 for memories."""
        if not output:
            return Int32Storage(self._reach(key, "wide"))
        inside = max([1.0, *(abs(start) for start in starts if np.isfinite(start))])
        if bound.low >= -1.0 and bound.high <= 1.0:
            return Int16Storage(inside, proven=True)
        return Int16Storage(self._reach(key, "narrow"))

    def _reach(self, key: str, kind: str) -> float:
        """The largest number that is stored without being clipped."""
        largest = self.statistics.ranges[key]
        return HEADROOM[kind] * max(largest, 1e-6) if largest else 1.0

    def sums(self, builder: FileBuilder, sums: AffineSums, arrays: Sequence[CArray]) -> list[CArray]:
        """One function that adds up all rows."""
        if not arrays:
            return [builder.constants(f"{sums.name}_bias{at}", bias) for at, bias in enumerate(sums.biases)]
        moments = self.statistics.moments[f"operand{builder.operands}"]
        operands = [self._narrowed(builder, array) for array in arrays]
        units = [array.storage.unit for array in operands if isinstance(array.storage, Int16Storage)]
        int_sums = self._quantized(sums, moments, units)
        code = self.layout.write(int_sums, builder.prefix)
        weights = builder.integers(f"{sums.name}_weights", code.weights, code.c)
        scales = builder.constants(f"{sums.name}_scales", torch.from_numpy(code.scales))
        parameters = "".join(f"const int16_t *{operand}, " for operand in sums.operands)
        function = f"{builder.prefix}{builder.identifier(f'{sums.name}_sums')}"
        start = f"    const {code.c} *w = {weights};\n    const float *s = {scales.text};\n"
        builder.functions.append(f"static void {function}({parameters}float *z)\n{{\n{start}{code.loops}}}\n")
        z = builder.array(f"{sums.name}_z", code.length)
        builder.step.append(f"{function}({''.join(f'{array.text}, ' for array in operands)}{z.text});")
        gates = _gates_in(builder, sums, z, self.layout)
        _run_int8_sums(builder, int_sums, operands, gates)
        return gates

    def _narrowed(self, builder: FileBuilder, array: CArray) -> CArray:
        """The array in int16, converted once for everything that multiplies it."""
        key = f"operand{builder.operands}"
        builder.operands += 1
        if isinstance(array.storage, Int16Storage):
            return array
        at = array.key, array.begin, array.size
        if at not in self.inputs:
            target = builder.array(f"{array.key}_narrow", array.size, Int16Storage(self._reach(key, "narrow")))
            self.inputs[at] = builder.copied(array, target)
        return self.inputs[at]

    def _quantized(self, sums: AffineSums, moments: Numbers, inputs: Sequence[np.float32]) -> Int8Sums:
        """inputs: the unit of each array that is multiplied."""
        shape, widths = (sums.gates, sums.units), [matrix.shape[2] for matrix in sums.matrices]
        matrices = [matrix.double().cpu().flatten(0, 1).numpy() for matrix in sums.matrices]
        units = [_units(matrix) for matrix in matrices]
        unit_of_weight = np.repeat(np.stack(units, 1), widths, axis=1)
        biases = sums.biases.double().cpu().flatten().numpy()
        rows = rounded(np.concatenate(matrices, axis=1), unit_of_weight, biases, moments)
        parts = np.split(rows.integers, np.cumsum(widths)[:-1], axis=1)
        for operand, part in zip(sums.operands, parts, strict=True):
            self._prove(sums, operand, part)
        scales = [
            (unit * float(one)).astype(np.float32).reshape(shape) for unit, one in zip(units, inputs, strict=True)
        ]
        integers = [part.reshape(*shape, -1) for part in parts]
        return Int8Sums(sums, integers, rows.biases.astype(np.float32).reshape(shape), scales)

    def _prove(self, sums: AffineSums, operand: str, weights: Numbers) -> None:
        """Raises InputError for a row whose sum might not fit."""
        most = int(np.abs(weights.astype(np.int64)).sum(-1).max())
        self.largest = max(self.largest, most)
        if most >= LARGEST:
            raise InputError(
                f"a row of {weights.shape[-1]} weights for {operand} adds up to {most:,} in int8; with inputs of int16 "
                f"a sum of 32 bits holds less than {LARGEST:,}",
                where=sums.name,
                hint=f"use {argument('dtype', 'float32')}, or a narrower layer",
            )


def _units(matrix: Numbers) -> Numbers:
    """The weight that a 1 stands for in each row, so that the largest is 127; compensated weights may be clipped."""
    units = np.abs(matrix).max(-1) / 127
    return np.where(units == 0, 1.0, units)


def _run_int8_sums(builder: FileBuilder, sums: Int8Sums, arrays: Sequence[CArray], gates: list[CArray]) -> None:
    """Have the numpy model add up the same rows; sums below 2**53 are exact in float64, where numpy is fast."""
    biases = sums.biases.reshape(1, -1)
    matrices = [matrix.reshape(-1, matrix.shape[-1]).T.astype(np.float64) for matrix in sums.matrices]

    def run(run_state: RunState) -> None:
        total = biases
        for array, matrix, scales in zip(arrays, matrices, sums.scales, strict=True):
            products = run_state.stored(array).astype(np.float64) @ matrix
            total = total + scales.reshape(1, -1) * products.astype(np.float32)
        for gate, part in zip(gates, np.split(total, sums.sums.gates, axis=1), strict=True):
            assert gate.storage is FLOAT_STORAGE
            run_state.put(gate, part)

    builder.numpy_model.actions.append(run)
