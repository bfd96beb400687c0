"""The command line: which sections run, in what order, and what becomes of their findings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from . import __doc__ as description
from . import against_peers, costs, episodes, small_calls, variants
from .parity import ParityError
from .plan import Plan
from .report import markdown, show, write
from .result import Finding

SECTIONS: dict[str, Callable[[Plan], Finding]] = {
    **against_peers.SECTIONS,
    **variants.SECTIONS,
    **costs.SECTIONS,
    **episodes.SECTIONS,
    **small_calls.SECTIONS,
}


def main(arguments: Sequence[str]) -> None:
    """Run, print, and exit with 1 where results differ."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks cpu", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less time for each case, torch.nn as the only peer")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--threads", nargs="+", type=int, choices=(1, 2), default=[1, 2])
    parser.add_argument("--seconds", type=float, help="of measurement for each case (5, with --quick 1)")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    given = parser.parse_args(arguments)
    plan = Plan(given.seconds or (1.0 if given.quick else 5.0), tuple(given.threads), given.quick, _progress)
    console = Console(width=None if sys.stdout.isatty() else 180)
    findings: list[Finding] = []
    try:
        for name in given.only or SECTIONS:
            findings.append(SECTIONS[name](plan))
            _progress("")
            show(findings[-1], console)
    except ParityError as error:
        sys.exit(f"parity is red, nothing more is timed: {error}")
    if given.json:
        write(findings, given.json)
    if given.markdown:
        given.markdown.write_text(markdown(findings))


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
