"""Covariates that are the target itself, or tell what it will be: they are refused."""

from __future__ import annotations

import numpy as np

from ..errors import InputError, argument
from ..words import count
from .panel import Floats, Panel

FURTHEST = 1000
"""Steps ahead at which a covariate is compared with the target."""
_FEWEST = 8  # values in common from which two columns are one
_SAME = 1e-9  # of the target's largest value


def refuse_leaks(panel: Panel) -> None:
    """Raise InputError for a covariate that equals the target at the same step, or at a later one, in a series."""
    if panel.covariates is None:
        return
    for at, column in enumerate(panel.covariates.columns):
        if column.words or column.role == "static":
            continue
        for name, values, matrix in zip(panel.ids, panel.observed, panel.covariates.values, strict=True):
            lead = leak(values, matrix[: len(values), at])
            if lead is not None:
                ahead = f" {count(lead, 'step')} later" if lead else ""
                of = f" in series {name!r}" if len(panel) > 1 else ""
                raise InputError(
                    f"the covariate {column.name!r} equals the target{ahead}{of}: it tells what is to be forecast",
                    where=column.source,
                    hint=f"leave it out of {argument('covariates')}",
                )


def leak(target: Floats, values: Floats) -> int | None:
    """How many steps later the target is what the covariate is now; None where it never is throughout.

    Values that repeat so that they equal what came before as well tell nothing.
    """
    longest = min(FURTHEST, len(target) - _FEWEST)
    leads = [lead for lead in range(longest + 1) if _same(target[lead:], values[: len(values) - lead])]
    if not leads or any(_same(target[:-lag], values[lag:]) for lag in range(1, longest + 1)):
        return None
    return leads[0]


def _same(target: Floats, values: Floats) -> bool:
    """Whether both are equal where both are known, and not constant there."""
    slack = _SAME * float(np.nanmax(np.abs(target), initial=0.0))
    for part in (slice(0, 4 * _FEWEST), slice(None)):
        some, other = target[part], values[part]
        known = ~np.isnan(some) & ~np.isnan(other)
        if known.sum() < min(_FEWEST, len(some)) or (np.abs(some[known] - other[known]) > slack).any():
            return False
    return len(target) >= _FEWEST and float(np.ptp(target[known])) > slack
