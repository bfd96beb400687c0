"""Which sequences are kept from training, to see when to stop."""

from __future__ import annotations

import numpy as np

from .sequences import Whole


def held_out(strata: Whole, fraction: float, seed: int) -> tuple[Whole, Whole]:
    """Rows to learn from and rows held out, each in increasing order.

    Of every stratum the fraction is held out, rounded down: of classes with fewer than 1 / fraction sequences none is.
    """
    generator = np.random.default_rng(seed)
    out = np.zeros(len(strata), bool)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        out[generator.permutation(rows)[: int(fraction * len(rows))]] = True
    return np.flatnonzero(~out), np.flatnonzero(out)
