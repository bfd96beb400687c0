"""How much the boards hold on which exported C is tested; what is emulated there, and how, is in examples/boards."""

from __future__ import annotations

from typing import NamedTuple

KIB = 1 << 10


class BoardMemory(NamedTuple):
    """Bytes of flash and of RAM."""

    flash: int
    ram: int


BOARDS = {
    "cortex-m0": BoardMemory(256 * KIB, 16 * KIB),  # micro:bit
    "cortex-m55": BoardMemory(512 * KIB, 512 * KIB),  # MPS3 with AN547
    "cortex-m3": BoardMemory(4096 * KIB, 4096 * KIB),  # MPS2 with AN385, and likewise the next two
    "cortex-m4": BoardMemory(4096 * KIB, 4096 * KIB),
    "cortex-m7": BoardMemory(4096 * KIB, 4096 * KIB),
}
"""By the names that ``python -m examples.boards`` knows, the smallest first."""


def smallest(flash: int, ram: int) -> str:
    """The smallest board that holds so many bytes of weights and of states and arrays; "" where none does.

    The program around the model, some kilobytes, is not counted.
    """
    return next((name for name, board in BOARDS.items() if flash <= board.flash and ram <= board.ram), "")
