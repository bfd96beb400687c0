"""What an exported file computes, in numpy: the same operations on the same numbers, and so the same bits.

It measures the ranges of values on calibration data, and what a file in whole numbers gives before any compiler runs.
Only sums of products of floats are added up in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...compiler.program import Program
from .arrays import CArray, Numbers


class Statistics(NamedTuple):
    """What was measured while a model ran.

    ranges: largest magnitudes. moments: second moments, (K + 1, K + 1), of the K numbers that are multiplied together
    with weights and of 1.
    """

    ranges: dict[str, float]
    moments: dict[str, Numbers]

    def add(self, more: Statistics) -> None:
        """Take in what another run measured."""
        for key, largest in more.ranges.items():
            self.ranges[key] = max(largest, self.ranges.get(key, 0.0))
        for key, moments in more.moments.items():
            self.moments[key] = self.moments.get(key, 0.0) + moments


class RunState:
    """All arrays of B rows that run at once, (B, size) each. statistics: what was measured so far."""

    def __init__(self, rows: int, starts: dict[str, Numbers], constants: dict[str, Numbers]) -> None:
        self.arrays = {key: np.repeat(values[None], rows, axis=0) for key, values in starts.items()}
        self.arrays |= {key: values[None] for key, values in constants.items()}
        self.statistics = Statistics({}, {})

    def stored(self, array: CArray) -> Numbers:
        """The numbers as they are stored."""
        return self.arrays[array.key][:, array.begin : array.begin + array.size]

    def get(self, array: CArray) -> Numbers:
        """The numbers as float32."""
        return array.storage.decoded(self.stored(array))

    def put(self, array: CArray, values: Numbers) -> None:
        """Store new values."""
        self.stored(array)[...] = array.storage.encoded(values)

    def note_range(self, key: str, values: Numbers) -> None:
        """Measure the largest finite magnitude."""
        self.statistics.add(Statistics({key: float(np.abs(values[np.isfinite(values)]).max(initial=0.0))}, {}))

    def note_moments(self, key: str, values: list[Numbers]) -> None:
        """Measure the second moments of the values and of 1."""
        columns = np.concatenate([*values, np.ones_like(values[0][:, :1])], axis=1).astype(np.float64)
        self.statistics.add(Statistics({}, {key: columns.T @ columns}))


@dataclass
class NumpyModel:
    """actions: what a step does, in order. starts: initial contents of the arrays. constants: weights."""

    actions: list[Callable[[RunState], None]] = field(default_factory=list[Callable[[RunState], None]])
    starts: dict[str, Numbers] = field(default_factory=dict[str, Numbers])
    constants: dict[str, Numbers] = field(default_factory=dict[str, Numbers])

    def add_array(self, array: CArray, start: Numbers | float = 0.0) -> None:
        """Add an array that actions write, with its values before the first step."""
        values = np.broadcast_to(np.asarray(start, np.float32), (array.size,))
        self.starts[array.key] = array.storage.encoded(values).astype(array.storage.dtype)

    def run(self, x: Numbers, y: CArray) -> tuple[Numbers, Statistics]:
        """Inputs (T, B, I) to outputs (T, B, O) in float32, and what was measured."""
        run_state = RunState(x.shape[1], self.starts, self.constants)
        outputs = np.empty((*x.shape[:2], y.size), np.float32)
        with np.errstate(all="ignore"):
            for step, row in enumerate(x):
                run_state.arrays["x"] = row
                for action in self.actions:
                    action(run_state)
                outputs[step] = run_state.get(y)
        return outputs, run_state.statistics


_F = np.float32


def _bits(x: Numbers) -> Numbers:
    return np.ascontiguousarray(x, np.float32).view(np.uint32)


def _value(bits: Numbers) -> Numbers:
    return bits.view(np.float32)


def _clamp(x: Numbers) -> Numbers:
    bits = _bits(x)
    size = np.minimum(bits & np.uint32(0x7FFFFFFF), np.uint32(0x42000000))
    return _value(size | (bits & np.uint32(0x80000000)))


def _raised(x: Numbers, whole: Numbers) -> Numbers:
    return _value(_bits(x) + (_bits(whole) << np.uint32(23)))


def _power(t: Numbers) -> tuple[Numbers, Numbers]:
    whole = t + _F(12582912.0)
    f = t - (whole - _F(12582912.0))
    q = f * (_F(124.882139) + f * f)
    p = _F(360.333685) + _F(17.312340) * (f * f)
    return p - q, _raised(p + q, whole)


def _sigmoid(x: Numbers) -> Numbers:
    below, above = _power(_clamp(x) * _F(-1.44269504))
    return below / (below + above)


def _tanh(x: Numbers) -> Numbers:
    below, above = _power(_clamp(x) * _F(-2.88539008))
    return (below - above) / (below + above)


def _exp(x: Numbers) -> Numbers:
    bounded = np.where(x < _F(-87.33), _F(-87.33), np.where(x > _F(88.72), _F(88.72), x))
    whole = bounded * _F(1.44269504) + _F(12582912.0)
    n = whole - _F(12582912.0)
    h = _F(0.5) * ((bounded - n * _F(0.693359375)) + n * _F(2.12194440e-4))
    q, p = h * (_F(15.0) + h * h), _F(15.0) + _F(6.0) * (h * h)
    return _raised((p + q) / (p - q), whole)


def _log(x: Numbers) -> Numbers:
    up = _bits(x) - np.uint32(0x3F3504F3)
    e = ((up & np.uint32(0xFF800000)).view(np.int32) // 8388608).astype(np.float32)
    value = _value((up & np.uint32(0x007FFFFF)) + np.uint32(0x3F3504F3))
    s = (value - _F(1.0)) / (value + _F(1.0))
    z = s * s
    tail = _F(0.4) + z * (_F(0.285714286) + z * _F(0.222222222))
    total = _F(2.0) * s + s * (z * (_F(0.666666667) + z * tail))
    total = (total - e * _F(2.12194440e-4)) + e * _F(0.693359375)
    return np.where(x > 0, total, np.where(x < 0, _F(np.nan), _F(-np.inf)))


def _log_sigmoid(x: Numbers) -> Numbers:
    below, above = _power(np.abs(_clamp(x)) * _F(-1.44269504))
    s = above / (below + below + above)
    z = s * s
    tail = _F(0.0909090909) + z * _F(0.0769230769)
    total = z * (_F(0.333333333) + z * (_F(0.2) + z * (_F(0.142857143) + z * (_F(0.111111111) + z * tail))))
    return _minimum(x, _F(0.0)) - _F(2.0) * (s + s * total)


def _sqrt(x: Numbers) -> Numbers:
    y = _value(np.uint32(0x5F3759DF) - (_bits(x) >> np.uint32(1)))
    for _ in range(3):
        y = y * (_F(1.5) - _F(0.5) * x * y * y)
    root = x * y
    return root + _F(0.5) * y * (x - root * root)


def _maximum(a: Numbers, b: Numbers) -> Numbers:
    return np.where(a < b, b, a)


def _minimum(a: Numbers, b: Numbers | np.float32) -> Numbers:
    return np.where(b < a, b, a)


def _sum(values: Numbers) -> Numbers:
    return np.add.accumulate(values, axis=-1)[:, -1:]


OVER_UNITS: Mapping[str, Callable[[Numbers], Numbers]] = {
    "mean": lambda values: _sum(values) / _F(values.shape[-1]),
    "sum": _sum,
    "amax": lambda values: np.maximum.accumulate(values, axis=-1)[:, -1:],
}
"""Over each row, from its beginning: (B, 1)."""


def _quarters(x: Numbers, shift: int) -> Numbers:
    whole = x * _F(0.636619772) + _F(12582912.0)
    n = whole - _F(12582912.0)
    r = ((x - n * _F(1.5703125)) - n * _F(4.83751297e-4)) - n * _F(7.54978995e-8)
    turn = _bits(whole) + np.uint32(shift)
    z = r * r
    odd = r + r * (z * (_F(-0.166666546) + z * (_F(0.00833216087) - z * _F(0.000195152959))))
    even = _F(1.0) - _F(0.5) * z + z * z * (_F(0.0416666456) - z * (_F(0.00138873163) - z * _F(0.0000244331571)))
    wave = np.where(turn & np.uint32(1), even, odd)
    return np.where(turn & np.uint32(2), -wave, wave)


def _floor(x: Numbers) -> Numbers:
    small = np.abs(x) < _F(8388608.0)
    whole = np.where(small, x, _F(0.0)).astype(np.int32).astype(np.float32)
    return np.where(small, np.where(x < whole, whole - _F(1.0), whole), x)


_OPS: Mapping[str, Callable[..., Numbers]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "exp": _exp,
    "log": _log,
    "sqrt": _sqrt,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "log_sigmoid": _log_sigmoid,
    "relu": lambda a: np.where(a > 0, a, _F(0.0)),
    "abs": np.abs,
    "maximum": _maximum,
    "minimum": _minimum,
    "where": np.where,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "sin": lambda a: _quarters(a, 0),
    "cos": lambda a: _quarters(a, 1),
    "floor": _floor,
    "detach": lambda a: a,
}


def evaluated(program: Program, inputs: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Every value of a program for rows of inputs, float32."""
    values = dict(inputs)
    for i in program.body:
        if i.op == "constant":
            values[i.name] = filled(i.constant)
        else:
            values[i.name] = _OPS[i.op](*(values[argument] for argument in i.args))
    return values


def filled(value: float) -> Numbers:
    """A number in the shape that fits every row and unit, (1, 1)."""
    return np.full((1, 1), value, np.float32)
