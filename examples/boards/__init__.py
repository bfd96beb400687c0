"""Run an exported C file on an emulated microcontroller: ``python -m examples.boards cortex-m4 model.c``.

Nothing but the compiler of the board and QEMU is needed: reset code, linker script, output and the count of
instructions are the few files in ``c/``, without a C library.
"""

from .model import ModelRun, run_model
from .program import Run, build, run
from .table import BOARDS, Board

__all__ = ["BOARDS", "Board", "ModelRun", "Run", "build", "run", "run_model"]
