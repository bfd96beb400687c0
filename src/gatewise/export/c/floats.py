"""Products and states in float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...compiler.rules import Interval
from .arrays import FLOATS, Array, Form
from .builder import Draft
from .layouts import Layout, Sums
from .numpy_model import Memory


@dataclass(frozen=True)
class Float:
    """layout: of weights in memory."""

    layout: Layout

    def state(self, key: str, bound: Interval, starts: Sequence[float], *, output: bool) -> Form:
        """As floats."""
        return FLOATS

    def sums(self, draft: Draft, sums: Sums, arrays: Sequence[Array]) -> list[Array]:
        """One function that adds all up."""
        written = self.layout.write(sums)
        weights = draft.constants(f"{sums.name}_weights", written.table)
        parameters = "".join(f"const float *{operand}, " for operand in sums.operands)
        function = f"{draft.prefix}{draft.name(f'{sums.name}_sums')}"
        start = f"    const float *w = {weights.text};\n"
        draft.functions.append(f"static void {function}({parameters}float *z)\n{{\n{start}{written.loops}}}\n")
        z = draft.array(f"{sums.name}_z", written.room)
        draft.step.append(f"{function}({''.join(f'{array.text}, ' for array in arrays)}{z.text});")
        found = found_gates(draft, sums, z, self.layout)
        _add_action(draft, sums, arrays, found)
        return found


class Places(Protocol):
    """What knows where sums are."""

    def place(self, sums: Sums, gate: int, unit: str) -> str:
        """Where the sum of a gate and unit is in ``z``."""
        ...


def found_gates(draft: Draft, sums: Sums, z: Array, layout: Places) -> list[Array]:
    """The arrays of the gates in ``z``."""
    items = [f"{z.text}[{layout.place(sums, gate, '{}')}]" for gate in range(sums.gates)]
    found = [Array(z.text, sums.units, f"{z.text}.{gate}", item) for gate, item in enumerate(items)]
    for array in found:
        draft.twin.has(array)
    return found


def _add_action(draft: Draft, sums: Sums, arrays: Sequence[Array], found: list[Array]) -> None:
    biases = sums.biases.float().cpu().numpy()
    matrices = [matrix.float().cpu().flatten(0, 1).numpy().T for matrix in sums.matrices]
    keys = [f"operand{draft.operands + at}" for at in range(len(arrays))]
    draft.operands += len(arrays)

    def run(memory: Memory) -> None:
        total = biases.reshape(1, -1)
        given = [memory.get(array) for array in arrays]
        if given:
            memory.note_together(keys[0], given)
        for key, values, matrix in zip(keys, given, matrices, strict=True):
            memory.note(key, values)
            total = total + values @ matrix
        for gate, part in zip(found, np.split(total, sums.gates, axis=1), strict=True):
            memory.put(gate, part)

    draft.twin.actions.append(run)
