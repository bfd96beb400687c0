"""Periods that are left out: what stands in, and that nothing of it is scored, learned from or known too early."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.forecast import Forecaster
from gatewise.tables.options import ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame

MONTHS = pd.date_range("2015-01-01", periods=96, freq="MS")
SEASON = np.tile(np.arange(12.0), 8)


def read(ignore: str, values: np.ndarray = SEASON, times: pd.DatetimeIndex = MONTHS) -> Panel:
    frame = pd.DataFrame({"ds": times[: len(values)], "y": values})
    return panel_from_frame(frame, ReadOptions(ignore=ignore))


def shocked() -> np.ndarray:
    """A season that repeats, but for fourteen months from March 2020."""
    values = SEASON.copy()
    values[62:76] = -500
    return values


@pytest.mark.parametrize("ignore", ["2020-03:2021-04", "2020-03-01:2021-04-01", "2020-03:2020-12, 2021-01:2021-04"])
def test_the_value_of_a_season_before_stands_in_and_is_marked(ignore: str) -> None:
    panel = read(ignore, shocked())
    np.testing.assert_array_equal(panel.values[0], SEASON)
    assert np.flatnonzero(panel.made[0]).tolist() == [*range(62, 76)]
    assert np.isnan(panel.observed[0][62:76]).all()
    assert any(note.startswith("14 values left out, as asked: 2020-03") for note in panel.notes)


def test_a_year_holds_all_of_its_months() -> None:
    assert np.flatnonzero(read("2016:2017").made[0]).tolist() == [*range(12, 36)]


def test_times_of_day_and_counters_may_bound_a_period() -> None:
    hours = pd.date_range("2024-01-01", periods=72, freq="h")
    panel = read("2024-01-02 03:00:2024-01-02 05:30", np.arange(72.0), hours)
    assert np.flatnonzero(panel.made[0]).tolist() == [27, 28, 29]
    counted = panel_from_frame(pd.DataFrame({"ds": np.arange(50), "y": np.arange(50.0)}), ReadOptions(ignore="10:12"))
    assert np.flatnonzero(counted.made[0]).tolist() == [10, 11, 12]
    assert counted.values[0][9:13].tolist() == [9, 9, 9, 9]


def test_a_series_begins_after_a_period_that_holds_its_beginning() -> None:
    panel = read("2014:2015-06")
    assert panel.times[0][0] == np.datetime64("2015-07-01")
    assert not panel.made[0].any()


def test_what_is_left_out_changes_no_forecast_however_large_it_is() -> None:
    forecasts = []
    for shock in (-500.0, 1e6):
        values = SEASON + np.random.default_rng(0).normal(size=96)
        values[62:76] = shock
        frame = pd.DataFrame({"ds": MONTHS, "y": values})
        forecaster = Forecaster(12).fit(frame, read=ReadOptions(ignore="2020-03:2021-04"))
        forecasts.append(forecaster.predict())
    pd.testing.assert_frame_equal(*forecasts)


def test_windows_in_the_period_are_not_scored() -> None:
    values = SEASON + np.random.default_rng(0).normal(size=96)
    frame = pd.DataFrame({"ds": MONTHS, "y": values})
    backtest = Forecaster(12, model="naive").backtest(frame, 2, step=12, read=ReadOptions(ignore="2021-03:2021-08"))
    assert [int(np.isnan(window.actual).sum()) for window in backtest.windows] == [6, 0]


def test_covariates_stay_beside_their_steps(tmp_path: Path) -> None:
    frame = pd.DataFrame({"ds": MONTHS, "y": SEASON, "x": np.arange(96.0)})
    fitted = Forecaster(3, model="regression").fit(
        frame, read=ReadOptions(ignore="2015:2015,2020-03:2021-04"), covariates={"x": "past"}
    )
    assert fitted.panel_ is not None
    assert fitted.panel_.covariates is not None
    assert fitted.panel_.covariates.values[0][:, 0].tolist() == [*range(12, 96)]


@pytest.mark.parametrize(
    ("ignore", "words"),
    [
        ("2020", "'2020' is no period"),
        ("2020-03:now", "'2020-03:now' is no period"),
        ("now:2020", "'now:2020' is no period"),
        ("2021:2020", "'2021:2020' ends before it begins"),
        ("2030:2031", "no time lies in '2030:2031'"),
        ("2020:2020,2030:2031", "no time lies in '2030:2031'"),
        ("2000:2030", "nothing is left of series 'y'"),
        ("10:20", "no time lies in|is no period"),
        ("", None),
    ],
)
def test_what_is_no_period_is_refused(ignore: str, words: str | None) -> None:
    if words is None:
        assert not read(ignore).made[0].any()
        return
    with pytest.raises(InputError, match=words):
        read(ignore)


def test_rows_that_come_later_need_not_lie_in_the_period() -> None:
    frame = pd.DataFrame({"ds": MONTHS, "y": shocked()})
    forecaster = Forecaster(3, model="seasonal_naive").fit(frame[:90], read=ReadOptions(ignore="2020-03:2021-04"))
    assert forecaster.update(frame[90:]).predict()["SeasonalNaive"].tolist() == [0, 1, 2]
