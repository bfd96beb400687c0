"""The parts of a regression, each against what it has to be."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.forecast import fakes
from tests.tolerance import FLOAT32_REGRESSION, ROUNDING

from gatewise.models.forecast.regression.basis import bent, blocks, mean_of, shifted
from gatewise.models.forecast.regression.calendar import Calendar
from gatewise.models.forecast.regression.fitting import Fit
from gatewise.models.forecast.regression.kernel import Kernel, Learned, Rows
from gatewise.models.forecast.regression.layout import History, Layout
from gatewise.models.forecast.regression.ridge import Sums
from gatewise.models.forecast.regression.scale import Scale
from gatewise.models.forecast.regression.seasons import FURTHEST, Seasons
from gatewise.tables.covariates import Covariate, Covariates
from gatewise.tables.panel import Panel

RNG = np.random.default_rng(0)
HORIZON = 6


def history(length: int = 200, columns: int = 1) -> History:
    known = RNG.normal(size=(length + HORIZON, columns))
    values = 3 * np.maximum(known[:length, 0], 0) + np.resize([0.0, 2, 5, 1], length)
    return History(values, np.arange(length + HORIZON), known)


def covariates(*columns: Covariate, values: np.ndarray) -> Covariates:
    return Covariates(columns, (values,))


@pytest.mark.parametrize("values", [np.array([1.0, 2, 50]), np.array([-3.0, 0, 2, 80, np.nan]), np.zeros(5)])
def test_a_scale_goes_there_and_back(values: np.ndarray):
    scale = Scale.of(values)
    assert np.allclose(scale.leave(scale.enter(values)), values, rtol=ROUNDING, equal_nan=True)


def test_a_scale_keeps_forecasts_near_what_was_seen():
    scale = Scale.of(np.exp(np.linspace(0, 2, 30)))
    assert scale.leave(np.array([50.0]))[0] == pytest.approx(np.exp(3))


def test_means_and_neighbours():
    values = np.arange(6.0)
    assert mean_of(values, 3).tolist() == [0, 0.5, 1, 2, 3, 4]
    assert shifted(values, 2).tolist() == [0, 0, 0, 1, 2, 3]
    assert shifted(values, -1).tolist() == [1, 2, 3, 4, 5, 5]
    assert bent(values, (2.0,)).tolist() == [[v, max(v - 2, 0)] for v in range(6)]


def test_what_is_known_late_is_looked_at_late():
    past = RNG.normal(size=(50, 1))
    late, early = (
        blocks(covariates(Covariate("x", role=role), values=past), past, 4, HORIZON)[0] for role in ("past", "known")
    )
    assert np.allclose(late.columns(past)[HORIZON + 4 :], early.columns(past)[4:-HORIZON])


def test_a_covariate_that_never_changes_has_no_columns():
    past = np.ones((50, 1))
    assert blocks(covariates(Covariate("x", role="known"), values=past), past, 4, HORIZON) == []


@pytest.mark.parametrize("crossed", [False, True])
def test_rows_are_the_same_whatever_is_asked_with_them(crossed: bool):
    given = history(columns=2)
    known = covariates(Covariate("a", role="known"), Covariate("b", role="past"), values=given.known)
    layout = Layout.of(given, known, (4, 28), crossed=crossed)
    whole = layout.rows(given, 0, 206)
    for start, stop in ((0, 1), (13, 90), (200, 206)):
        assert np.allclose(layout.rows(given, start, stop), whole[start:stop], atol=FLOAT32_REGRESSION)
    centred = whole[:200]
    assert np.allclose(centred.mean(axis=0), 0, atol=FLOAT32_REGRESSION)


def test_no_row_looks_beyond_the_horizon():
    given = history()
    cut = History.of(
        Panel(
            ("a",),
            (given.times[:200],),
            (given.values,),
            fakes.panel([1.0]).frequency,
            4,
            covariates=covariates(Covariate("x", role="known"), values=np.vstack((given.known, [[99.0]]))),
        ),
        0,
        given.values,
        HORIZON,
    )
    assert np.array_equal(cut.known, given.known)


def test_weekdays_come_from_the_calendar():
    times = np.arange("2024-01-01", "2024-01-22", dtype="datetime64[h]").astype("datetime64[ns]")
    calendar = Calendar.of(times, 24, 168)
    assert calendar.weekdays
    assert np.argmax(calendar.columns(np.arange(len(times)), times)[::24, :7], axis=1)[:8].tolist() == [*range(7), 0]


def test_weights_are_those_of_ridge_regression():
    rows, target = RNG.normal(size=(80, 3)).astype(np.float32), RNG.normal(size=80)
    target[5] = np.nan
    weights, intercept = Sums.none(3).plus(rows[:30], target[:30]).plus(rows[30:], target[30:]).weights(0.1)
    seen = ~np.isnan(target)
    x, y = rows[seen] - rows[seen].mean(axis=0), target[seen] - target[seen].mean()
    expected = np.linalg.solve(x.T @ x + 0.1 * seen.sum() * np.eye(3), x.T @ y)
    assert np.allclose(weights, expected, rtol=FLOAT32_REGRESSION)
    assert intercept == pytest.approx(target[seen].mean() - rows[seen].mean(axis=0) @ weights, rel=FLOAT32_REGRESSION)


def test_a_fit_finds_what_the_series_is_made_of_and_goes_on():
    given = history(400)
    known = covariates(Covariate("x", role="known"), values=given.known)
    fit = Fit.of(given, known, (4, 28))
    away = np.abs(fit.values(given, 0, 400) - given.values)
    assert away.mean() < 0.2 * given.values.std()
    part = History(given.values[:300], given.times[:306], given.known[:306])
    extended = Fit.of(part, known, (4, 28)).extended(given)
    assert extended.sums.count == fit.sums.count
    assert np.abs(extended.values(given, 400, 406) - fit.values(given, 400, 406)).max() < 0.5


def test_what_a_kernel_leaves_out_is_what_it_has_not_seen():
    features, target = RNG.normal(size=(20, 4)), RNG.normal(size=(20, 2))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    target -= target.mean(axis=0)
    kernel = Kernel(0.2, 1.0, 4.0, 0.1)
    errors = Learned.of(kernel, Rows.of(features), target).left_out()
    for row in (0, 7):
        rest = np.arange(20) != row
        alike = Rows.of(features).alike(kernel)
        expected = alike[[row]][:, rest] @ np.linalg.solve(alike[rest][:, rest] + 0.1 * np.eye(19), target[rest])
        assert np.allclose(errors[row], target[row] - expected[0], rtol=ROUNDING)


def test_a_kernel_of_products_is_a_linear_regression():
    features = RNG.normal(size=(30, 3))
    target = features @ np.array([[1.0], [-2], [0.5]]) + 4
    penalty = 1e-9  # what is learned is smaller by a share of it, and the system is solved to that
    learned = Learned.of(Kernel(1.0, 0.0, 1.0, penalty), Rows.of(features), target)
    ahead = RNG.normal(size=(5, 3))
    assert np.allclose(learned.values(ahead), ahead @ np.array([[1.0], [-2], [0.5]]) + 4, atol=10 * penalty)


class TestSeasons:
    LENGTH, SEASON = 24 * 12 + 5, 24

    def seasons(self, horizon: int = 24) -> Seasons:
        known = np.arange(2.0 * (self.LENGTH + horizon)).reshape(-1, 2)
        start = np.datetime64("2024-01-01T19", "h")
        times = (start + np.arange(self.LENGTH + horizon)).astype("datetime64[ns]")
        columns = [Covariate("a", role="known"), Covariate("b", role="past")]
        return Seasons.of(np.arange(float(self.LENGTH)), times, known, columns, self.SEASON)

    def test_they_end_where_the_series_does(self):
        found = self.seasons()
        assert found.target.shape == (12, 24)
        assert found.target[-1, -1] == self.LENGTH - 1
        assert found.known[-1, 0, 0] == 2 * self.LENGTH
        assert found.weekdays is not None
        assert found.weekdays.tolist() == [(1 + day) % 7 for day in range(13)]

    def test_nothing_of_the_next_season_but_what_is_known_is_looked_at(self):
        found = self.seasons(20)
        rows = found.features(found.target, found.known, found.past)
        assert rows.shape[0] == 12 - FURTHEST + 1
        assert np.isfinite(rows).all()
        assert rows.max() <= 2 * (self.LENGTH + 20)
        assert np.array_equal(rows[-1, :24], found.target[-1])

    def test_the_latest_look_back_as_far(self):
        found = self.seasons()
        assert np.array_equal(
            found.latest(2).features(*(getattr(found.latest(2), name) for name in ("target", "known", "past"))),
            found.features(found.target, found.known, found.past)[-3:],
        )
