"""The boards, one row each: how a program is built for it and how QEMU emulates it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from gatewise.export.boards import BOARDS as SIZES
from gatewise.export.boards import KIB

SHIFT = 8  # an emulated instruction lasts 2^8 ns, so that several ticks of each clock tell one from two


@dataclass(frozen=True)
class Memory:
    """A region: where it begins and how many bytes it has."""

    at: int
    size: int


@dataclass(frozen=True)
class Board:
    """One row. The machine that compiles is a board without an emulator."""

    compiler: str
    flags: tuple[str, ...]
    start: str  # the file of c/ with reset code, output and clock
    emulator: str = ""
    machine: str = ""
    flash: Memory = Memory(0, 0)
    ram: Memory = Memory(0, 0)
    megahertz: float = 0.0  # of the clock that is read; 0 where the clock counts instructions

    def missing(self) -> list[str]:
        """The programs that must be installed first."""
        return [tool for tool in (self.compiler, self.emulator) if tool and not shutil.which(tool)]

    def instructions(self, ticks: int) -> int:
        """How many instructions last so many ticks: exact, a tick being shorter than an instruction."""
        return round(ticks * 1000 / (self.megahertz * (1 << SHIFT))) if self.megahertz else ticks


def cortex(core: str, machine: str, *more: str, megahertz: float = 25) -> Board:
    """A Cortex-M: QEMU's boards all have flash at 0 and memory at 0x20000000."""
    flash, ram = SIZES[core]
    places = Memory(0, flash), Memory(0x20000000, ram)
    flags = (f"-mcpu={core}", "-mthumb", *more)
    return Board("arm-none-eabi-gcc", flags, "arm.c", "qemu-system-arm", machine, *places, megahertz)


def riscv(architecture: str, abi: str) -> Board:
    """QEMU's ``virt`` with 32 bits: its memory is used for code and data."""
    places = Memory(0x80000000, 8192 * KIB), Memory(0x80800000, 8192 * KIB)
    flags = (f"-march={architecture}", "-misa-spec=2.2", f"-mabi={abi}", "-mcmodel=medany")
    return Board("riscv64-unknown-elf-gcc", flags, "riscv.c", "qemu-system-riscv32", "virt", *places)


BOARDS = {
    "cortex-m0": cortex("cortex-m0", "microbit", megahertz=16),
    "cortex-m3": cortex("cortex-m3", "mps2-an385"),
    "cortex-m4": cortex("cortex-m4", "mps2-an386", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    "cortex-m7": cortex("cortex-m7", "mps2-an500", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
    "cortex-m55": cortex("cortex-m55", "mps3-an547", "-mfloat-abi=hard", megahertz=32),
    "rv32imac": riscv("rv32imac", "ilp32"),
    "rv32imafc": riscv("rv32imafc", "ilp32f"),
    "host": Board("gcc", (), "host.c"),
    "host-clang": Board("clang", (), "host.c"),
}
