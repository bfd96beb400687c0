"""Compile C for a board and run it there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .table import SHIFT, Board

C = Path(__file__).parent / "c"
LANGUAGE = ("-std=c11", "-Wall", "-Wextra", "-Werror")
EXACT = ("-O2", "-ffp-contract=off")  # no fused multiply-add: the same bits on every board


@dataclass(frozen=True)
class Run:
    """What a program on a board has done."""

    code: int
    output: str

    def named(self, name: str) -> int:
        """A number that the program wrote in hexadecimal after its name."""
        found = re.search(rf"^{name} ([0-9a-f]{{8}})$", self.output, re.MULTILINE)
        if found is None:
            raise ValueError(f"the program ended with {self.code} and wrote no '{name}': {self.output[-200:]!r}")
        return int(found[1], 16)


def build(board: Board, sources: Sequence[Path], out: Path, flags: Sequence[str] = EXACT) -> Path:
    """Sources and the board's start-up code as one program at ``out``.

    Raises RuntimeError with what the compiler says.
    """
    command = [board.compiler, *board.flags, *LANGUAGE, *flags, f"-I{C}", C / board.start, *sources, "-o", out]
    if board.emulator:
        memory = {"flash": board.flash, "ram": board.ram}
        places = [f"-Wl,--defsym={n}_at={m.at},--defsym={n}_size={m.size}" for n, m in memory.items()]
        command += [C / "board.c", "-ffreestanding", "-nostdlib", "-ffunction-sections", "-fdata-sections"]
        command += [*places, "-Wl,--gc-sections", "-T", C / "board.ld", "-lgcc"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{board.compiler}: {done.stderr.strip()}")
    return out


def run(board: Board, program: Path, seconds: float = 60) -> Run:
    """Run the program to its end; its code is what its main returned, or 99 after a fault."""
    command = [str(program)]
    if board.emulator:
        clock = f"shift={SHIFT if board.megahertz else 0},align=off,sleep=off"
        firmware = ["-bios", "none"] if "riscv" in board.emulator else []
        command = [board.emulator, "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none", *firmware]
        command += ["-chardev", "stdio,id=sh", "-semihosting-config", "enable=on,target=native,chardev=sh"]
        command += ["-icount", clock, "-kernel", str(program)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    return Run(done.returncode, done.stdout)
