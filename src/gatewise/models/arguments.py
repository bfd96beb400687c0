"""What the arguments of forecasters and estimators may be, each rule once; they are checked when they are used."""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np

from ..errors import InputError, argument

if TYPE_CHECKING:
    from ..equation import Cell

# A longer horizon is a slip of the hand, and would fill the memory.
LONGEST_HORIZON = 100_000
# Longer than any history that is at hand.
LONGEST_SEASON = 2**31 - 1
LARGEST_SEED = 2**32 - 1
SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return _is_whole(value) or isinstance(value, float | np.floating)


def whole(name: str, value: object, least: int = 1, most: float = math.inf) -> int:
    """A whole number from ``least`` to ``most``."""
    if not _is_whole(value) or not least <= value <= most:
        limit = "or more" if most == math.inf else f"to {most:,}"
        raise InputError(f"{argument(name)} is {value!r}", hint=f"give a whole number, {least} {limit}")
    return int(value)


def number(name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> float:
    """A number from low to high, an open end left out."""
    if (
        not _is_number(value)
        or not low <= value <= high
        or (open_low and value == low)
        or (open_high and value == high)
    ):
        ends = f"{'above' if open_low else 'at least'} {low:g} and {'below' if open_high else 'at most'} {high:g}"
        raise InputError(f"{argument(name)} is {value!r}", hint=f"give a number {ends}")
    return float(value)


def one_of(name: str, value: object, words: Collection[str]) -> str:
    """One of these words, in whatever case and with ``-`` for ``_``."""
    word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
    plain = {known.replace("_", ""): known for known in words}.get(word.replace("_", ""))
    if plain is None:
        near = [known for known in words if len(word) > 2 and word in known]
        meant = f"; did you mean {near[0]!r}?" if len(near) == 1 else ""
        raise InputError(f"{argument(name)} is {value!r}", hint=f"choose one of {', '.join(words)}{meant}")
    return plain


def percents(name: str, levels: object) -> tuple[int, ...]:
    """Interval levels in percent, increasing, each once: one number or several, between 1 and 99."""
    if _is_whole(levels):
        levels = (levels,)
    if not isinstance(levels, Collection) or isinstance(levels, str | bytes):
        raise InputError(f"{argument(name)} is {levels!r}", hint="give percents such as (80, 95)")
    listed = cast("Collection[Any]", levels)
    for level in listed:
        if not _is_whole(level) or not 1 <= level <= 99:
            raise InputError(
                f"{argument(name)} holds {level!r}", hint="give whole percents from 1 to 99, such as (80, 95)"
            )
    return tuple(sorted({int(level) for level in listed}))


def seconds(name: str, budget: object) -> float | None:
    """A time in seconds from a number, or from text such as ``"60s"``, ``"2m"`` or ``"1h"``; None stays None."""
    if budget is None:
        return None
    value = math.nan
    if _is_number(budget):
        value = float(budget)
    elif isinstance(budget, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", budget)):
        value = float(match[1]) * SECONDS.get(match[2], math.nan)
    if not (0 < value < math.inf):
        raise InputError(f"{argument(name)} is {budget!r}", hint='give seconds of training, such as 60, "60s" or "2m"')
    return value


def cell_of(cell: object) -> Cell:
    """A cell by its name, or a cell. Raises InputError for one whose step reads columns of its own."""
    from ..cells import CELLS  # they bring torch, which the forecaster does without
    from ..equation import Cell

    known = tuple(name for name, known in CELLS.items() if not known.inputs)
    found = cell if isinstance(cell, Cell) else CELLS[one_of("cell", cell, known)]
    if found.inputs:
        what = f"{found.name} reads {', '.join(found.inputs)} itself, and this model gives a step nothing but features"
        raise InputError(what, hint="take another cell, or build the network of gatewise.nn.Recurrent")
    return found


def options_of(options: object, *, projected: bool = True) -> dict[str, Any]:
    """Further arguments of a recurrent stack by name; None for none.

    projected: whether its outputs may have another size than its states. Raises InputError for an argument that there
    is not, or that the estimator itself gives, as it gives sizes.
    """
    from ..nn.options import Options

    known = [*Options.__dataclass_fields__, "bias", *(["proj_size"] if projected else [])]
    if not isinstance(options, Mapping | None):
        raise InputError(
            f"{argument('options')} is {options!r}", hint='give a mapping, such as {"layer_norm": "output"}'
        )
    given = dict(cast("Mapping[Any, Any]", options or {}))
    for name in given:
        if name not in known:
            hint = f"choose of {', '.join(known)}; the estimator's own arguments say the rest"
            raise InputError(f"{argument('options')} has {name!r}", hint=hint)
    return given


def flag(name: str, value: object) -> bool:
    """True or False, or 1 or 0."""
    if isinstance(value, bool | np.bool_) or (_is_whole(value) and value in (0, 1)):
        return bool(value)
    raise InputError(f"{argument(name)} is {value!r}", hint="give True or False")


def seed_of(random_state: object) -> int:
    """A seed out of None (another each time), a whole number, or one of numpy's generators, which moves on."""
    if random_state is None:
        return secrets.randbits(32)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(LARGEST_SEED, dtype=np.int64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(LARGEST_SEED))
    return whole("random_state", random_state, 0, LARGEST_SEED)


def jobs(n_jobs: object) -> int:
    """A number of threads: one for None, all cores for -1.

    One is the default since the steps of small batches are too short to be shared: a second thread whose core is busy
    with something else makes them many times slower.
    """
    if n_jobs is None:
        return 1
    if n_jobs == -1:
        return os.cpu_count() or 1
    return whole("n_jobs", n_jobs)


def settled(given: Mapping[str, object]) -> None:
    """Raise InputError for the first argument that is given, beside ``load``, to what a saved model has settled."""
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{argument(name)} cannot be used with {argument('load')}: the saved model has settled it",
                hint=f"drop {argument(name)}, or train a new model without {argument('load')}",
            )
