"""The command line: train, print, draw."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gatewise.training.torch_state import at_most_threads

from ..conformance.data.files import chorales
from . import __doc__ as description
from .cures import CURES, NOTHING, Cure
from .experiment import Data, Outcome, course
from .picture import drawn
from .plan import QUICK, Plan
from .report import HEADING, page, rows


def main(arguments: Sequence[str]) -> None:
    """Run every cure with every seed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks overfitting",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="one seed, a smaller network and fewer chorales")
    parser.add_argument("--plot", type=Path, help="draw the curves there, as SVG")
    parser.add_argument("--markdown", type=Path, help="write a page there")
    given = parser.parse_args(arguments)
    plan, begun = QUICK if given.quick else Plan(), time.process_time()
    data = {part: found[: plan.chorales if part == "train" else plan.held_out] for part, found in chorales().items()}
    with at_most_threads(1):  # a network this small gains nothing from a second
        outcomes = [outcome(cure, data, plan) for cure in (NOTHING, *CURES)]
    _progress("")
    Console(width=None if sys.stdout.isatty() else 120).print(_table(outcomes))
    if given.plot:
        given.plot.write_text(drawn(outcomes, plan), encoding="utf-8")
    if given.markdown:
        picture = os.path.relpath(given.plot, given.markdown.parent) if given.plot else ""
        given.markdown.write_text(page(outcomes, plan, time.process_time() - begun, picture), encoding="utf-8")


def outcome(cure: Cure, data: Data, plan: Plan) -> Outcome:
    """One cure with every seed."""
    courses = []
    for seed in range(plan.seeds):
        _progress(f"{cure.name}, seed {seed}")
        courses.append(course(cure, data, plan, seed))
    return Outcome(cure, courses)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="Negative log-likelihood of a chord in nats", title_justify="left", title_style="bold")
    for place, heading in enumerate(HEADING):
        table.add_column(heading, justify="right" if place else "left")
    for row in rows(outcomes):
        table.add_row(*row)
    return table


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
