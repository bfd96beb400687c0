"""More series than one table should hold: the forecasts of one, in parts, whatever interrupts the run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.forecast import Forecaster, ManyForecasts, ReadOptions, forecast_many
from gatewise.models.forecast.many import buckets, run
from gatewise.models.forecast.many.folder import Folder
from gatewise.models.forecast.many.worker import Worker

SERIES, MONTHS = 30, 40


def table() -> pd.DataFrame:
    """Months of series of several lengths, their rows in the order of time."""
    t = np.arange(MONTHS)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{number:02}",
                "ds": pd.date_range("2020-01-01", periods=MONTHS, freq="MS")[number % 5 :],
                "y": (20 + number + 5 * np.sin(t / 12 * 2 * np.pi) + np.sin(t * t + number))[number % 5 :],
            }
        )
        for number in range(SERIES)
    ]
    return pd.concat(parts).sort_values(["ds", "unique_id"], ignore_index=True)


def folder_of(frame: pd.DataFrame, path: Path, files: int = 3) -> Path:
    path.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), files)):
        frame.iloc[rows].to_parquet(path / f"{number}.parquet", index=False)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return folder_of(table(), tmp_path / "source")


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "ROWS", 200)
    monkeypatch.setattr(buckets, "SLICE", 500)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Buckets are forecast in this very process, which takes no time to start; which ones."""
    seen: list[int] = []

    def forecast_buckets(folder: Folder, left: list[int], count: int) -> Iterator[int]:
        worker = Worker(folder)
        for number in left:
            seen.append(number)
            worker.forecast(number)
            yield number

    monkeypatch.setattr(run, "forecast_buckets", forecast_buckets)
    return seen


def read(outcome: ManyForecasts) -> pd.DataFrame:
    return pd.read_parquet(outcome.folder).sort_values(["unique_id", "ds"], ignore_index=True)


@pytest.mark.parametrize("model", ["pretrained", "seasonal_naive"])
def test_parts_hold_what_one_table_is_forecast_to_be(source: Path, tmp_path: Path, here: list[int], model: str):
    outcome = forecast_many(source, tmp_path / "out's [1]*", 3, model=model)
    expected = Forecaster(3, model=model).fit(table()).predict()
    pd.testing.assert_frame_equal(
        read(outcome), expected.sort_values(["unique_id", "ds"], ignore_index=True), check_exact=True
    )
    assert (outcome.series, outcome.season, outcome.frequency) == (SERIES, 12, "MS")
    assert len(outcome.parts) == len(here) > 3
    assert not outcome.refused
    assert not outcome.set_aside.exists()
    assert not Folder(outcome.folder).work.exists()


def test_what_is_done_is_not_done_again(source: Path, tmp_path: Path, here: list[int]):
    outcome = forecast_many(source, tmp_path / "out", 3, model="naive")
    here.clear()
    assert forecast_many(source, tmp_path / "out", 3, model="naive") == outcome
    assert not here


def test_only_parts_that_are_there_as_they_were_written_count(source: Path, tmp_path: Path, monkeypatch: Any):
    whole = tmp_path / "whole"
    stopped: list[int] = []

    def some(folder: Folder, left: list[int], count: int) -> Iterator[int]:
        for number in left:
            if len(stopped) == 3:
                raise KeyboardInterrupt
            stopped.append(number)
            Worker(folder).forecast(number)
            yield number

    with monkeypatch.context() as patch:
        patch.setattr(run, "forecast_buckets", some)
        with pytest.raises(KeyboardInterrupt):
            forecast_many(source, tmp_path / "out", 3, model="naive")
        folder = Folder(tmp_path / "out")
        spoilt, unrecorded, kept = stopped
        folder.part(spoilt).write_bytes(b"half of it")
        folder.record(unrecorded).write_text("{")
        seen: list[int] = []

        def others(folder: Folder, left: list[int], count: int) -> Iterator[int]:
            for number in left:
                seen.append(number)
                Worker(folder).forecast(number)
                yield number

        patch.setattr(run, "forecast_buckets", others)
        outcome = forecast_many(source, tmp_path / "out", 3, model="naive")
        assert {spoilt, unrecorded} < set(seen)
        assert kept not in seen
        assert outcome.sha256 == forecast_many(source, whole, 3, model="naive").sha256


