"""The statements of a file in NumPy: what they compute, known before anything is compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...recording import Value
from .expressions import Expression, Load
from .lowering import Lowered
from .statements import OVER, Each, Keep, Over, Pick, Product, Scan, Statement


def emulated(lowered: Lowered, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The outputs, flat, by name."""
    memory = {value: np.zeros(size, lowered.dtypes[value]) for value, size in lowered.sizes.items()}
    memory |= {value: array.ravel() for value, array in lowered.constants.items()}
    memory |= {value: inputs[name].ravel() for name, value in lowered.inputs.items()}
    with np.errstate(all="ignore"):
        _Emulation(memory).run(lowered.statements)
    return {name: memory[value] for name, value in lowered.outputs.items()}


class _Emulation:
    """memory: of every value, flat. steps: which step each scan is at."""

    def __init__(self, memory: dict[Value, NDArray[Any]]) -> None:
        self.memory, self.steps = memory, dict[int, int]()

    def run(self, statements: Sequence[Statement]) -> None:
        for one in statements:
            match one:
                case Scan():
                    for step in range(one.count):
                        self.steps[one.number] = step
                        self.run(one.body)
                case Keep():
                    place = np.searchsorted(one.rows, self.steps[one.scan])
                    if place < len(one.rows) and one.rows[place] == self.steps[one.scan]:
                        row = self._of(one.source).ravel()
                        self.memory[one.value][place * row.size : (place + 1) * row.size] = row
                case Product():
                    self._put(one.target, self._of(one.left) @ self._of(one.right))
                case Over():
                    self._put(one.target, OVER[one.op](self._of(one.source), axis=-1))
                case Pick():
                    self._put(one.target, self._of(one.table).ravel()[self._of(one.source)])
                case Each():
                    self._put(one.target, self._of(one.source))

    def _put(self, target: Load, found: NDArray[Any]) -> None:
        self.memory[target.value][target.places] = found

    def _of(self, expression: Expression) -> NDArray[Any]:
        if isinstance(expression, Load):
            more = 0 if expression.along is None else self.steps[expression.along.scan] * expression.along.stride
            return self.memory[expression.value][expression.places + more]
        given = [self._of(one) for one in expression.inputs]
        if expression.op in ("cast", "copy"):
            return given[0].astype(expression.dtype)
        return getattr(np, expression.op)(*given)
