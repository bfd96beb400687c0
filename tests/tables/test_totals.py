"""Totals among rows and series: left out with a note, or a series like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.forecast import Batch, Forecaster
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame
from gatewise.tables.reading import load_panel

MONTHS = pd.date_range("2021-01-01", periods=24, freq="MS")
DAYS = MONTHS.strftime("%Y-%m-%d").tolist()
RNG = np.random.default_rng(0)
NORTH, SOUTH = RNG.integers(50, 150, 24), RNG.integers(5, 15, 24)
WIDE = pd.DataFrame({"month": MONTHS, "North": NORTH, "South": SOUTH, "Total": NORTH + SOUTH})


def written(rows: list[tuple[object, object]], path: Path) -> Panel:
    path.write_text("month,sold\n" + "".join(f"{time},{value}\n" for time, value in rows))
    return load_panel(path)


@pytest.mark.parametrize(
    "name", ["Total", "Gesamt", "Grand total", "TOTAL:", "Somme", "Summe 2021/22", "Durchschnitt", "mean"]
)
def test_a_last_row_of_totals(name: str, tmp_path: Path):
    found = written([*zip(DAYS, NORTH, strict=True), (name, NORTH.sum())], tmp_path / "sales.csv")
    assert found.values[0].tolist() == NORTH.tolist()
    assert found.notes[0] == f"1 row that sums up others left out: {name!r}"


def test_rows_of_totals_between_others(tmp_path: Path):
    rows: list[tuple[object, object]] = [*zip(DAYS, NORTH, strict=True)]
    rows[12:12] = [("Total 2021", NORTH[:12].sum())]
    rows.append(("Total 2022", NORTH[12:].sum()))
    found = written(rows, tmp_path / "sales.csv")
    assert found.values[0].tolist() == NORTH.tolist()
    assert found.notes[0] == "2 rows that sum up others left out: 'Total 2021', 'Total 2022'"
    rows[15] = (rows[15][0], "")
    with pytest.raises(InputError, match=r"sales\.csv, row 17, column 'sold'"):  # as the file counts them
        written(rows, tmp_path / "sales.csv")


def test_a_row_of_totals_below_a_column_for_each_month(tmp_path: Path):
    years = pd.DataFrame({"year": ["2019", "2020", "2021"]} | {name: [1, 2, 4] for name in MONTHS[:12].strftime("%b")})
    years.loc[3] = ["Total", *[7] * 12]
    years.to_csv(tmp_path / "years.csv", index=False)
    assert load_panel(tmp_path / "years.csv").values[0].tolist() == [1.0] * 12 + [2.0] * 12 + [4.0] * 12


def test_a_word_that_is_no_total_is_refused_as_ever(tmp_path: Path):
    with pytest.raises(InputError, match="'Autumn' is not a time"):
        written([*zip(DAYS, NORTH, strict=True), ("Autumn", 3)], tmp_path / "sales.csv")


LONG = WIDE.melt("month", var_name="region", value_name="sold")
LATE = WIDE["South"].where(WIDE.index > 3)
LAYOUTS = {
    "a column for each series": WIDE,
    "a row for each value": LONG,
    "a column for each month": WIDE.set_index("month").T.rename(columns=str).reset_index(names="region"),
    "in the middle": WIDE[["month", "North", "Total", "South"]],
    "one begins later": WIDE.assign(South=LATE, Total=NORTH + LATE.fillna(0)),
    "rounded": (WIDE.set_index("month") / 7).round(1).reset_index(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_series_that_is_the_sum_of_the_others(layout: str):
    found = panel_from_frame(LAYOUTS[layout])
    assert sorted(found.ids) == ["North", "South"]
    assert found.notes[-1] == "'Total' is the sum of the others and was left out"


OWN = {
    "it is no sum": WIDE.assign(Total=WIDE["Total"] + (np.arange(24) == 20) * 40),
    "it is not called one": WIDE.rename(columns={"Total": "East"}),
    "there is but one other": WIDE[["month", "North"]].assign(Total=NORTH),
    "it goes on": pd.concat(
        [LONG, pd.DataFrame({"month": [pd.Timestamp("2023-01-01")], "region": "Total", "sold": 9})]
    ),
}


@pytest.mark.parametrize("kind", OWN)
def test_a_series_like_any_other(kind: str):
    found = panel_from_frame(OWN[kind])
    assert len(found) == (2 if "one other" in kind else 3)
    assert not any("left out" in note for note in found.notes)


def test_nothing_and_sums_beyond_all_numbers_are_no_totals():
    largest = np.finfo(float).max
    wide = pd.DataFrame({"ds": DAYS[:3], "a": [0, largest, 0], "b": [0, largest, 1]})
    for total in ([0, 0, 0], [0, largest, 1]):
        assert panel_from_frame(wide.assign(Sum=total)).ids == ("a", "b", "Sum")


def test_a_forecaster_goes_on_without_it():
    model = Forecaster(3, model="naive", season=1).fit(LONG[LONG["month"] < "2022-12"])
    assert model.predict()["unique_id"].unique().tolist() == ["North", "South"]
    model.update(LONG[LONG["month"] >= "2022-12"])
    assert model.predict().equals(model.predict(LONG))
    assert "'Total' is the sum of the others and was left out" in model.notes_


def test_of_a_part_of_a_table_every_series_is_forecast():
    """Nobody sees the others there."""
    model = Forecaster(3, model="naive", season=1).fit(LONG)
    assert Batch(model, id="region")(LONG)["unique_id"].unique().tolist() == ["North", "South", "Total"]
