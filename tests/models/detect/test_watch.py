"""The watch over one series: it reads nothing ahead, and it names what it sees."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest

from gatewise.models.detect.alarm import REST
from gatewise.models.detect.detector import Detector
from gatewise.models.detect.watch import FADING, NO_KIND, Verdicts, Watch
from gatewise.tables.panel import Floats, Frequency, Panel


def daily(rows: int, seed: int = 0) -> Floats:
    """A season of 24 rows, and noise."""
    noise = np.random.default_rng(seed).normal(size=rows)
    return 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 24) + noise


def same(one: Verdicts, other: Verdicts) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=True) for field in fields(one)
    )


def first(verdicts: Verdicts, rows: int) -> Verdicts:
    return Verdicts(*(getattr(verdicts, field.name)[:rows] for field in fields(verdicts)))


def joined(parts: list[Verdicts]) -> Verdicts:
    return Verdicts(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Verdicts)))


@pytest.fixture(scope="module")
def values() -> Floats:
    """With everything that may happen."""
    made = daily(700)
    made[300:304] = np.nan
    made[450] += 60
    made[520:560] = 47.0
    made[600:] += 40
    return made


@pytest.fixture(scope="module")
def verdicts(values: Floats) -> Verdicts:
    return Watch(0.005).read(values)


@pytest.mark.parametrize("known", [31, 33, 64, 301, 303, 451, 601, 640])
def test_the_future_changes_no_bit_of_what_is_said(values: Floats, verdicts: Verdicts, known: int) -> None:
    other = values.copy()
    other[known:] = np.random.default_rng(1).normal(size=len(values) - known) * 1e3
    other[known + 5 :: 7] = np.nan
    found = Watch(0.005).read(other)
    assert same(first(found, known), first(verdicts, known))
    assert not same(found, verdicts)
    for name in ("expected", "level"):  # are told before the row itself is seen
        assert np.array_equal(getattr(found, name)[known], getattr(verdicts, name)[known], equal_nan=True)


@pytest.mark.parametrize("step", [1, 50, 333])
def test_rows_say_the_same_however_they_are_handed_over(values: Floats, verdicts: Verdicts, step: int) -> None:
    watch = Watch(0.005)
    assert same(joined([watch.read(values[at : at + step]) for at in range(0, len(values), step)]), verdicts)


def test_nothing_read_says_nothing() -> None:
    assert len(Watch(0.01).read(np.empty(0)).score) == 0


def kinds(values: Floats, rate: float = 0.005) -> dict[int, str]:
    """The alerts by their peaks."""
    times = np.arange(len(values))
    panel = Panel(("y",), (times,), (np.nan_to_num(values),), Frequency("1"), 1, made=(np.isnan(values),))
    found = Detector(rate=rate).fit(panel).anomalies_
    assert found is not None
    return {alert.peak: alert.kind for alert in found.alerts}


def test_a_spike_is_named() -> None:
    made = daily(800)
    made[600] += 30
    assert kinds(made)[600] == "spike"


def test_a_level_is_named() -> None:
    made = daily(800)
    made[600:] += 45
    assert "level" in {kind for row, kind in kinds(made).items() if 600 <= row < 620}


def test_a_shape_is_named() -> None:
    rng = np.random.default_rng(0)
    made = np.where(np.arange(1200) % 24 < 12, 60.0, 40.0) + rng.normal(size=1200)
    made[900:960] = np.where(np.arange(60) % 6 < 3, 60.0, 40.0) + rng.normal(size=60)
    found = {row: kind for row, kind in kinds(made).items() if 900 <= row < 960}
    assert "shape" in found.values()


def test_missing_rows_are_a_gap_and_repeated_ones_frozen() -> None:
    made = daily(800)
    made[400:420] = np.nan
    assert {kind for row, kind in kinds(made).items() if 400 <= row < 420} == {"gap"}
    made = daily(800)
    made[400:430] = made[400]
    found = {row: kind for row, kind in kinds(made).items() if 400 <= row < 430}
    assert "frozen" in found.values()


def test_single_missing_rows_are_nothing() -> None:
    made = daily(800)
    made[[200, 300, 301, 500]] = np.nan
    assert "gap" not in kinds(made).values()
    assert not np.isnan(Watch(0.01).read(made).score).any()


@pytest.mark.parametrize("values", [np.zeros(400), np.full(400, np.nan), np.arange(400.0), np.full(400, 1e300)])
def test_what_never_changes_is_no_anomaly(values: Floats) -> None:
    found = Watch(0.01).read(values)
    assert not found.begins.any() or len(set(values)) == 400
    assert ((found.score >= 0) & (found.score < 1)).all()


def test_the_score_fades_and_never_falls_short_of_the_surprise(verdicts: Verdicts) -> None:
    held = -np.log10(1 - verdicts.score)
    assert (held >= verdicts.surprise - 1e-9).all()
    falls = held[1:] < held[:-1]
    assert held[1:][falls] == pytest.approx(np.maximum(FADING * held[:-1], verdicts.surprise[1:])[falls])
    assert pytest.approx(math.exp(-1)) == FADING ** (2 * REST)


@pytest.mark.slow
def test_surprises_of_noise_are_tail_probabilities() -> None:
    rows = [Watch(0.01).read(np.random.default_rng(seed).normal(size=3000)).surprise[500:] for seed in range(3)]
    probability = math.e * 10 ** -np.concatenate(rows)
    for level in (0.2, 0.1, 0.05, 0.02, 0.01):
        assert (probability <= level).mean() <= 1.2 * level


@pytest.mark.slow
def test_a_series_with_a_season_keeps_the_budget_within_a_factor_of_two() -> None:
    """Surprises grow until ranks are among 2,000 rows, so that the past promises a little less than comes."""
    found = Watch(0.002).read(daily(8000))
    assert 8 <= found.begins.sum() <= 32
    assert (found.kind != NO_KIND).mean() < 0.05
