"""Intervals against every draw there is, and against scipy's."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import bootstrap

from gatewise.models.compare.bootstrap import DRAWS, interval, resampled

from ...tolerance import SIGMAS

TABLES = {
    "one": np.array([[0.0, 1.0, 5.0], [2.0, 1.0, 3.0]]),
    "two": np.array([[1.0, 0.0, 4.0], [2.0, 6.0, 3.0]]),
}


def every_difference() -> list[float]:
    """The difference of both scores in each of the equally likely draws: three items, two seeds of either model."""
    one, two = TABLES["one"], TABLES["two"]
    found: list[float] = []
    for items in product(range(3), repeat=3):
        for mine in product(range(2), repeat=2):
            for other in product(range(2), repeat=2):
                found.append(np.mean(one[np.ix_(mine, items)]) - np.mean(two[np.ix_(other, items)]))
    return found


def test_differences_are_distributed_as_those_of_all_draws() -> None:
    draws = resampled(TABLES)
    found, wanted = np.sort(draws["one"] - draws["two"]), np.array(every_difference())
    assert len(found) == DRAWS
    assert abs(found.mean() - wanted.mean()) < SIGMAS * wanted.std() / DRAWS**0.5
    for value in np.unique(wanted.round(9)):
        share = np.mean(wanted <= value + 1e-9)
        error = (share * (1 - share) / DRAWS) ** 0.5
        assert abs(np.mean(found <= value + 1e-9) - share) <= SIGMAS * error


@pytest.mark.parametrize("items", [40, 1500])
def test_with_one_seed_it_is_the_paired_bootstrap_of_scipy(items: int) -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(size=items)
    two = one + generator.normal(0.3, 0.5, size=items)
    draws = resampled({"one": one[None], "two": two[None]})
    found = interval(draws["one"] - draws["two"])
    wanted = bootstrap(
        (one, two),
        lambda one, two, axis: (one - two).mean(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=DRAWS,
        method="percentile",
        rng=1,
    )
    # the standard error of a 2.5 % quantile of a normal distribution is 2.67 deviations over the root of the draws
    slack = 2**0.5 * SIGMAS * 2.67 * wanted.standard_error / DRAWS**0.5
    assert found.low == pytest.approx(wanted.confidence_interval.low, abs=slack)
    assert found.high == pytest.approx(wanted.confidence_interval.high, abs=slack)


def test_seeds_widen_an_interval() -> None:
    generator = np.random.default_rng(0)
    items, seeds = generator.normal(size=300), np.array([[-1.0], [0.0], [1.0]])
    same = interval(resampled({"model": items + 0 * seeds})["model"])
    apart = interval(resampled({"model": items + seeds})["model"])
    assert apart.high - apart.low > 2 * (same.high - same.low)


def test_draws_are_the_same_for_the_same_seed_however_many_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    first = resampled(TABLES, seed=3, draws=50)
    assert all(np.array_equal(first[name], resampled(TABLES, seed=3, draws=50)[name]) for name in TABLES)
    monkeypatch.setattr("gatewise.models.compare.bootstrap._AT_ONCE", 21)
    assert [len(draws) for draws in resampled(TABLES, draws=50).values()] == [50, 50]
