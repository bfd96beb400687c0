"""What a user may ask of a forecaster, each rule once."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any, TypeGuard, cast

import numpy as np

from ..errors import InputError

# A longer horizon is a slip of the hand, and would fill the memory.
LONGEST_HORIZON = 100_000
LARGEST_SEED = 2**32 - 1
SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def whole(name: str, value: object, least: int = 1, most: float = math.inf) -> int:
    """A whole number from ``least`` to ``most``."""
    if not _is_whole(value) or not least <= value <= most:
        limit = "or more" if most == math.inf else f"to {most:,}"
        raise InputError(f"{name} is {value!r}", hint=f"give a whole number, {least} {limit}")
    return int(value)


def percents(levels: object) -> tuple[int, ...]:
    """Interval levels in percent, increasing, each once: one number or several, between 1 and 99."""
    if _is_whole(levels):
        levels = (levels,)
    if not isinstance(levels, Collection) or isinstance(levels, str | bytes):
        raise InputError(f"levels is {levels!r}", hint="give percents such as (80, 95)")
    listed = cast("Collection[Any]", levels)
    for level in listed:
        if not _is_whole(level) or not 1 <= level <= 99:
            raise InputError(f"levels holds {level!r}", hint="give whole percents from 1 to 99, such as (80, 95)")
    return tuple(sorted({int(level) for level in listed}))


def seconds(budget: object) -> float | None:
    """A time in seconds from a number, or from text such as ``"60s"``, ``"2m"`` or ``"1h"``; None stays
    None."""
    if budget is None:
        return None
    value = math.nan
    if _is_whole(budget) or isinstance(budget, float | np.floating):
        value = float(budget)
    elif isinstance(budget, str) and (found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", budget)):
        value = float(found[1]) * SECONDS.get(found[2], math.nan)
    if not (0 < value < math.inf):
        raise InputError(f"budget is {budget!r}", hint='give seconds of training, such as 60, "60s" or "2m"')
    return value


def one_of(name: str, value: object, words: Collection[str]) -> str:
    """One of these words, in whatever case and with ``-`` for ``_``."""
    word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
    plain = {known.replace("_", ""): known for known in words}.get(word.replace("_", ""))
    if plain is None:
        raise InputError(f"{name} is {value!r}", hint=f"choose one of {', '.join(words)}")
    return plain
