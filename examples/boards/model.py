"""Run an exported model over given inputs on a board."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .program import EXACT, C, build, run
from .table import Board


@dataclass(frozen=True)
class ModelRun:
    """What the model gave, [steps, outputs] in float32, and what one step took; zeros where the host counts nothing."""

    outputs: np.ndarray
    shortest: int  # instructions
    longest: int
    stack: int  # bytes

    @property
    def words(self) -> list[str]:
        """The bits of all outputs, to compare with another board's."""
        return [f"{word:08x}" for word in self.outputs.view(np.uint32).ravel()]


def input_table(x: np.ndarray) -> str:
    """C for rows of inputs, bit for bit."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).ravel()
    rows = ", ".join(f"0x{word:08x}u" for word in bits)
    return f"""#include <stdint.h>
extern const uint32_t board_input[], board_steps;
const uint32_t board_steps = {len(x)}u;
const uint32_t board_input[{bits.size}] = {{{rows}}};
"""


def run_model(board: Board, source: Path, x: np.ndarray, flags: Sequence[str] = EXACT, seconds: float = 60) -> ModelRun:
    """A model exported as ``source`` (model.c beside model.h), one step for each row of ``x`` [steps, inputs]."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "input.c"
        inputs.write_text(input_table(x))
        sources = [C / "main.c", source, inputs]
        program = build(board, sources, Path(folder) / "program", (*flags, f"-I{source.parent}"))
        done = run(board, program, seconds)
    stack, empty, *steps = (done.named(name) for name in ("stack", "empty", "shortest", "longest"))
    shortest, longest = (board.instructions(ticks) - board.instructions(empty) for ticks in steps)
    rows = re.findall(r"^[0-9a-f]{8}(?: [0-9a-f]{8})*$", done.output, re.MULTILINE)
    words = np.array([[int(word, 16) for word in row.split()] for row in rows], np.uint32)
    return ModelRun(words.view(np.float32), shortest, longest, stack)
