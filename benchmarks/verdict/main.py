"""The command line: hold the contests, print the table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from gatewise.training.torch_state import at_most_threads

from ..data import FOLDER as DATA
from . import __doc__ as description
from .record import Record, kept, record, written
from .report import table
from .sets import SETS

RESULTS = Path("verdict.jsonl")
QUICK_SERIES = 4


def main(arguments: Sequence[str]) -> None:
    """Every set that was asked for, and the table of all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks verdict",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SERIES} series of each set")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of results, a line of JSON for each series")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the data")
    given = parser.parse_args(arguments)
    with at_most_threads(1):
        most = QUICK_SERIES if given.quick else None
        records = {name: list(run(name, given.data, given.results, most)) for name in given.sets}
    print(table(records))


def run(name: str, data: Path, results: Path, most: int | None) -> Iterator[Record]:
    """The records of a set, those in the file and those that are missing there."""
    found = {one.name: one for one in kept(results) if one.set == name}
    trials = list(islice(SETS[name](data), most))
    yield from (found[trial.name] for trial in trials if trial.name in found)
    missing = [trial for trial in trials if trial.name not in found]
    for number, one in enumerate(written((record(name, trial) for trial in missing), results)):
        if sys.stderr.isatty():
            print(f"\r\033[K{name}: {number + 1} of {len(missing)}", end="", file=sys.stderr, flush=True)
        yield one
