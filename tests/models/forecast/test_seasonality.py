"""A season is found where there is one, not where there is none, and from what lies before the backtest alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import acf
from tests.models.forecast.fakes import panel, setup
from tests.tolerance import ROUNDING

from gatewise.cli import follow
from gatewise.errors import InputError
from gatewise.models.forecast.estimator import Forecaster
from gatewise.models.forecast.pretrained.model import PretrainedModel
from gatewise.models.forecast.seasonality import autocorrelation, cycle, is_visible, strength
from gatewise.models.forecast.seasons import with_seasons
from gatewise.tables.options import ReadOptions
from gatewise.tables.panel import Floats, Frequency, Panel

SEASONS = {"QS": 4, "D": 7, "MS": 12, "h": 24, "W-SUN": 52}
LONG = {"h": (24, 168), "30min": (48, 336), "D": (7, 365)}


def walk(seed: int, length: int) -> Floats:
    return np.random.default_rng(seed).normal(size=length).cumsum() + 100


def wave(season: int, length: int) -> Floats:
    return 3 * np.sin(2 * np.pi * np.arange(length) / season)


def dated(alias: str, *series: Floats, assumed: bool = True) -> Panel:
    times = tuple(pd.date_range("2001-01-01", periods=len(one), freq=alias).to_numpy() for one in series)
    return replace(panel(*series, season=1), times=times, frequency=Frequency(alias), assumed=assumed)


@pytest.mark.parametrize("length", [5, 60, 61])
def test_autocorrelation_is_that_of_statsmodels(length: int):
    values = walk(0, length)
    expected = acf(values, nlags=length - 1, fft=False)
    np.testing.assert_allclose(autocorrelation(values, length - 1), expected, rtol=0, atol=ROUNDING)
    assert not autocorrelation(np.ones(9), 3).any()


@pytest.mark.parametrize("season", SEASONS.values())
def test_walks_and_noise_show_no_season(season: int):
    walks = [walk(seed, 8 * season) for seed in range(100)]
    noise = [np.diff(values) for values in walks]
    assert sum(is_visible(values, season) for values in (*walks, *noise)) <= 4


@pytest.mark.parametrize("season", SEASONS.values())
def test_a_season_is_visible_beside_a_trend_and_noise(season: int):
    unrest = np.random.default_rng(season).normal(size=6 * season)
    values = 0.05 * np.arange(6 * season) + wave(season, 6 * season) + unrest
    assert is_visible(values, season)
    assert 0.5 < strength(values, season) < 1
    assert not is_visible(values[: 3 * season - 1], season), "three seasons are needed"


@pytest.mark.parametrize(("alias", "season"), SEASONS.items())
def test_the_calendar_s_season_is_taken_where_most_series_show_it(alias: str, season: int):
    plain, seasonal = walk(1, 6 * season), walk(2, 6 * season) + 3 * wave(season, 6 * season)
    shown = with_seasons(dated(alias, plain, seasonal, seasonal), 0)
    assert (shown.season, shown.longer, shown.assumed) == (season, (), False)
    assert shown.notes[-1] == f"season {season}, visible in the data"
    hidden = with_seasons(dated(alias, plain, plain, seasonal), 0)
    assert hidden.season == 1
    assert hidden.notes[-1] == f"no season: one of {season} steps is not visible in the data"


@pytest.mark.parametrize(("alias", "seasons"), LONG.items())
def test_a_longer_season_is_seen_beside_the_shorter(alias: str, seasons: tuple[int, int]):
    short, long = seasons
    both = walk(3, 4 * long) / 20 + wave(short, 4 * long) + wave(long, 4 * long)
    shown = with_seasons(dated(alias, both), 0)
    assert (shown.season, shown.longer) == (short, (long,))
    assert shown.notes[-1] == f"season {short}, visible in the data, and a longer one of {long} steps"
    alone = with_seasons(dated(alias, walk(3, 4 * long) / 20 + wave(short, 4 * long)), 0)
    assert (alone.season, alone.longer) == (short, ())


def test_a_season_that_nothing_could_show_is_assumed_and_that_is_said():
    short = with_seasons(dated("MS", walk(1, 30)), 0)
    assert short.season == 12
    assert short.notes[-1] == "season 12, assumed: it would take 36 observations to see it in the data"
    shorter = with_seasons(dated("MS", walk(1, 23)), 0)
    assert shorter.season == 1
    assert shorter.notes[-1] == "no season (one of 12 needs 24 observations, the longest series has 23)"


def test_what_a_backtest_will_forecast_is_not_looked_at():
    values = walk(1, 120)
    changed = np.concatenate((values[:48], values[48:] + 100 * wave(12, 72)))
    assert with_seasons(dated("MS", changed), 72).season == 1
    assert with_seasons(dated("MS", changed), 0).season == 12


def test_a_counter_gets_the_season_that_stands_out():
    seasonal = [walk(seed, 90) + 5 * wave(9, 90) for seed in range(3)]
    assert cycle(seasonal) == 9
    found = with_seasons(panel(*seasonal, season=1, assumed=True), 0)
    assert (found.season, found.notes[-1]) == (9, "season 9, found in the data")
    nothing = [cycle([walk(seed, 90)]) for seed in range(50)]
    assert nothing.count(1) >= 48


def test_the_word_of_the_user_stands():
    values = walk(1, 120)
    assert Forecaster(6, model="naive", season=12).fit(dated("MS", values)).schema_.season == 12
    settled = dated("MS", values, assumed=False)
    assert with_seasons(settled, 0) is settled
    assert Forecaster(6, model="naive").fit(dated("MS", values)).schema_.season == 1


def test_longer_seasons_are_kept_in_the_file(tmp_path: Path):
    both = walk(3, 700) / 4 + wave(24, 700) + wave(168, 700)
    forecaster = Forecaster(6, model="naive").fit(dated("h", both))
    assert forecaster.setup_.longer == (168,)
    forecaster.save(tmp_path / "model")
    assert Forecaster.load(tmp_path / "model").setup_ == forecaster.setup_


def test_the_pretrained_network_is_told_of_a_season_that_is_not_visible():
    long, short = walk(1, 200), walk(2, 60)
    shown = with_seasons(dated("W-SUN", long, short), 0)
    assert (shown.season, shown.unshown) == (1, 52)
    unknown = replace(shown, unshown=1)
    told, plain = (PretrainedModel(setup(4, 1, unshown=one.unshown)).predict(one).values for one in (shown, unknown))
    only = PretrainedModel(setup(4, 52)).predict(dated("W-SUN", long)).values
    np.testing.assert_array_equal(told[:1], only)
    np.testing.assert_array_equal(told[1:], plain[1:])  # holds no season and a quarter
    assert not np.array_equal(told[0], plain[0])


@pytest.mark.parametrize("season", [None, 1])
def test_a_file_keeps_what_the_pretrained_network_is_told(season: int | None, tmp_path: Path):
    weeks = dated("W-SUN", walk(1, 200))
    fitted = Forecaster(4, model="pretrained", season=season).fit(weeks, windows=0)
    assert (fitted.schema_.season, fitted.schema_.unshown) == (1, 52 if season is None else 1)
    fitted.save(tmp_path / "model")
    again = Forecaster.load(tmp_path / "model").predict(weeks)
    pd.testing.assert_frame_equal(again, fitted.predict())


class TestSeveral:
    HOURS = np.arange(24 * 7 * 5)
    TABLE = pd.DataFrame(
        {
            "ds": pd.date_range("2024-01-01", periods=len(HOURS), freq="h"),
            "y": 50 + 9 * np.sin(HOURS * 2 * np.pi / 24) + 9 * np.sin(HOURS * 2 * np.pi / 168) + np.sin(HOURS**2),
        }
    )

    def test_what_is_said_is_what_would_have_been_found(self, tmp_path: Path):
        found = Forecaster(24, model="pretrained").fit(self.TABLE)
        assert (found.setup_.season, found.setup_.longer) == (24, (168,))
        for season in ("24, 168", (168, 24), [np.int64(24), 168]):
            said = Forecaster(24, model="pretrained", season=season).fit(self.TABLE)
            assert said.predict().equals(found.predict())
            read = ReadOptions(season=season)
            assert Forecaster(24, model="pretrained").fit(self.TABLE, read=read).predict().equals(found.predict())
        assert any("season 24 and 168" in note for note in said.notes_)
        said.save(tmp_path / "model")
        loaded = Forecaster.load(tmp_path / "model")
        assert loaded.season == (24, 168)
        assert loaded.predict(self.TABLE).equals(found.predict())
        with pytest.raises(InputError, match="the season is 24 and 168 for the forecaster, and 12 for the table"):
            loaded.predict(self.TABLE, read=ReadOptions(season=12))

    def test_one_of_them_is_another_forecast(self):
        one, both = (Forecaster(24, model="pretrained", season=season).fit(self.TABLE) for season in (24, (24, 100)))
        assert one.setup_.longer == ()
        assert not one.predict().equals(both.predict())

    @pytest.mark.parametrize(
        "season", ["", "24,", "24,x", (24, 24), (1, 24), (), (24, 1.5), "1,2,3,4,5,6,7,8,9,10", True]
    )
    def test_what_cannot_be_seasons_is_refused(self, season: Any):
        for make in (lambda: Forecaster(3, season=season), lambda: ReadOptions(season=season)):
            with pytest.raises(InputError, match=r"`season` is .*\n.*or several such as 24,168"):
                make()

    def test_the_command(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        self.TABLE.to_csv(tmp_path / "load.csv", index=False)
        words = ["forecast", str(tmp_path / "load.csv"), "--horizon", "24", "--model", "pretrained", "--backtest", "0"]
        assert follow([*words, "--season", "24,168"]) == 0
        assert "Hourly (h), season 24 and 168." in capsys.readouterr().out
        assert follow([*words, "--season", "24,day"]) != 0
        assert "--season is '24,day'" in capsys.readouterr().err