def test_series_that_cannot_be_used_are_set_aside_by_reason(tmp_path: Path, here: list[int]):
    frame = table()
    of = {name: frame.index[frame["unique_id"] == name] for name in frame["unique_id"].unique()}
    frame.loc[of["s03"][4], "y"] = np.nan
    frame.loc[of["s04"], "y"] = np.nan
    frame = frame.drop([of["s05"][7], *of["s06"][2:]])
    frame = pd.concat([frame, frame.loc[of["s07"][:1]]])
    frame.loc[of["s08"][3], "ds"] += pd.Timedelta(days=3)
    frame.loc[of["s09"][3], "ds"] = pd.NaT
    frame.loc[of["s10"][3], "y"] = np.inf
    outcome = forecast_many(folder_of(frame, tmp_path / "source"), tmp_path / "out", 3, model="pretrained")
    reasons = {
        "missing values": "s03",
        "no value at all": "s04",
        "gaps in time": "s05",
        "a time that appears twice": "s07",
        "times that do not lie on the steps of the others": "s08",
        "missing times": "s09",
        "a cell of the column 'y' that cannot be read": "s10",
    }
    assert outcome.refused == dict.fromkeys(reasons, 1)
    assert outcome.fell_back == {"too short for Pretrained: SeasonalNaive stands in": 1}
    told = pd.read_csv(outcome.set_aside).set_index("reason")
    assert {reason: told.loc[reason, "unique_id"] for reason in reasons} == reasons
    assert told["what"].value_counts().to_dict() == {"refused": len(reasons), "fell back": 1}
    assert set(read(outcome)["unique_id"]) == set(of) - set(reasons.values())
    assert outcome.series == SERIES - len(reasons)


def test_too_large_values_are_the_fault_of_their_series(tmp_path: Path, here: list[int]):
    frame = table()
    frame.loc[frame["unique_id"] == "s11", "y"] *= 1e300
    outcome = forecast_many(folder_of(frame, tmp_path / "source"), tmp_path / "out", 3, model="naive")
    assert outcome.refused == {"its values are too large to compute with": 1}
    assert outcome.series == SERIES - 1


def test_a_file_of_text_is_read_as_ever(tmp_path: Path, here: list[int]):
    frame = table()
    text = pd.DataFrame(
        {
            "Filiale": frame["unique_id"],
            "Datum": frame["ds"].dt.strftime("%d.%m.%Y"),
            "Umsatz": frame["y"].round(4).map("{:.4f}".format).str.replace(".", ","),
        }
    )
    text.to_csv(tmp_path / "data.csv", sep=";", index=False)
    options = ReadOptions(id="Filiale")
    outcome = forecast_many(tmp_path / "data.csv", tmp_path / "out", 3, model="naive", read=options)
    expected = Forecaster(3, model="naive").fit(tmp_path / "data.csv", read=options).predict()
    pd.testing.assert_frame_equal(
        read(outcome), expected.sort_values(["unique_id", "ds"], ignore_index=True), check_exact=True
    )


def test_a_saved_model_forecasts(source: Path, tmp_path: Path, here: list[int]):
    saved = Forecaster(5, model="drift", levels=(50,), season=12).fit(table())
    saved.save(tmp_path / "model")
    outcome = forecast_many(source, tmp_path / "out", load=tmp_path / "model")
    pd.testing.assert_frame_equal(
        read(outcome), saved.predict().sort_values(["unique_id", "ds"], ignore_index=True), check_exact=True
    )
    with pytest.raises(InputError, match="`horizon` cannot be used with `load`"):
        forecast_many(source, tmp_path / "other", 4, load=tmp_path / "model")


def test_a_folder_of_something_else_is_left_alone(source: Path, tmp_path: Path, here: list[int]):
    out = tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"other files, such as letter\.txt"):
        forecast_many(source, out, 3, model="naive")
    assert [path.name for path in out.iterdir()] == ["letter.txt"]


def test_a_run_goes_on_only_with_what_it_began_with(source: Path, tmp_path: Path, here: list[int]):
    forecast_many(source, tmp_path / "out", 3, model="naive")
    with pytest.raises(InputError, match="another horizon"):
        forecast_many(source, tmp_path / "out", 4, model="naive")
    os.utime(source / "1.parquet", (0, 0))
    with pytest.raises(InputError, match="files that have changed since"):
        forecast_many(source, tmp_path / "out", 3, model="naive")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"horizon": None}, "horizon"),
        ({"workers": 0}, "workers"),
        ({"model": "magic"}, "model"),
        ({"levels": (0,)}, "levels"),
    ],
)
def test_arguments_are_refused_before_anything_is_written(source: Path, tmp_path: Path, arguments: Any, match: str):
    with pytest.raises(InputError, match=match):
        forecast_many(source, tmp_path / "out", **{"horizon": 3, **arguments})
    assert not (tmp_path / "out").exists()


def test_without_a_column_of_names_there_is_nothing_to_part_by(tmp_path: Path, here: list[int]):
    one = table().query("unique_id == 's00'").drop(columns="unique_id")
    with pytest.raises(InputError, match="no column names the series"):
        forecast_many(folder_of(one, tmp_path / "source", 1), tmp_path / "out", 3)
    with pytest.raises(InputError, match="no Parquet file in this folder"):
        forecast_many(tmp_path / "out", tmp_path / "other", 3)


def test_rows_without_a_name_are_refused(tmp_path: Path, here: list[int]):
    frame = table()
    frame.loc[3, "unique_id"] = None
    with pytest.raises(InputError, match=r"1 rows? do(es)? not name"):
        forecast_many(folder_of(frame, tmp_path / "source"), tmp_path / "out", 3, model="naive")


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_bits(source: Path, tmp_path: Path):
    outcomes = [forecast_many(source, tmp_path / f"{count}", 3, model="pretrained", workers=count) for count in (1, 2)]
    assert outcomes[0].sha256 == outcomes[1].sha256


