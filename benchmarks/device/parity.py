"""C beside Python: random models of every built-in cell, step by step from the beginning.

Every model is exported for one of the four targets in turn, compiled with -ffp-contract=off, and run over random inputs
from N(0, 1). A gap is the largest absolute difference from the module in float64, relative to outputs larger than 1.
Beside it stands the module's own gap in float32: where that is not small, as in memories without a bound, float32 of
any kind cannot do better; then the median of how many times as large C's gaps are. A model holds where C is within
2e-6, or else within three times the module's own gap.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn

from gatewise.cells import CELLS
from gatewise.export.c.layouts import LAYOUTS

from ..tolerance import C_FILE, C_FILE_BESIDE_OURS
from .compiled import InC, exported
from .drawn import Drawn, drawn

STEPS, TOGETHER = 1000, 24  # models in one library
QUICK = 2  # models of each cell
HEADING = f"{'cell':22}{'models':>7}{'within 2e-6':>13}{'largest gap':>13}{'module, float32':>17}{'C / module':>12}  of"
_UNIT = 2.0**-24  # no gap in float32 is less, but by chance


class Gaps(NamedTuple):
    """Of one model, from float64. c: the exported file's. module: the module's in float32."""

    c: float
    module: float
    about: str

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.c <= max(C_FILE, C_FILE_BESIDE_OURS * self.module)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=int, default=1000, help="in all (1000)")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each (1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first model (0)")
    parser.add_argument("--inputs", type=int, default=0, metavar="SEED", help="of the inputs (0)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} models of each cell")
    parser.add_argument("cells", nargs="*", metavar="CELL", help="which (all)")


def measure(given: argparse.Namespace) -> bool:
    """Print a line for every cell; whether all hold."""
    counts = _counts(given.cells or list(CELLS), None if given.quick else given.models)
    print(HEADING)
    found: list[Gaps] = []
    with _progress() as progress:
        task = progress.add_task("", total=sum(counts.values()))
        for name, count in counts.items():
            progress.update(task, description=name)
            gaps: list[Gaps] = []
            every = range(given.seed, given.seed + count)
            for seeds in (every[at : at + TOGETHER] for at in range(0, count, TOGETHER)):
                gaps += gaps_of([drawn(CELLS[name], seed) for seed in seeds], given.steps, given.inputs)
                progress.advance(task, len(seeds))
            print(_row(name, gaps), flush=True)
            found += gaps
    print(_row("all", found))
    return _all_hold(found)


def _progress() -> Progress:
    """A bar on a terminal, which lines go above; where they go into a file, they go there untouched."""
    console, piped = Console(stderr=True), not sys.stdout.isatty()
    return Progress(console=console, transient=True, disable=not console.is_terminal, redirect_stdout=not piped)


def _counts(names: Sequence[str], models: int | None) -> dict[str, int]:
    """How many models of each cell; the last may have fewer."""
    if models is None:
        return dict.fromkeys(names, QUICK)
    most = -(-models // len(names))
    counts = {name: min(most, models - most * at) for at, name in enumerate(names)}
    return {name: count for name, count in counts.items() if count > 0}


def _all_hold(found: Sequence[Gaps]) -> bool:
    wrong = [gaps for gaps in found if not gaps.holds]
    for gaps in wrong:
        print(f"does not hold: {gaps.about}: {gaps.c:.1e}, the module {gaps.module:.1e}")
    return not wrong


def gaps_of(models: Sequence[Drawn], steps: int, inputs: int) -> list[Gaps]:
    """Export, compile and run some models, over inputs of that seed."""
    found: list[Gaps] = []
    with tempfile.TemporaryDirectory() as folder:
        for target, some in _by_target(models).items():
            files = exported([each.model for each in some], Path(folder) / target, "-O1", target=target)
            found += [_gaps(each, file, steps, inputs) for each, file in zip(some, files, strict=True)]
    return found


def _by_target(models: Sequence[Drawn]) -> dict[str, list[Drawn]]:
    return {target: [*models[at :: len(LAYOUTS)]] for at, target in enumerate(LAYOUTS) if models[at :: len(LAYOUTS)]}


@torch.no_grad()
def _gaps(each: Drawn, file: InC, steps: int, inputs: int) -> Gaps:
    x = torch.randn(steps, each.inputs, generator=torch.Generator().manual_seed(inputs))
    exact = _said(copy.deepcopy(each.model).double(), x.double())
    c, module = _gap(file.run(x), exact), _gap(_said(each.model, x), exact)
    return Gaps(c if file.selftest() == 0 else float("inf"), module, each.about)


def _said(model: nn.Module, x: Tensor) -> Tensor:
    return model(x)[0]


def _gap(found: Tensor, exact: Tensor) -> float:
    gap = float((found - exact).abs().max()) / max(1.0, float(exact.abs().max()))
    return gap if gap == gap else float("inf")


def _row(name: str, gaps: Sequence[Gaps]) -> str:
    worst, within = max(gaps), sum(each.c <= C_FILE for each in gaps)
    ratio = statistics.median(each.c / max(each.module, _UNIT) for each in gaps)
    figures = f"{len(gaps):>7}{within:>13}{worst.c:>13.1e}{worst.module:>17.1e}{ratio:>12.1f}"
    return f"{name:22}{figures}  {worst.about}"
