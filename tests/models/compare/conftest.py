from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gatewise.models.compare.sequences import SequenceTask, classification


@pytest.fixture(scope="module", autouse=True)
def few_steps_are_timed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatewise.models.compare.speed._SECONDS", 0.0)
        patch.setattr("gatewise.models.compare.speed._FEWEST", 20)
        yield


@pytest.fixture(scope="module")
def sequences() -> tuple[list[np.ndarray], list[str]]:
    """Forty walks, and whether each ends above its beginning."""
    generator = np.random.default_rng(0)
    walks = [generator.normal(size=(length, 2)).cumsum(axis=0) for length in [*range(3, 13)] * 4]
    return walks, ["up" if walk[-1, 0] > walk[0, 0] else "down" for walk in walks]


@pytest.fixture(scope="module")
def task(sequences: tuple[list[np.ndarray], list[str]]) -> SequenceTask:
    return classification(*sequences)