SCRIPT = """
import sys
from gatewise.forecast import forecast_many
from gatewise.models.forecast.many import buckets

buckets.ROWS = 200
forecast_many(sys.argv[1], sys.argv[2], 3, model="seasonal_naive", workers=2)
"""


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.slow] * (seed > 0)) for seed in range(4)])
def test_a_run_that_is_killed_goes_on(source: Path, tmp_path: Path, seed: int, here: list[int]):
    out, draw = tmp_path / "out", random.Random(seed)
    command = [sys.executable, "-c", SCRIPT, str(source), str(out)]
    process = subprocess.Popen(command, start_new_session=True)
    until = time.monotonic() + 60
    while not list(out.glob("part-*")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(draw.uniform(0, 0.2))
    process.kill()
    assert process.wait() in (-signal.SIGKILL, 0)
    outcome = forecast_many(source, out, 3, model="seasonal_naive")
    assert outcome.sha256 == forecast_many(source, tmp_path / "whole", 3, model="seasonal_naive").sha256
    assert len(read(outcome)) == 3 * SERIES


def test_names_of_several_columns_and_times_of_two_are_put_together(tmp_path: Path, here: list[int]):
    frame = table()
    names, times = frame["unique_id"], frame["ds"].dt
    split = frame.assign(shop=names.str[0], item=names.str[1:], year=times.year, month=times.month)
    split = split[["year", "shop", "month", "item", "y"]]
    options = ReadOptions(id="shop,item", time="year,month")
    outcome = forecast_many(folder_of(split, tmp_path / "source"), tmp_path / "out", 3, model="naive", read=options)
    expected = Forecaster(3, model="naive").fit(split, read=options).predict()
    pd.testing.assert_frame_equal(
        read(outcome), expected.sort_values(["unique_id", "ds"], ignore_index=True), check_exact=True
    )
    assert read(outcome)["unique_id"][0] == "s/00"


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_table_with_a_column_for_each_series_is_forecast(tmp_path: Path, here: list[int], kind: str):
    frame = table()[lambda rows: rows["unique_id"] != "s01"]
    wide = frame.pivot(index="ds", columns="unique_id", values="y").reset_index()
    wide = wide.rename(columns={"s02": "it's"})
    wide["whole"] = np.arange(len(wide))  # a type of its own
    path = folder_of(wide, tmp_path / "source") if kind == "parquet" else tmp_path / "wide.csv"
    if kind == "csv":
        wide.to_csv(path, index=False)
    outcome = forecast_many(path, tmp_path / "out", 3, model="naive")
    expected = Forecaster(3, model="naive").fit(wide).predict()
    pd.testing.assert_frame_equal(
        read(outcome), expected.sort_values(["unique_id", "ds"], ignore_index=True), check_exact=True
    )
    assert {"it's", "whole"} < {*read(outcome)["unique_id"]}
    assert len(here) > 2


def test_sums_of_the_horizon_stand_beside_the_forecasts(source: Path, here: list[int], tmp_path: Path):
    done = forecast_many(source, tmp_path / "out", 4, model="naive", total=True)
    plain = forecast_many(source, tmp_path / "plain", 4, model="naive")
    assert done.sha256 == plain.sha256
    assert not plain.totals
    assert [path.name for path in done.totals] == [path.name for path in done.parts]
    steps, sums = read(done), pd.concat(map(pd.read_parquet, done.totals)).sort_values("unique_id", ignore_index=True)
    assert list(sums) == ["unique_id", "from", "to", *steps.columns[2:]]
    summed = steps.groupby("unique_id").sum(numeric_only=True)
    assert sums["unique_id"].tolist() == summed.index.tolist()
    np.testing.assert_allclose(sums["Naive"], summed["Naive"], rtol=0.02)
    assert (sums["Naive-lo-95"].to_numpy() > summed["Naive-lo-95"].to_numpy()).all()


def test_sums_that_were_lost_are_made_again(
    source: Path, here: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    expected = forecast_many(source, tmp_path / "whole", 4, model="naive", total=True)
    with monkeypatch.context() as patch:
        patch.setattr(run._Run, "_end", _pulled)
        with pytest.raises(OSError, match="pulled"):
            forecast_many(source, tmp_path / "out", 4, model="naive", total=True)
    first = Folder(tmp_path / "out").total(0)
    first.write_bytes(first.read_bytes()[:-1])
    here.clear()
    done = forecast_many(source, tmp_path / "out", 4, model="naive", total=True)
    assert here == [0]
    assert [path.read_bytes() for path in done.totals] == [path.read_bytes() for path in expected.totals]


def _pulled(*arguments: object) -> None:
    raise OSError("pulled")


def test_sums_without_intervals_are_refused_before_anything_is_read(tmp_path: Path):
    with pytest.raises(InputError, match="a total has its interval"):
        forecast_many(tmp_path / "none", tmp_path / "out", 4, levels=(), total=True)
