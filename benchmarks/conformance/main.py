"""The command line: which lines run, and what becomes of them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from . import __doc__ as description
from .report import markdown, show, verdicts, write
from .runner import Line, run
from .table import FORMS
from .task import Task, judged_by

SEEDS = {"full": 5, "quick": 2}


def main(arguments: Sequence[str]) -> None:
    """Run, print, and exit with 1 where a pass line is missed."""
    given = _parser().parse_args(arguments)
    form = "quick" if given.quick else "full"
    console = Console(width=None if sys.stdout.isatty() else 180)
    tasks = _wanted(FORMS[form](), given.only, console)
    if given.judged:
        tasks = [task.only(*judged_by(task)) for task in tasks]
    begun, lines = time.monotonic(), list[Line]()
    for line in run(form, tasks, given.seeds or SEEDS[form], _progress):
        _progress("")
        show(line, console)
        lines.append(line)
        seconds = time.monotonic() - begun
        if given.json:  # after every line: a run of an hour that breaks off has something to show
            write(lines, given.json)
        if given.markdown:
            command = " ".join(("python -m benchmarks conformance", *arguments))
            given.markdown.write_text(markdown(lines, command, seconds))
    missed = sum(not verdict.holds for line in lines for verdict in verdicts(line))
    console.print(
        f"\n{sum(map(len, map(verdicts, lines)))} goals, {missed} missed, {time.monotonic() - begun:.0f} s",
        highlight=False,
    )
    sys.exit(1 if missed else 0)


def _parser() -> argparse.ArgumentParser:
    names = sorted({task.line for form in FORMS.values() for task in form()}, key=lambda name: (len(name), name))
    parser = argparse.ArgumentParser(prog="python -m benchmarks conformance", description=description)
    parser.add_argument("--quick", action="store_true", help="what takes seconds: no data sets, shorter lags, 2 seeds")
    parser.add_argument("--only", nargs="+", choices=names, metavar="LINE", help=f"of {', '.join(names)}")
    parser.add_argument("--judged", action="store_true", help="only what pass lines are about, without peers")
    parser.add_argument("--seeds", type=int, help="of each contender (5, with --quick 2)")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    return parser


def _wanted(tasks: Sequence[Task], only: Sequence[str] | None, console: Console) -> list[Task]:
    """The lines asked for, without those whose data are not at hand; of these says so."""
    wanted = [task for task in tasks if only is None or task.line in only]
    for task in wanted:
        if not task.is_ready:
            console.print(f"[red]skipped[/]  {task.line} {task.name}: {task.needs} is not there", highlight=False)
    return [task for task in wanted if task.is_ready]


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
