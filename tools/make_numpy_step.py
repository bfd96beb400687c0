"""Writes the step of the pretrained forecaster's cell in numpy, out of the cell's program.

    python tools/make_numpy_step.py          # writes src/gatewise/models/forecast/pretrained/step.py

The forecaster runs without torch, which the compiler needs: so what it derives is kept as a file, and a test holds it
to the cell's program.
"""

from __future__ import annotations

from pathlib import Path

from gatewise.cells import lstm
from gatewise.compiler.lower import program_of
from gatewise.compiler.ops import OPS
from gatewise.equation import Cell

TARGET = Path(__file__).parents[1] / "src" / "gatewise" / "models" / "forecast" / "pretrained" / "step.py"

HEAD = '''"""One step of the cell {name}, made by tools/make_numpy_step.py from its program. Do not edit it."""

from __future__ import annotations

from typing import Any

from numpy import tanh

STATES = {states}
"""How many states there are."""


def sigmoid(a: Any) -> Any:
    """The logistic function."""
    return (1 + tanh(a / 2)) / 2


def step({inputs}) -> tuple[Any, ...]:
    """The new states."""
'''


def rendered(cell: Cell) -> str:
    """The file for one cell."""
    program = program_of(cell)
    lines = [
        f"    {each.name} = {OPS[each.op].text.format(*each.args)}"
        if each.op != "constant"
        else f"    {each.name} = {each.constant!r}"
        for each in program.body
    ]
    gives = ", ".join(program.outputs[state] for state in cell.state)
    inputs = ", ".join(f"{name}: Any" for name in program.inputs)
    head = HEAD.format(name=cell.name, states=len(cell.state), inputs=inputs)
    return head + "\n".join([*lines, f"    return {gives}"]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(rendered(lstm), encoding="utf-8")
