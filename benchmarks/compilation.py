"""What it takes to make machine code: every kernel of the cells, in Python, in LLVM's passes and in its code generator.

    python -m benchmarks compile [--only calls] [--cells NAME ...] [--repeat 3] [--json FILE] [--markdown FILE]

A cell has kernels for inference, for training, for its backward pass and for one that is given gradients of all states;
each for float32 and float64, for few rows and for many, these for every width of its tiles. A call compiles the two or
three that it needs; a new process for each kind of call tells how long the first takes, where no machine code is kept
and where it is. Seconds are those of the process, the least of several runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console

from gatewise import cache
from gatewise.cells import CELLS
from gatewise.compiler.stages import Sweep, backward_sweep, forward_sweep
from gatewise.equation import Cell
from gatewise.kernels.cpu.blocking import this_machine, widths
from gatewise.kernels.cpu.compile import FOR_FEW_ROWS, llvm_text, optimised, target_machine
from gatewise.kernels.cpu.driver import DTYPES
from gatewise.transforms import layer_norm

from .cpu.report import markdown, show, write
from .cpu.result import Finding, Row, Verdict
from .first_call import KINDS as KINDS_OF_CALL

# Layer normalisation cuts a step into stages, and has the longest programs.
KINDS = {
    **CELLS,
    "lstm, layer norm": layer_norm(CELLS["lstm"], "memory"),
    "slstm, layer norm": layer_norm(CELLS["slstm"]),
}
_LONGEST = 0.6  # seconds
_FIRST, _FROM_CACHE = 0.8, 0.1
PARTS = ("kernels", "calls")


@dataclass(frozen=True)
class Cost:
    """Of one kernel: seconds in Python, LLVM's passes and its code generator, and bytes of the object file."""

    cell: str
    kernel: str
    python: float
    passes: float
    generator: float
    size: int

    @property
    def seconds(self) -> float:
        """In all."""
        return self.python + self.passes + self.generator


def main(arguments: Sequence[str]) -> None:
    """Measure and print the tables."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks compile", description=__doc__, formatter_class=form)
    parser.add_argument("--cells", nargs="+", choices=KINDS, default=list(KINDS), metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="kernels, first calls; default: both")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the least counts")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    options = parser.parse_args(arguments)
    findings: list[Finding] = []
    if "kernels" in options.only:
        costs = [cost for name in options.cells for cost in costs_of(name, options.repeat)]
        findings += [_by("cell", costs, lambda cost: cost.cell), _by("kernel", costs, lambda cost: cost.kernel)]
    if "calls" in options.only:
        findings.append(first_calls(options.repeat))
    for finding in findings:
        show(finding, Console(width=None if sys.stdout.isatty() else 180))
    if options.json:
        write(findings, options.json)
    if options.markdown:
        options.markdown.write_text(markdown(findings))


def sweeps_of(cell: Cell) -> dict[str, Sweep]:
    """The passes that a cell is compiled for."""
    sweeps = {
        "inference": forward_sweep(cell, keep=False),
        "training": forward_sweep(cell, keep=True),
        "backward": backward_sweep(cell),
    }
    if len(cell.state) > 1:
        sweeps["backward, all states"] = backward_sweep(cell, histories=True)
    return sweeps


def costs_of(name: str, repeat: int) -> Iterator[Cost]:
    """What each kernel of a cell costs."""
    for kernel, sweep in sweeps_of(KINDS[name]).items():
        for dtype in DTYPES:
            for width in (FOR_FEW_ROWS, *widths(sweep.stages, dtype, this_machine())):
                rows = "few rows" if width == FOR_FEW_ROWS else "many rows"
                runs = [_cost(name, f"{kernel}, {rows}", sweep, dtype, width) for _ in range(repeat)]
                yield min(runs, key=lambda cost: cost.seconds)


def _cost(name: str, kernel: str, sweep: Sweep, dtype: torch.dtype, width: int) -> Cost:
    begun = time.process_time()
    text = llvm_text(sweep, dtype, width)
    written = time.process_time()
    module = optimised(text)
    passed = time.process_time()
    code = target_machine().emit_object(module)
    return Cost(name, kernel, written - begun, passed - written, time.process_time() - passed, len(code))


def _by(what: str, costs: Sequence[Cost], key: Callable[[Cost], str]) -> Finding:
    rows = [_row(name, [cost for cost in costs if key(cost) == name]) for name in dict.fromkeys(map(key, costs))]
    longest = max(costs, key=lambda cost: cost.seconds)
    reached = f"{longest.seconds:.2f} s: {longest.cell}, {longest.kernel}"
    goal = Verdict(f"at most {_LONGEST} s each", reached, longest.seconds <= _LONGEST)
    return Finding(f"seconds to compile kernels, by {what}", rows, [goal])


def _row(name: str, costs: Sequence[Cost]) -> Row:
    figures = {
        "kernels": len(costs),
        "mean": sum(cost.seconds for cost in costs) / len(costs),
        "longest": max(cost.seconds for cost in costs),
        "all": sum(cost.seconds for cost in costs),
        "Python": sum(cost.python for cost in costs),
        "passes": sum(cost.passes for cost in costs),
        "code": sum(cost.generator for cost in costs),
        "KiB": sum(cost.size for cost in costs) / 1024,
    }
    return Row(name, 1, figures=figures)


def first_calls(repeat: int) -> Finding:
    """Seconds that the first call of a kind takes, where nothing is kept and where another process has made it all."""
    rows: list[Row] = []
    for kind in KINDS_OF_CALL:
        with TemporaryDirectory() as folder:
            compiled = min(_first_call(kind, cache.OFF) for _ in range(repeat))
            kept = min(_first_call(kind, folder) for _ in range(repeat + 1))  # of which the first has to compile
        rows.append(Row(kind, 1, figures={"compiled": compiled, "from the cache": kept}))
    goals = [_at_most(seconds, name, rows) for name, seconds in (("compiled", _FIRST), ("from the cache", _FROM_CACHE))]
    return Finding("the first call of a kind, seconds of a new process", rows, goals)


def _first_call(kind: str, folder: str) -> float:
    command, environment = [sys.executable, "-m", "benchmarks.first_call", kind], os.environ | {cache.VARIABLE: folder}
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def _at_most(seconds: float, name: str, rows: Sequence[Row]) -> Verdict:
    slowest = max(rows, key=lambda row: row.figures[name])
    longest = slowest.figures[name]
    return Verdict(f"at most {seconds} s {name}", f"{longest:.2f} s, {slowest.case}", longest <= seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
