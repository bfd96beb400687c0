"""What an exported file does, in numpy: the same operations on the same float32 and whole numbers, so the same bits.

It says what ranges values have on calibration data, and what a file in whole numbers gives before any compiler runs.
Sums of products of floats alone are in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .arrays import Array, Numbers


class Seen(NamedTuple):
    """ranges: largest magnitudes. moments: sums of products of every two numbers that are multiplied together with
    weights, and of 1, (K + 1, K + 1)."""

    ranges: dict[str, float]
    moments: dict[str, Numbers]

    def add(self, more: Seen) -> None:
        """What was seen besides."""
        for key, found in more.ranges.items():
            self.ranges[key] = max(found, self.ranges.get(key, 0.0))
        for key, found in more.moments.items():
            self.moments[key] = self.moments.get(key, 0.0) + found


class Memory:
    """The numbers of B rows that run at once: (B, size) for every array. seen: what was noted."""

    def __init__(self, rows: int, starts: dict[str, Numbers], constants: dict[str, Numbers]) -> None:
        self.held = {key: np.repeat(values[None], rows, axis=0) for key, values in starts.items()}
        self.held |= {key: values[None] for key, values in constants.items()}
        self.seen = Seen({}, {})

    def whole(self, array: Array) -> Numbers:
        """What is held."""
        return self.held[array.key][:, array.begin : array.begin + array.size]

    def get(self, array: Array) -> Numbers:
        """float32."""
        return array.form.decoded(self.whole(array))

    def put(self, array: Array, values: Numbers) -> None:
        """Hold new values."""
        self.whole(array)[...] = array.form.encoded(values)

    def note(self, key: str, values: Numbers) -> None:
        """Remember the largest finite magnitude."""
        self.seen.add(Seen({key: float(np.abs(values[np.isfinite(values)]).max(initial=0.0))}, {}))

    def note_together(self, key: str, values: list[Numbers]) -> None:
        """Remember the products of every two, and of 1."""
        whole = np.concatenate([*values, np.ones_like(values[0][:, :1])], axis=1).astype(np.float64)
        self.seen.add(Seen({}, {key: whole.T @ whole}))


@dataclass
class Twin:
    """actions: what a step does, in order. starts: what arrays hold before the first step. constants: weights."""

    actions: list[Callable[[Memory], None]] = field(default_factory=list[Callable[[Memory], None]])
    starts: dict[str, Numbers] = field(default_factory=dict[str, Numbers])
    constants: dict[str, Numbers] = field(default_factory=dict[str, Numbers])

    def has(self, array: Array, start: Numbers | float = 0.0) -> None:
        """An array whose numbers are written."""
        values = np.broadcast_to(np.asarray(start, np.float32), (array.size,))
        self.starts[array.key] = array.form.encoded(values).astype(array.form.dtype)

    def run(self, x: Numbers, y: Array) -> tuple[Numbers, Seen]:
        """Inputs (T, B, I) to outputs (T, B, O) in float32, and what was noted."""
        memory = Memory(x.shape[1], self.starts, self.constants)
        outputs = np.empty((*x.shape[:2], y.size), np.float32)
        with np.errstate(all="ignore"):
            for step, row in enumerate(x):
                memory.held["x"] = row
                for action in self.actions:
                    action(memory)
                outputs[step] = memory.get(y)
        return outputs, memory.seen
