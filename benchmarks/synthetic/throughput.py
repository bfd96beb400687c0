"""How many values a second are drawn."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from gatewise.synthetic import FAMILIES, PROFILES, Family, Frame, Mixture, Profile

POINTS, REPEATS, BATCHES = 65_536, 5, 40


def families(profile: Profile) -> dict[str, float]:
    """Millions of values a second of each family, in series of one profile."""
    return {name: _best(lambda one=family: _drawn(one, profile)) for name, family in FAMILIES.items()}


def profiles() -> dict[str, float]:
    """Millions of values a second of the mixture, augmented, by profile."""
    found = {profile.name: Mixture(0, points=POINTS, profiles=[profile]) for profile in PROFILES}
    return {name: _best(lambda one=mixture: one.next_batch().values.size) for name, mixture in found.items()}


def mixture() -> float:
    """Millions of values a second of the mixture of everything."""
    source = Mixture(0, points=POINTS)
    return _best(lambda: sum(source.next_batch().values.size for _ in range(BATCHES)), repeats=2)


def _drawn(family: Family, profile: Profile) -> int:
    rng = np.random.default_rng(0)
    frame = Frame(rng, profile.length, *profile.draw(rng, POINTS // profile.length))
    return family.make(frame).size


def _best(draw: Callable[[], int], repeats: int = REPEATS) -> float:
    draw()  # what is made once is made here
    return max(_rate(draw) for _ in range(repeats))


def _rate(draw: Callable[[], int]) -> float:
    begun = time.process_time()
    values = draw()
    return values / (time.process_time() - begun) / 1e6
