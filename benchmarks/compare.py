"""Comparisons of kinds of models, made twice: is the time kept, are conditions equal, and are the verdicts the same?

    python -m benchmarks compare [japanese_vowels] [air_passengers] [multi30k] [--minutes 5] [--runs 2] [--data FOLDER]

Prints of each run the verdict and every model's score, claim, parameters, seconds and updates; then what was promised:
minutes kept, parameters within 2 %, seconds within 5 %. It ends with 1 where one of these does not hold. How many
claims two runs share is printed; runs differ by what the clock lets them do. Without names the first two are compared.
Needs JapaneseVowels of the UEA archive as ``.ts.gz`` in ``classification``, and for the third task 1 of Multi30k, as
``train.de.gz`` and so on, in ``translation``, both in ``../shared/data`` or ``--data``. Sentences are German to
English, tested on test2016, and need an hour or more.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gatewise.compare import Comparison, classification, compare, forecasting, translation
from gatewise.estimators import load_pairs
from gatewise.models.compare.task import Task
from gatewise.tables.labelled import load_labelled

from .data import FOLDER
from .machine import description as machine
from .tolerance import PARAMETERS, SECONDS

ROOT = Path(__file__).parents[1]


def japanese_vowels(folder: Path) -> Task:
    paths = (folder / "classification" / f"JapaneseVowels_{part}.ts.gz" for part in ("TRAIN", "TEST"))
    train, test = map(load_labelled, paths)
    held_out = test.sequences, list(test.labels)
    return classification(train.sequences, list(train.labels), test=held_out, source="JapaneseVowels")


def air_passengers(folder: Path) -> Task:
    return forecasting(ROOT / "examples" / "air_passengers.csv", 12, source="AirPassengers")


def multi30k(folder: Path) -> Task:
    lines = folder / "translation"
    train, test = (
        load_pairs(lines / f"{name}.de.gz", lines / f"{name}.en.gz") for name in ("train", "test_2016_flickr")
    )
    return translation(train.source, train.target, test=(test.source, test.target), source="Multi30k de-en")


TASKS: dict[str, Callable[[Path], Task]] = {
    "japanese_vowels": japanese_vowels,
    "air_passengers": air_passengers,
    "multi30k": multi30k,
}
DEFAULT = ("japanese_vowels", "air_passengers")


def main(arguments: Sequence[str]) -> None:
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := set(given.tasks) - set(TASKS):
        parser.error(f"there is no task {', '.join(sorted(unknown))}")
    print(json.dumps(machine()), flush=True)
    broken: list[str] = []
    for name in given.tasks or DEFAULT:
        runs = [_run(name, given) for _ in range(given.runs)]
        for run in runs:
            broken += [f"{name}: {what}" for what in promises(run, given.minutes)]
        print(f"{name}: {agreement(runs)}")
    print("\n".join(f"does not hold: {line}" for line in broken) or "minutes, parameters and seconds are as promised")
    if broken:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"{' or '.join(TASKS)}; by default the first two")
    parser.add_argument("--minutes", type=float, default=5.0, help="of each comparison")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--data", type=Path, default=FOLDER)
    return parser


def _run(name: str, given: argparse.Namespace) -> Comparison:
    begun = time.monotonic()
    comparison = compare(TASKS[name](given.data), minutes=given.minutes, begun=begun)
    print(f"{comparison} ({comparison.seconds:.0f} s)")
    for entry in comparison.networks:
        assert entry.training
        assert entry.size
        assert entry.speed
        print(
            f"  {entry.name}: {comparison.measure.shown(entry.score)} \u00b1 {entry.spread:.3g}, {entry.claim}, "
            f"{entry.size.parameters:,} parameters, {max(entry.training.seconds):.2f} s, "
            f"{min(entry.training.updates):,} updates, {entry.speed.median:.3g} \u00b5s a step",
            flush=True,
        )
    return comparison


def promises(comparison: Comparison, minutes: float) -> list[str]:
    """What of the conditions does not hold."""
    trainings = [entry.training for entry in comparison.networks if entry.training]
    parameters = [entry.size.parameters for entry in comparison.networks if entry.size]
    seconds = [second for training in trainings for second in training.seconds]
    found = {
        f"{comparison.seconds:.0f} s of {60 * minutes:.0f}": comparison.seconds > 60 * minutes,
        f"parameters from {min(parameters):,} to {max(parameters):,}": max(parameters)
        > (1 + PARAMETERS) * min(parameters),
        f"seconds from {min(seconds):.2f} to {max(seconds):.2f}": max(seconds) > (1 + SECONDS) * min(seconds),
    }
    return [what for what, is_broken in found.items() if is_broken]


def agreement(runs: Sequence[Comparison]) -> str:
    """How many of the claims all runs share."""
    claims = [{entry.name: entry.claim for entry in run.entries} for run in runs]
    shared = sum(len({claim[name] for claim in claims}) == 1 for name in claims[0])
    best = sorted({run.best.name for run in runs})
    return f"{shared} of {len(claims[0])} claims are the same in {len(runs)} runs; best: {', '.join(best)}"


if __name__ == "__main__":
    main(sys.argv[1:])
