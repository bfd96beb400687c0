"""A sample of series has the shares of all of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
from tests.models.forecast.fakes import panel

from gatewise.models.forecast.evaluation.intermittent import intermittent
from gatewise.models.forecast.evaluation.strata import BANDS, stratified
from gatewise.tables.panel import Panel

LENGTHS, SCALES = (30, 60, 90, 120), (1.0, 1000.0)


def many(count: int = 400) -> Panel:
    """Series of four lengths and two sizes, a fifth of them intermittent, all shuffled."""
    draw = np.random.default_rng(1)
    series = []
    for number in range(count):
        length, scale = LENGTHS[number % 4], SCALES[number // 4 % 2]
        values = scale * (5 + draw.normal(size=length))
        series.append(np.where(draw.random(length) < 0.7, 0.0, np.abs(values)) if number % 5 == 0 else values)
    return panel(*(series[at] for at in draw.permutation(count)))


def kinds(series: Panel) -> Counter[tuple[bool, int, bool]]:
    large = [bool(np.abs(values).mean() > 100) for values in series.values]
    return Counter(zip(intermittent(series), series.lengths.tolist(), large, strict=True))


def test_every_kind_has_its_share() -> None:
    series = many()
    rows = stratified(series, 100, 0)
    assert len({*rows.tolist()}) == 100
    assert (np.diff(rows) > 0).all()
    whole, part = kinds(series), kinds(series.select(rows))
    assert len(whole) == 2 * len(LENGTHS) * len(SCALES)
    assert all(abs(part[kind] - count / 4) <= 2 for kind, count in whole.items())
    plain = np.sort(np.random.default_rng(0).choice(len(series), 100, replace=False))
    drawn = kinds(series.select(plain))
    assert max(abs(drawn[kind] - count / 4) for kind, count in whole.items()) > 2


def test_the_sample_is_that_of_its_seed() -> None:
    series = many()
    assert stratified(series, 50, 3).tolist() == stratified(series, 50, 3).tolist()
    assert stratified(series, 50, 3).tolist() != stratified(series, 50, 4).tolist()
    assert stratified(series, len(series), 0).tolist() == list(range(len(series)))


def test_every_series_is_as_likely_as_any_other() -> None:
    series = many(40)
    taken = Counter(row for seed in range(400) for row in stratified(series, 10, seed).tolist())
    assert len(taken) == 40
    assert min(taken.values()) > 60  # of 100, four deviations below
    assert max(taken.values()) < 140


def test_series_of_one_length_are_one_band() -> None:
    series = panel(*(np.full(20, float(number)) for number in range(1, 9)))
    assert np.diff(stratified(series, 4, 0)).tolist() == [2, 2, 2]  # every second one by scale
    assert len(LENGTHS) == BANDS
