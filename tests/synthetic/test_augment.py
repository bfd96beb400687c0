from __future__ import annotations

import numpy as np
import pytest

from gatewise.synthetic import Frame
from gatewise.synthetic.augment import AUGMENTATIONS, augmented
from gatewise.synthetic.gaps import shortened, with_gaps

every_augmentation = pytest.mark.parametrize("each", AUGMENTATIONS, ids=lambda each: each.name)


def frame(rows: int = 40, length: int = 120) -> Frame:
    season = np.where(np.arange(rows) % 2, 12, 7)
    return Frame(np.random.default_rng(0), length, season, np.ones_like(season))


def series(of: Frame) -> np.ndarray:
    return 1 + np.abs(np.cumsum(np.random.default_rng(1).normal(size=of.shape), axis=1))


@every_augmentation
def test_each_changes_series_and_keeps_them_finite(each) -> None:
    values = series(frame())
    changed = each.make(frame(), values.copy())
    assert changed.shape == values.shape
    assert np.isfinite(changed).all()
    assert (changed != values).any(axis=1).mean() > 0.5


@every_augmentation
def test_a_constant_series_stays_finite(each) -> None:
    assert np.isfinite(each.make(frame(), np.full(frame().shape, 3.0))).all()
    assert np.isfinite(each.make(frame(), np.zeros(frame().shape))).all()


def test_what_is_anchored_stays_positive() -> None:
    values = series(frame(400))
    changed = augmented(frame(400), values.copy(), np.ones(400, bool))
    assert (changed >= 0).all()
    assert (augmented(frame(400), values, np.zeros(400, bool)) < 0).any()


def test_only_series_of_the_same_season_are_mixed() -> None:
    mixing = next(each for each in AUGMENTATIONS if each.name == "mixing")
    waves = np.sin(2 * np.pi * np.arange(420) / frame(40).season[:, None])
    mixed = mixing.make(frame(40, 420), waves)
    spectrum = np.abs(np.fft.rfft(mixed, axis=1))
    assert (spectrum.argmax(axis=1) == 420 // frame(40).season).all()
    assert ((spectrum > 1e-6 * spectrum.max()).sum(axis=1) == 1).all()


def test_missing_values_stay_missing() -> None:
    values = series(frame())
    values[::2, :50] = np.nan
    changed = augmented(frame(), values.copy(), np.zeros(40, bool))
    np.testing.assert_array_equal(np.isnan(changed), np.isnan(values))


def test_shortened_series_keep_at_least_so_many_steps() -> None:
    kept = (~np.isnan(shortened(frame(400), series(frame(400)), shortest=20, chance=1.0))).sum(axis=1)
    assert kept.min() >= 20
    assert kept.max() <= 120
    assert 30 < np.median(kept) < 80  # logarithms are uniform


def test_gaps_come_in_the_rows_that_are_taken() -> None:
    missing = np.isnan(with_gaps(frame(400), series(frame(400)), chance=0.5)).any(axis=1).mean()
    assert 0.3 < missing < 0.55
    assert not np.isnan(with_gaps(frame(), series(frame()), chance=0.0)).any()
