"""What may be asked of an estimator, each rule once, checked when it is fitted."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Collection
from typing import Any

import numpy as np

from ..cells import CELLS
from ..equation import Cell
from ..errors import InputError

_LARGEST_SEED = 2**32 - 1


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} is {value!r}", hint=f"give a whole number, {least} or more")
    return int(value)


def number(name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> float:
    """A number from low to high, an open end left out."""
    good = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not good or not low <= value <= high or (open_low and value == low) or (open_high and value == high):
        ends = f"{'above' if open_low else 'at least'} {low:g} and {'below' if open_high else 'at most'} {high:g}"
        raise InputError(f"{name} is {value!r}", hint=f"give a number {ends}")
    return float(value)


def one_of(name: str, value: Any, words: Collection[str]) -> str:
    """One of the words."""
    if not isinstance(value, str) or value not in words:
        raise InputError(f"{name} is {value!r}", hint=f"choose from {', '.join(words)}")
    return value


def cell_of(value: Any) -> Cell:
    """A cell by its name, or a cell."""
    return value if isinstance(value, Cell) else CELLS[one_of("cell", value, tuple(CELLS))]


def seed_of(random_state: Any) -> int:
    """A seed out of None (another each time), a whole number, or one of numpy's generators, which moves on."""
    if random_state is None:
        return secrets.randbits(32)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(_LARGEST_SEED, dtype=np.int64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(_LARGEST_SEED))
    return min(whole("random_state", random_state, 0), _LARGEST_SEED)


def jobs(n_jobs: Any) -> int:
    """A number of threads: one for None, all cores for -1.

    One is the default since the steps of small batches are too short to be shared: a second thread that the machine is
    busy with something else for makes them many times slower.
    """
    if n_jobs is None:
        return 1
    if n_jobs == -1:
        return os.cpu_count() or 1
    return whole("n_jobs", n_jobs)


def not_fitted(estimator: object) -> InputError:
    """The error of an estimator that is asked before it has learned, scikit-learn's too where that is loaded."""
    found = sys.modules.get("sklearn.exceptions")
    kind = type("NotFittedError", (InputError, found.NotFittedError), {}) if found else InputError
    return kind(f"this {type(estimator).__name__} is not fitted", hint="call fit first, or load a saved one")
