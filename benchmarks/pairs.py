"""What products in bfloat16 should gain on processors that have instructions for them, as LLVM's models of them say.

    python -m benchmarks pairs [--cells NAME ...] [--processors NAME ...]

A prediction, and nothing that ran: the inner loop of each forward kernel is compiled for a processor, and llvm-mca (20
or later, Debian's llvm-22) counts its cycles, with everything in the first cache. Where it is not installed this says
so.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from llvmlite import binding
from rich.console import Console

from gatewise.cells import CELLS
from gatewise.compiler.stages import Sweep, forward_sweep, with_pairs
from gatewise.kernels.cpu.blocking import AVX512, MOST_VECTORS, Machine, tile_of
from gatewise.kernels.cpu.compile import llvm_text, optimised

from .cpu.report import show
from .cpu.result import Finding, Row

AVX512_BF16 = Machine(32, AVX512, "avx512bf16")
PROCESSORS = ("sapphirerapids", "znver4")
UNITS = (128, 256, 512)
_X86 = "x86_64-unknown-linux-gnu"
_TOOLS = ("llvm-mca", *(f"llvm-mca-{version}" for version in range(30, 19, -1)))
_OLDEST = 20
_ROUNDS = 1000
_LABEL = re.compile(r"^(\S+):")
_JUMP = re.compile(r"^\s+(?:j\w+|b\.\w+)\s+(\S+)")


def main(arguments: Sequence[str]) -> None:
    """Predict and print."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks pairs", description=__doc__, formatter_class=form)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=["lstm", "gru"], metavar="NAME")
    parser.add_argument("--processors", nargs="+", default=PROCESSORS, metavar="NAME", help=", ".join(PROCESSORS))
    options = parser.parse_args(arguments)
    tool = analyser()
    if tool is None:
        print(f"llvm-mca {_OLDEST} or later is not installed (Debian: llvm-22): nothing to predict with")
        return
    rows = [row for cell in options.cells for name in options.processors for row in _predicted(tool, cell, name)]
    finding = Finding("Predicted, not measured: thousand cycles of products for one row of a step, I = H", rows, [])
    show(finding, Console(width=180))


def analyser() -> str | None:
    """llvm-mca, where one is installed that knows these processors."""
    for name in _TOOLS:
        if shutil.which(name):
            told = subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout
            version = re.search(r"LLVM version (\d+)", told)
            if version and int(version[1]) >= _OLDEST:
                return name
    return None


def assembly(sweep: Sweep, machine: Machine, processor: str, *, vectors: int = MOST_VECTORS, triple: str = _X86) -> str:
    """A kernel's machine code for another processor, as text."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    module = optimised(llvm_text(sweep, torch.float32, vectors, machine=machine))
    target = binding.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3)
    return target.emit_assembly(module)


@dataclass(frozen=True)
class Loop:
    """A loop without others inside. function: where it stands. body: its instructions."""

    function: str
    body: tuple[str, ...]

    def count(self, mnemonic: str) -> int:
        """How many instructions of a kind it has."""
        return sum(line.split()[0] == mnemonic for line in self.body)


def inner_loops(text: str) -> Iterator[Loop]:
    """All of them, in order: what stands between a label and a jump back to it, without a label or jump between."""
    function = label = ""
    body: list[str] = []
    for line in text.splitlines():
        if named := _LABEL.match(line):
            label, body = named[1], []
            function = function if label.startswith(".") else label
        elif line.startswith("\t") and not line.strip().startswith((".", "#", "//")):
            body.append(line.split("#")[0].rstrip())
            jump = _JUMP.match(line)
            if jump and jump[1] == label:
                yield Loop(function, tuple(body))


def cycles(tool: str, processor: str, loop: Loop) -> float:
    """Of one round, as the processor's model has it."""
    command = [tool, f"-mtriple={_X86}", f"-mcpu={processor}", f"-iterations={_ROUNDS}", "-instruction-info=false"]
    command += ["-resource-pressure=false"]
    told = subprocess.run(command, input="\n".join(loop.body), capture_output=True, text=True, check=True).stdout
    total = re.search(r"Total Cycles:\s+(\d+)", told)
    assert total is not None, told
    return int(total[1]) / _ROUNDS


def _predicted(tool: str, cell: str, processor: str) -> Iterator[Row]:
    sweep = forward_sweep(CELLS[cell], keep=False)
    tile = tile_of(sweep.stages[0], torch.float32, AVX512_BF16, MOST_VECTORS)
    kinds = (("float32", sweep, "vfmadd231ps", 1), ("bfloat16", with_pairs(sweep), "vdpbf16ps", 2))
    for kind, each, instruction, at_once in kinds:
        found = [loop for loop in inner_loops(assembly(each, AVX512_BF16, processor)) if loop.count(instruction)]
        widest = max((loop for loop in found if "_tile" in loop.function), key=lambda loop: loop.count(instruction))
        round_ = cycles(tool, processor, widest)
        figures = {"instructions a round": float(widest.count(instruction)), "cycles a round": round_}
        for units in UNITS:
            terms, blocks = 2 * units / at_once, units / tile.units
            figures[f"H {units}"] = round_ * terms * blocks / tile.rows / 1e3
        yield Row(f"{cell}, {kind}, {processor}", 1, figures=figures)
