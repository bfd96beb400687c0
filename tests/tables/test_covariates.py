"""What is known besides the past: which columns, what they are, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.leaks import leak
from gatewise.tables.options import DEFAULTS, CovariateOptions, ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.supplied import panel_with_covariates

N, AHEAD = 60, 7
DAYS = pd.date_range("2024-01-01", periods=N + AHEAD)
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "ds": DAYS,
        "y": np.append(RNG.normal(10, 1, N), [np.nan] * AHEAD),
        "warm": RNG.normal(15, 5, N + AHEAD),
        "sky": np.resize(["clear", "", "rain"], N + AHEAD),
        "open": np.resize([True, True, False], N + AHEAD),
    }
)
SHOPS = pd.DataFrame(
    {
        "ds": np.tile(DAYS[:N], 3),
        "shop": np.repeat(["a", "b", "c"], N),
        "y": RNG.normal(10, 1, 3 * N),
        "price": RNG.normal(2, 0.1, 3 * N),
    }
)


def read(
    table: Any,
    names: Any = None,
    future: Any = None,
    options: ReadOptions = DEFAULTS,
    otherwise: Any = "known",
    **more: Any,
) -> Panel:
    wanted = CovariateOptions(names, **more)
    return panel_with_covariates(table, options, wanted, future, horizon=AHEAD, otherwise=otherwise)


def roles(panel: Panel) -> dict[str, str | None]:
    assert panel.covariates is not None
    return {column.name: column.role for column in panel.covariates.columns}


def values(panel: Panel, name: str, series: int = 0) -> np.ndarray:
    assert panel.covariates is not None
    return panel.covariates.values[series][:, panel.covariates.names.index(name)]


def test_none_is_read_that_is_not_named():
    assert read(TABLE.drop(columns="sky")[["ds", "y", "warm"]]).covariates is None


def test_rows_without_a_target_are_the_future():
    panel = read(TABLE, ["warm", "sky", "open"])
    assert roles(panel) == {"warm": "known", "sky": "known", "open": "known"}
    assert len(panel.values[0]) == N
    assert np.array_equal(values(panel, "warm"), TABLE["warm"])
    assert values(panel, "open")[:3].tolist() == [1, 1, 0]
    assert "covariates: 'warm', 'sky' and 'open' known ahead" in panel.notes


def test_text_is_a_category_of_which_an_empty_cell_is_one():
    panel = read(TABLE, "sky")
    assert panel.covariates is not None
    (column,) = panel.covariates.columns
    assert column.words == ("", "clear", "rain")
    assert values(panel, "sky")[:3].tolist() == [1, 0, 2]


def test_a_file_says_what_a_frame_says(tmp_path: Path):
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    for name in ("warm", "sky", "open"):
        frame, file = read(TABLE, [name]), read(tmp_path / "t.csv", name)
        assert roles(frame) == roles(file)
        assert np.allclose(values(frame, name), values(file, name))


def test_a_future_makes_known_ahead_what_both_share():
    future = TABLE[N:][["ds", "warm", "sky"]]
    panel = read(TABLE[:N], future=future)
    assert roles(panel) == {"warm": "known", "sky": "known"}
    assert np.array_equal(values(panel, "warm"), TABLE["warm"])


def test_what_stands_in_no_future_is_known_only_in_the_past():
    panel = read(TABLE[:N], ["warm", "open"], TABLE[N:][["ds", "warm"]], otherwise="past")
    assert roles(panel) == {"warm": "known", "open": "past"}
    assert len(values(panel, "open")) == N + AHEAD
    assert np.isnan(values(panel, "open")[N:]).all()


@pytest.mark.parametrize("otherwise", ["known", "past"])
def test_where_nothing_tells_the_caller_says(otherwise: str):
    assert roles(read(TABLE[:N], ["warm"], otherwise=otherwise)) == {"warm": otherwise}


def test_a_role_that_is_given_stays():
    panel = read(TABLE, {"warm": "past", "sky": None})
    assert roles(panel) == {"warm": "past", "sky": "known"}
    assert np.isnan(values(panel, "warm")[N:]).all()
    assert CovariateOptions("warm:past, a:b").roles == {"warm": "past", "a:b": None}


def test_none_switches_them_off():
    assert read(TABLE[:N][["ds", "y", "warm"]], "none", TABLE[N:][["ds", "warm"]]).covariates is None


def test_the_later_of_two_futures_counts():
    other = TABLE[N:][["ds", "warm"]].assign(warm=99.0)
    panel = read(TABLE, ["warm"], other)
    assert np.array_equal(values(panel, "warm")[:N], TABLE["warm"][:N])
    assert (values(panel, "warm")[N:] == 99).all()


def test_a_future_of_one_series_or_of_all():
    ahead = pd.DataFrame({"ds": DAYS[N:], "price": 3.0})
    whole = read(SHOPS, ["price"], ahead)
    assert all((values(whole, "price", row)[N:] == 3).all() for row in range(3))
    each = pd.concat([ahead.assign(shop=name, price=price) for name, price in (("c", 1.0), ("a", 2.0))])
    panel = read(SHOPS, ["price"], each)
    assert [values(panel, "price", row)[N:].mean() for row in (0, 2)] == [2, 1]
    assert np.isnan(values(panel, "price", 1)[N:]).all()


def test_a_future_whose_dates_could_be_read_twice_goes_on_where_the_data_end(tmp_path: Path):
    path = tmp_path / "plan.csv"
    lines = [f"{day:%d/%m/%Y},{number}" for number, day in enumerate(pd.date_range("2024-03-01", periods=AHEAD))]
    path.write_text("ds,warm\n" + "\n".join(lines) + "\n")
    panel = read(TABLE[:N], ["warm"], path)
    assert values(panel, "warm")[N:].tolist() == list(range(AHEAD))


def test_months_as_any_of_their_days():
    months = pd.date_range("2020-01-01", periods=24, freq="MS")
    table = pd.DataFrame({"ds": months, "y": RNG.normal(size=24), "x": RNG.normal(size=24)})
    ahead = pd.DataFrame({"ds": pd.date_range("2022-01-31", periods=3, freq="ME"), "x": [1.0, 2, 3]})
    assert values(read(table, ["x"], ahead), "x")[24:].tolist() == [1, 2, 3]


def test_off_the_steps_is_refused():
    ahead = pd.DataFrame({"ds": DAYS[N:] + pd.Timedelta("5h"), "warm": 1.0})
    with pytest.raises(InputError, match="does not lie on the steps of D"):
        read(TABLE[:N], ["warm"], ahead)


def test_words_in_one_and_numbers_in_the_other_are_refused():
    with pytest.raises(InputError, match="'warm' holds words here and numbers in the data"):
        read(TABLE[:N], ["warm"], TABLE[N:][["ds", "warm"]].assign(warm="hot"))


def test_gaps_in_the_past_hold_the_value_before_and_are_said():
    table = TABLE.assign(warm=TABLE["warm"].where(np.arange(len(TABLE)) != 5))
    panel = read(table, ["warm"])
    assert values(panel, "warm")[5] == values(panel, "warm")[4]
    assert "1 value of 'warm' missing in the past: the one before stands in" in panel.notes


def test_one_that_is_not_known_in_the_past_is_refused():
    with pytest.raises(InputError, match="nothing is known of 'rain' in the past"):
        read(TABLE[:N], ["rain"], TABLE[N:][["ds"]].assign(rain=1.0))


def test_one_that_is_nowhere_is_refused_by_name():
    with pytest.raises(InputError, match="there is no column 'worm'"):
        read(TABLE, ["worm"])


def test_a_covariate_is_no_series_and_no_target():
    table = TABLE.rename(columns={"sky": "product", "warm": "value"})
    panel = read(table, ["product", "value"])
    assert (panel.ids, panel.target) == (("y",), "y")


class TestLeaks:
    def test_the_target_itself(self):
        copied = SHOPS["y"].where(SHOPS["shop"] == "b", SHOPS["price"])
        with pytest.raises(InputError, match="'copy' equals the target in series 'b'"):
            read(SHOPS.assign(copy=copied), ["copy"])

    @pytest.mark.parametrize("lead", [1, 3, 30])
    def test_a_lead_of_it(self, lead: int):
        with pytest.raises(InputError, match=f"equals the target {lead} step"):
            read(TABLE.assign(lead=TABLE["y"].shift(-lead)), ["lead"])

    def test_what_came_before_is_none(self):
        assert roles(read(TABLE.assign(lag=TABLE["y"].shift(1)), ["lag"])) == {"lag": "known"}

    def test_what_only_repeats_is_none(self):
        wave = np.resize([1.0, 2, 5], 40)
        assert leak(wave, wave) is None
        assert leak(np.arange(40.0), np.ones(40)) is None


class TestStatic:
    ABOUT = pd.DataFrame({"shop": ["c", "b", "a"], "size": [3.0, 2, 1], "town": ["x", "y", "x"]})

    def test_a_row_for_each_series(self):
        panel = read(SHOPS, static=self.ABOUT)
        assert roles(panel) == {"size": "static", "town": "static"}
        assert [values(panel, "size", row)[-1] for row in range(3)] == [1, 2, 3]
        assert len(values(panel, "size")) == N + AHEAD

    def test_a_series_without_a_row(self):
        with pytest.raises(InputError, match=r"1 series has no row: b"):
            read(SHOPS, static=self.ABOUT[self.ABOUT["shop"] != "b"])

    def test_a_series_with_two(self):
        with pytest.raises(InputError, match="series 'a' has two rows"):
            read(SHOPS, static=pd.concat([self.ABOUT, self.ABOUT[2:]]))

    def test_what_never_changes_is_static(self):
        constant = {"a": 1.0, "b": 2.0, "c": 3.0}
        panel = read(SHOPS.assign(size=SHOPS["shop"].map(constant)), ["size", "price"])
        assert roles(panel) == {"size": "static", "price": "known"}


class TestHolidays:
    def test_of_a_country_and_its_parts(self):
        table = TABLE.assign(ds=pd.date_range("2024-10-01", periods=len(TABLE)))[["ds", "y"]]
        north, south = (values(read(table, holidays=code), "holidays") for code in ("DE-BE", "DE-BY"))
        assert north.tolist() == [float(day == 2) for day in range(N + AHEAD)]  # 3 October
        assert south[31] == 1  # All Saints

    @pytest.mark.parametrize("told", ["de-by", "DEU-BY", "Germany-by"])
    def test_a_country_by_any_of_its_names(self, told: str) -> None:
        found, wanted = (values(read(TABLE[["ds", "y"]], holidays=code), "holidays") for code in (told, "DE-BY"))
        assert wanted.any()
        assert found.tolist() == wanted.tolist()

    def test_of_a_table(self):
        days = pd.DataFrame({"ds": ["2024-01-05", "2024-03-04"], "name": ["Fair", "Fair"]})
        found = values(read(TABLE[["ds", "y"]], holidays=days), "holidays")
        assert np.flatnonzero(found).tolist() == [4, 63]

    def test_every_step_of_the_day_and_every_day_of_the_week(self):
        hours = pd.DataFrame({"ds": pd.date_range("2023-12-30", periods=72, freq="h"), "y": RNG.normal(size=72)})
        assert np.flatnonzero(values(read(hours, holidays="DE"), "holidays")).tolist() == list(range(48, 72))
        weeks = pd.DataFrame({"ds": pd.date_range("2023-12-04", periods=20, freq="W-MON"), "y": RNG.normal(size=20)})
        assert values(read(weeks, holidays="DE"), "holidays")[:5].tolist() == [0, 0, 0, 2, 1]

    def test_a_code_that_is_none(self):
        with pytest.raises(InputError, match="'DX' is no country") as caught:
            read(TABLE[["ds", "y"]], holidays="DX")
        assert "`holidays`" in str(caught.value)
        with pytest.raises(InputError, match="'XX' is no subdivision of DE") as caught:
            read(TABLE[["ds", "y"]], holidays="DE-XX")
        assert "BY" in caught.value.hint

    def test_a_counter_has_none(self):
        with pytest.raises(InputError, match="a plain counter"):
            read(pd.DataFrame({"ds": range(N), "y": RNG.normal(size=N)}), holidays="DE")


def test_a_panel_that_is_cut_keeps_what_is_known():
    panel = read(TABLE, ["warm"])
    cut = panel.without_last(10)
    assert np.array_equal(values(cut, "warm"), TABLE["warm"])
    assert panel.select([0]).covariates is not None
