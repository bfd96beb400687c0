"""Labels of public sequences beside the columns that papers print, the badly trained LSTM among them.

    python -m benchmarks classify [SET ...] [--seeds 3] [--updates 1500] [--data FOLDER]

One setting for all sets: the estimator's defaults, which were chosen by cross-validation on the training data of
JapaneseVowels and BasicMotions, and as many passes over each set as make the updates. Nothing was chosen by a test.
Sets are pairs of ``NAME_TRAIN.ts.gz`` and ``NAME_TEST.ts.gz`` of the UEA archive, in
``../shared/data/classification`` or ``--data``; those that are missing are named and left out.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from gatewise.estimators import SequenceClassifier
from gatewise.models.sequence.network import BATCH
from gatewise.tables.labelled import load_labelled

from .data import FOLDER as DATA
from .machine import description as machine

FOLDER = DATA / "classification"
UPDATES = 1_500


@dataclass(frozen=True)
class Published:
    """Accuracy in percent by the kind of model.

    Source of the first six: TimeMixer++ (arXiv:2410.16032), table 20, whose LSTM column is copied from paper to paper;
    ``kernels``: signature kernels, the README of github.com/tgcsaba/KSig. None where nothing is printed.
    """

    lstm: float | None
    lstnet: float | None
    tcn: float | None
    transformer: float | None
    rocket: float | None
    dtw: float | None
    kernels: float


SETS = {
    "JapaneseVowels": Published(79.7, 98.1, 98.9, 98.7, 96.2, 94.9, 98.6),
    "SpokenArabicDigits": Published(31.9, 100.0, 95.6, 98.4, 71.2, 96.3, 98.1),
    "UWaveGestureLibrary": Published(41.2, 87.8, 88.4, 85.6, 94.4, 90.3, 91.2),
    "CharacterTrajectories": Published(None, None, None, None, None, None, 99.1),
    "PenDigits": Published(None, None, None, None, None, None, 98.9),
}


@dataclass(frozen=True)
class Data:
    """Sequences, and the label of each."""

    X: list[Any]
    y: list[str]


def main(arguments: Sequence[str]) -> None:
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := set(given.sets) - set(SETS):
        parser.error(f"there is no set {', '.join(sorted(unknown))}")
    print(json.dumps(machine()), flush=True)
    names = given.sets or list(SETS)
    there = [name for name in names if all(_path(given.data, name, part).exists() for part in ("TRAIN", "TEST"))]
    if missing := [name for name in names if name not in there]:
        print(f"not in {given.data.name}: {', '.join(missing)}")
    print(
        "| set | learned from, tested on | LSTM here, % | LSTM | LSTNet | TCN | Transformer | Rocket | DTW | kernels |"
    )
    for name in there:
        print(_row(name, given), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks classify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{', '.join(SETS)}; by default all")
    parser.add_argument("--seeds", type=int, default=3, help="runs, with seeds from 0")
    parser.add_argument("--updates", type=int, default=UPDATES, help="of the weights, at least, in whole passes")
    parser.add_argument("--data", type=Path, default=FOLDER)
    return parser


def _path(folder: Path, name: str, part: str) -> Path:
    return folder / f"{name}_{part}.ts.gz"


def _data(folder: Path, name: str, part: str) -> Data:
    read = load_labelled(_path(folder, name, part))
    return Data(list(read.sequences), list(read.labels))


def epochs(updates: int, sequences: int) -> int:
    """Passes that make so many updates."""
    return math.ceil(updates / math.ceil(sequences / BATCH))


def _row(name: str, given: argparse.Namespace) -> str:
    """A line of the table; what it took goes to standard error."""
    train, test = (_data(given.data, name, part) for part in ("TRAIN", "TEST"))
    scores: list[float] = []
    for seed in range(given.seeds):
        begun = time.monotonic()
        model = SequenceClassifier(max_epochs=epochs(given.updates, len(train.X)), random_state=seed)
        model.fit(train.X, train.y)
        scores.append(100 * model.score(test.X, test.y))
        print(f"{name}, seed {seed}: {scores[-1]:.2f} %, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    spread = f" ± {stdev(scores):.1f}" if len(scores) > 1 else ""
    columns = ["" if value is None else f"{value:.1f}" for value in vars(SETS[name]).values()]
    cells = [name, f"{len(train.X):,}, {len(test.X):,}", f"{mean(scores):.1f}{spread}", *columns]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
