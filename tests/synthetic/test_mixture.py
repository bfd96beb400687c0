from __future__ import annotations

import pickle
from itertools import islice

import numpy as np
import pytest

from gatewise.errors import InputError
from gatewise.synthetic import FAMILIES, PROFILES, Mixture, Recorded

SMALL = 4096
MONTHLY = [profile for profile in PROFILES if profile.name == "monthly"]
RAMP = Recorded("ramps", "one", np.arange(300.0), season=12)


def test_a_batch_is_a_function_of_seed_and_number() -> None:
    first, second = Mixture(3, points=SMALL), Mixture(3, points=SMALL)
    for _ in range(3):
        first.next_batch()
    assert second.batch(3).values.tobytes() == first.next_batch().values.tobytes()
    assert first.batch(1).values.tobytes() != Mixture(4, points=SMALL).batch(1).values.tobytes()


def test_it_goes_on_from_its_state_and_from_a_pickle() -> None:
    mixture = Mixture(1, points=SMALL)
    list(islice(mixture, 2))
    other = Mixture(1, points=SMALL)
    other.load_state_dict(mixture.state_dict())
    pickled = pickle.loads(pickle.dumps(mixture))
    expected = mixture.next_batch().values.tobytes()
    assert [source.next_batch().values.tobytes() for source in (other, pickled)] == [expected] * 2


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_batch_is_of_its_profile(profile) -> None:
    batch = Mixture(0, points=SMALL, profiles=[profile]).batch(0)
    assert batch.values.shape == (max(SMALL // profile.length, 1), profile.length)
    assert batch.values.dtype == np.float32
    assert set(zip(batch.season.tolist(), batch.second_season.tolist(), strict=True)) <= set(profile.seasons)
    assert set(batch.family) <= set(FAMILIES)
    seen = ~np.isnan(batch.values)
    assert np.isfinite(batch.values[seen]).all()
    assert seen.any(axis=1).all()


def test_without_augmentation_nothing_is_missing() -> None:
    mixture = Mixture(0, points=SMALL, augment=False)
    assert all(np.isfinite(batch.values).all() for batch in islice(mixture, 10))


def test_with_it_beginnings_and_single_values_are_missing() -> None:
    values = Mixture(0, points=200_000, profiles=MONTHLY).batch(0).values
    missing = np.isnan(values)
    begun = ~missing[:, 0]
    inside = missing[begun].any(axis=1).mean()
    assert 0.35 < (~begun).mean() < 0.65
    assert 0.04 < inside < 0.2


def test_families_come_in_proportion_to_their_weights() -> None:
    batches = [Mixture(0, points=400_000, profiles=MONTHLY).batch(number) for number in range(4)]
    drawn = np.concatenate([batch.family for batch in batches])
    weights = {name: family.weight * MONTHLY[0].families.get(name, 1) for name, family in FAMILIES.items()}
    for name, weight in weights.items():
        assert (drawn == name).mean() == pytest.approx(weight / sum(weights.values()), abs=0.03)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_profiles_name_families_that_there_are(profile) -> None:
    assert set(profile.families) <= set(FAMILIES)


def test_measured_series_take_their_share_where_they_fit() -> None:
    mixture = Mixture(0, points=100_000, profiles=MONTHLY, recorded=[RAMP], share=0.25, augment=False)
    batch = mixture.batch(0)
    ramps = batch.family == "ramps"
    assert 0.15 < ramps.mean() < 0.35
    assert set(batch.season[ramps]) == {12}
    np.testing.assert_array_equal(np.diff(batch.values[ramps])[:, -24:], 1)
    yearly = [profile for profile in PROFILES if profile.name == "yearly"]
    assert "ramps" not in Mixture(0, points=SMALL, profiles=yearly, recorded=[RAMP]).batch(0).family


def test_what_a_measured_series_lacks_stays_missing() -> None:
    holes = np.where(np.arange(300) % 10 == 0, np.nan, np.arange(300.0) + 1)
    recorded = [Recorded("holes", "one", holes, season=12)]
    batch = Mixture(0, points=SMALL, profiles=MONTHLY, recorded=recorded, share=1.0).batch(0)
    assert (np.isnan(batch.values).mean(axis=1) >= 0.09).all()


@pytest.mark.parametrize("wrong", [{"points": 0}, {"families": {}}, {"profiles": []}, {"share": 1.5}])
def test_a_mixture_of_nothing_is_refused(wrong) -> None:
    with pytest.raises(InputError, match="needs"):
        Mixture(0, **wrong)
