"""Real series of ``corpus.toml``: for training, or for validation.

python -m benchmarks corpus           # what there is, and what was removed as too close to a held-out series
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from gatewise.files import atomic_write
from gatewise.synthetic import Recorded
from gatewise.tables.panel import Floats

from .duplicates import is_close_to_held_out
from .listed import LISTED, listed, package
from .readers import READERS, Entry
from .wheels import CACHE, members

FEWEST, FEWEST_VALUES = 12, 4
"""Series shorter than this many steps, or with fewer different values, are left out."""
MOST_MISSING = 0.25
"""The share of steps from which on a mean over them is missing."""


@cache
def series(use: str) -> tuple[Recorded, ...]:
    """The series of one use, ``"training"`` or ``"validation"``, without near-duplicates of held-out ones."""
    path = CACHE / f"{use}-{_version()}.pickle"
    if not path.exists():
        kept = tuple(each for each in read(use) if not is_close_to_held_out(each))
        atomic_write(path, pickle.dumps(kept))
    return pickle.loads(path.read_bytes())


def _version() -> str:
    """A hash of what the series are made by: the list, and the code beside it."""
    parts = [LISTED, *(Path(__file__).with_name(f"{name}.py") for name in ("corpus", "readers", "duplicates"))]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]


def read(use: str) -> Iterator[Recorded]:
    """The series of one use, all of them."""
    for entry in listed()["sets"]:
        if entry["use"] in (use, "split"):
            yield from (each for each in _read(entry) if entry["use"] == use or _side(each.name) == use)


def _read(entry: Entry) -> Iterator[Recorded]:
    second = int(entry.get("second_season", 1))
    for name, values in _named(entry):
        for steps, season in {1: entry["season"], **{int(k): v for k, v in entry["longer"].items()}}.items():
            found = _trimmed(_joined(values, steps, bool(entry.get("mean"))))
            if len(found) >= FEWEST and len(np.unique(found[~np.isnan(found)])) >= FEWEST_VALUES:
                longer = 7 * season if season in (24, 48) and second > 1 else second if steps == 1 else 1
                yield Recorded(entry["name"], name, found, season, longer)


def _named(entry: Entry) -> Iterator[tuple[str, Floats]]:
    """The series of all files of a set; those of several files have the file's name before their own."""
    several = "*" in entry["file"]
    for file, content in members(package(entry["package"]), entry["file"]):
        for name, values in READERS[entry["reader"]](content, entry):
            yield (f"{Path(file).stem} {name}" if several else name), values


def _side(name: str) -> str:
    """Which side a series of a split set is on; all its aggregates are on the same."""
    return "validation" if zlib.crc32(name.encode()) % 3 == 0 else "training"


def _joined(values: Floats, steps: int, mean: bool) -> Floats:
    """Sums or means of so many steps at a time, up to the end; NaN where one step of a sum or a quarter is missing."""
    if steps == 1:
        return values
    whole = values[len(values) % steps :].reshape(-1, steps)
    if not mean:
        return whole.sum(axis=1)
    seen = ~np.isnan(whole)
    means = np.where(seen, whole, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.where(seen.mean(axis=1) > 1 - MOST_MISSING, means, np.nan)


def _trimmed(values: Floats) -> Floats:
    """From the first to the last value that was observed."""
    seen = np.flatnonzero(~np.isnan(values))
    return values[seen[0] : seen[-1] + 1] if len(seen) else values[:0]


def main(arguments: Sequence[str]) -> None:
    """Print how many series of each set there are for each use."""
    argparse.ArgumentParser(prog="python -m benchmarks corpus", description=__doc__).parse_args(arguments)
    for use in ("training", "validation"):
        every, kept = list(read(use)), series(use)
        before = Counter((each.set, each.season) for each in every)
        after = Counter((each.set, each.season) for each in kept)
        points = sum(len(each.values) for each in kept)
        print(f"{use}: {len(kept):,} series, {points:,} values")
        for key, count in before.items():
            print(f"  {key[0]:24} season {key[1]:4} {after[key]:6,} of {count:6,}")
