"""The command line: which programs run, and what becomes of their figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

import gatewise.nn

from ..cpu.parity import ParityError
from ..cpu.report import markdown, show, write
from ..cpu.result import Finding, Row, Verdict, threads
from ..measure import alternately, geometric_mean
from ..tolerance import LOSS
from . import __doc__ as description
from . import control, language, series, sound, speech
from .program import Library, Program, Step

PROGRAMS: dict[str, Program] = {
    **language.PROGRAMS,
    **series.PROGRAMS,
    **control.PROGRAMS,
    **speech.PROGRAMS,
    **sound.PROGRAMS,
}
LIBRARIES: dict[str, Library] = {"gatewise": gatewise.nn, "torch.nn": torch.nn}

_STEPS = 3  # whose losses are compared
_LEAST = 0.95


def main(arguments: Sequence[str]) -> None:
    """Run, print, and exit with 1 where losses differ."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks programs",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, metavar="PROGRAM", help=f"of {'; '.join(PROGRAMS)}")
    parser.add_argument("--seconds", type=float, default=2.0, help="of measurement for each program (2)")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    given = parser.parse_args(arguments)
    try:
        finding = measured(given.only or list(PROGRAMS), given.seconds)
    except ParityError as error:
        sys.exit(f"losses differ, nothing more is timed: {error}")
    show(finding, Console(width=None if sys.stdout.isatty() else 180))
    if given.json:
        write([finding], given.json)
    if given.markdown:
        given.markdown.write_text(markdown([finding]))


def measured(names: Sequence[str], seconds: float) -> Finding:
    """These programs, compared and then timed for so many seconds each.

    Raises:
        ParityError: Losses differ.
    """
    rows: list[Row] = []
    with threads(1):
        for name in names:
            apart = compared(name)
            samples = alternately({library: _step(name, library) for library in LIBRARIES}, seconds)
            rows.append(Row.of(name, samples, **{"losses apart": apart}))
    ratios = {row.case: row.ratios["torch.nn"].median for row in rows}
    lowest = min(ratios, key=lambda name: ratios[name])
    verdicts = [
        Verdict(f"no program under {_LEAST} x", f"{ratios[lowest]:.2f} x, {lowest}", ratios[lowest] >= _LEAST),
        Verdict("geometric mean at least 1.0 x", f"{(mean := geometric_mean(ratios.values())):.2f} x", mean >= 1),
    ]
    return Finding("programs, a training step", rows, verdicts)


def _step(name: str, library: str) -> Step:
    torch.manual_seed(0)
    return PROGRAMS[name](LIBRARIES[library])


def compared(name: str) -> float:
    """By how much the losses of a program's first steps differ, relative to the larger.

    Raises:
        ParityError: It is more than rounding.
    """
    mine, theirs = (_losses(name, library) for library in LIBRARIES)
    apart = max(abs(a - b) / max(abs(a), abs(b)) for a, b in zip(mine, theirs, strict=True))
    if not apart <= LOSS:
        raise ParityError(f"{name}: {mine} here, {theirs} by torch.nn")
    return apart


def _losses(name: str, library: str) -> list[float]:
    step = _step(name, library)
    torch.manual_seed(1)  # the same masks, whatever was drawn for weights
    return [float(step()) for _ in range(_STEPS)]
