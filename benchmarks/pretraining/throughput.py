"""How many series a second of one core's own time the pretrained forecaster takes, and how many its products allow.

All in processor time, that of all threads together, best of a few runs. The bound counts nothing but the products with
the network's weights, at the rate at which this machine's BLAS multiplies large matrices of float32.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np

from gatewise.models.forecast.pretrained.forward import Forward
from gatewise.models.forecast.pretrained.model import forecast, patches, second_season

HORIZON, HISTORY, SERIES, RUNS = 24, 512, 256, 4
SEASONS = (24, 12)
SIDE = 2048
"""Of the matrices of the large product."""


def lines(network: Forward) -> Iterable[str]:
    """A line for each season: patches, operations of the products for a series, series a second at most and in fact."""
    rng = np.random.default_rng(0)
    series = list(rng.normal(size=(SERIES, HISTORY)).cumsum(axis=1))
    square = rng.normal(size=(SIDE, SIDE)).astype(np.float32)
    rate = 2 * SIDE**3 / _seconds(lambda: square @ square)
    yield f"horizon {HORIZON}, history {HISTORY}, one core; large products: {rate / 1e9:.0f} GFLOP/s"
    for season in SEASONS:
        second, needed = second_season(season), operations(network, season)
        taken = _seconds(lambda season=season, second=second: forecast(network, series, season, second, HORIZON))
        yield (
            f"season {season}: {_patches(season)} patches, {needed / 1e6:.0f} MFLOP a series, "
            f"at most {rate / needed:.0f} series/s, measured {SERIES / taken:.0f}"
        )


def operations(network: Forward, season: int) -> int:
    """Multiplications and additions in the products for one series, upright and upside down."""
    sizes = network.sizes
    each = {name: 2 * inputs * outputs for name, (inputs, outputs) in sizes.maps.items()}
    patch = each["patch"] + each["embed"] + sizes.layers * 2 * 4 * sizes.hidden * 2 * sizes.hidden
    ahead = each["step"] + each["inner"] + each["out"]
    return 2 * (_patches(season) * patch + each["place"] + HORIZON * ahead)


def _patches(season: int) -> int:
    return int(patches(np.array([HISTORY]), season)[0])


def _seconds(work: Callable[[], object]) -> float:
    """Processor time, the least of some runs."""
    found: list[float] = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)
