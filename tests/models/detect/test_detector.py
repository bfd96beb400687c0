"""The detector on tables: what it reads, says, refuses, saves and goes on with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.tolerance import ROUNDING

import gatewise
from gatewise.errors import InputError, ModelFileError
from gatewise.estimators import Detector
from gatewise.models.detect.budget import Budget
from gatewise.models.detect.detector import ENOUGH
from gatewise.models.modelfile import DETECTOR_FILE
from gatewise.tables.options import ReadOptions
from gatewise.tables.panel import Frequency


def table(rows: int = 420, **changes: Any) -> pd.DataFrame:
    """Hours of a load with a season of a day."""
    noise = np.random.default_rng(0).normal(size=rows)
    load = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 24) + noise
    for row, value in changes.get("at", {}).items():
        load[row] = value
    return pd.DataFrame({"time": pd.date_range("2024-01-01", periods=rows, freq="h"), "load": load})


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return table(at={300: 130.0, 350: np.nan})


@pytest.fixture(scope="module")
def detector(frame: pd.DataFrame) -> Detector:
    return Detector(alerts="5/month").fit(frame)


def test_a_spike_is_an_alert(detector: Detector) -> None:
    assert detector.anomalies_ is not None
    alert = next(alert for alert in detector.anomalies_.alerts if alert.peak == 300)
    assert (alert.series, alert.kind, alert.time, alert.value) == ("load", "spike", "2024-01-13 12:00", 130.0)
    assert alert.row <= alert.peak <= alert.last
    assert alert.low < alert.expected < alert.high < alert.value
    assert alert.score > 0.98
    assert detector.anomalies_.verdict in str(detector.anomalies_)
    told = " ".join(detector.anomalies_.notes)
    assert "1 missing row is a gap, and no value stands in for it" in told
    assert "filled" not in told


def test_every_row_has_what_was_said_of_it(frame: pd.DataFrame, detector: Detector) -> None:
    assert detector.anomalies_ is not None
    rows = detector.anomalies_.to_pandas()
    assert list(rows.columns) == [
        *("unique_id", "ds", "y", "expected", "lo-95", "hi-95", "surprise", "level", "score", "alert", "kind"),
    ]
    assert rows["ds"].tolist() == frame["time"].tolist()
    assert rows["y"].equals(frame["load"].rename("y"))
    assert rows["alert"].sum() == len(detector.anomalies_.alerts)
    assert rows.loc[: ENOUGH - 2, "score"].eq(0).all()
    assert rows.loc[ENOUGH - 1 :, "score"].ne(0).any()
    inside = rows["y"].between(rows["lo-95"], rows["hi-95"])[100:]
    assert inside.mean() > 0.85


def test_the_document(detector: Detector, tmp_path: Path) -> None:
    assert detector.anomalies_ is not None
    document = json.loads(detector.anomalies_.to_json(tmp_path / "alerts.json"))
    assert json.loads((tmp_path / "alerts.json").read_text()) == document
    assert document["rows"] == 420
    assert document["budget"] == "5 alerts a month"
    first = next(alert for alert in document["alerts"] if alert["peak"] == "2024-01-13T12:00")
    assert first["kind"] == "spike"
    assert first["value"] == 130
    assert set(first) == {
        *("unique_id", "begin", "end", "peak", "rows", "kind", "cause", "value", "expected", "lo-95", "hi-95", "score"),
    }
    assert "unique_id,ds,y," in detector.anomalies_.to_csv(tmp_path / "rows.csv")
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 421


def test_a_notebook_shows_the_alerts(detector: Detector) -> None:
    assert detector.anomalies_ is not None
    assert "<td" in detector.anomalies_._repr_html_()
    assert "spike" in detector.anomalies_._repr_html_()


def test_rows_that_come_later_are_judged_as_if_they_had_been_there(frame: pd.DataFrame, tmp_path: Path) -> None:
    whole = Detector(rate=0.005).fit(frame).anomalies_
    assert whole is not None
    begun = Detector(rate=0.005).fit(frame[:290])
    begun.save(tmp_path / "detector.safetensors")
    loaded = gatewise.load(tmp_path / "detector.safetensors")
    assert isinstance(loaded, Detector)
    assert loaded.anomalies_ is None
    wanted = whole.to_pandas()[290:].reset_index(drop=True)
    for one in (begun, loaded):
        parts = [one.update(frame[290:300]), one.update(frame[300:301]), one.update(frame[301:349])]
        parts.append(one.update(frame[351:]))  # the missing row before is told by the times
        pd.testing.assert_frame_equal(
            pd.concat([part.to_pandas() for part in parts], ignore_index=True)[: 349 - 290], wanted[: 349 - 290],
            check_exact=True,
        )  # fmt: skip
    assert "level" in wanted
    assert begun.update(table(424)[420:]).to_csv() == loaded.update(table(424)[420:]).to_csv()


def test_a_detector_goes_on_from_its_bytes(frame: pd.DataFrame) -> None:
    begun = Detector(season=24).fit(frame[:290])
    data = begun.pack()
    assert begun.ends_ == {"load": np.datetime64("2024-01-13T01:00")}
    wanted = begun.update(frame[290:]).to_csv()
    assert [Detector.unpack(data).update(frame[290:]).to_csv() for _ in range(2)] == [wanted] * 2
    with pytest.raises(ModelFileError, match="damaged") as refused:
        Detector.unpack(data[:-1] + b"?", "the letter")
    assert refused.value.where == "the letter"


def test_times_that_are_left_out_are_missing_rows(frame: pd.DataFrame) -> None:
    detector = Detector().fit(frame[:300])
    found = detector.update(frame[310:320]).to_pandas()
    assert len(found) == 20
    assert found["y"].isna().sum() == 10
    assert "gap" in set(found["kind"])


def test_series_are_watched_one_by_one(frame: pd.DataFrame) -> None:
    other = frame.assign(load=np.random.default_rng(2).normal(size=len(frame)))
    long = pd.concat([frame.assign(place="=A"), other.assign(place="B"), frame[:30].assign(place="short")])
    read = ReadOptions(target="load", time="time", id="place")
    both = Detector(rate=0.005).fit(long, read=read)
    alone = Detector(rate=0.005).fit(frame)
    assert both.anomalies_ is not None
    assert alone.anomalies_ is not None
    rows = both.anomalies_.to_pandas()
    own = rows[rows["unique_id"] == "=A"].drop(columns="unique_id")
    pd.testing.assert_frame_equal(own, alone.anomalies_.to_pandas().drop(columns="unique_id"), check_exact=True)
    assert any("short" in note for note in both.anomalies_.notes)
    assert "'=A" in both.anomalies_.to_csv()
    later = long[long["place"] == "B"].assign(time=lambda one: one["time"] + pd.Timedelta("420h"))
    assert set(both.update(later, read=read).to_pandas()["unique_id"]) == {"B"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"alerts": "5/month", "rate": 0.1}, "say the same"),
        ({"alerts": "many"}, "`alerts` is 'many'"),
        ({"alerts": "0/month"}, "`alerts` is '0/month'"),
        ({"alerts": "5/fortnight"}, "5/month"),
        ({"rate": 0}, "`rate` is 0"),
        ({"rate": 1.0}, "`rate` is 1.0"),
        ({"season": 0}, "`season` is 0"),
        ({"season": 4097}, "`season` is 4097"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        Detector(**arguments)


@pytest.mark.parametrize(
    ("alerts", "frequency", "rate"),
    [
        ("5/month", "h", 5 / 730.5),
        ("1 per day", "15min", 1 / 96),
        ("2/week", "D", 2 / 7),
        ("1/year", "MS", 1 / 12),
        ("3/1000", "1", 0.003),
        ("3/1000", "h", 0.003),
    ],
)
def test_a_budget_is_a_rate(alerts: str, frequency: str, rate: float) -> None:
    start = 0 if frequency == "1" else np.datetime64("2024-01-01", "ns")
    about = 2e-3 if frequency == "MS" else ROUNDING
    assert Budget.of(alerts, None).rate(Frequency(frequency), start) == pytest.approx(rate, rel=about)


def test_a_budget_that_does_not_fit_the_table_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="one a row or more"):
        Detector(alerts="24/day").fit(frame)
    counted = frame.assign(time=np.arange(len(frame)))
    with pytest.raises(InputError, match="plain counter") as refused:
        Detector(alerts="5/month").fit(counted)
    assert "1/1000" in refused.value.hint


def test_what_cannot_be_judged_is_refused(frame: pd.DataFrame, detector: Detector) -> None:
    with pytest.raises(InputError, match="not fitted"):
        Detector().update(frame)
    with pytest.raises(InputError, match="the longest series has 55 rows"):
        Detector().fit(frame[:55])
    with pytest.raises(InputError, match="the value -1e\\+200 of series 'load' at 2024-01-01 07:00 is too large"):
        Detector().fit(table(at={7: -1e200}))
    with pytest.raises(InputError, match="there are 14 rows, missing ones included, and 13 may be"):
        detector.update(table(434)[430:], most=13)
    with pytest.raises(InputError, match="overlap"):
        detector.update(frame[400:])
    with pytest.raises(InputError, match="frequency"):
        detector.update(table(430)[425:].assign(time=lambda one: one["time"] + pd.Timedelta("7min")))
    with pytest.raises(InputError, match="target column 'load', the data have 'weight'"):
        detector.update(table(430)[420:].rename(columns={"load": "weight"}))


def test_a_refused_update_changes_nothing(frame: pd.DataFrame) -> None:
    detector, other = Detector().fit(frame), Detector().fit(frame)
    with pytest.raises(InputError):
        detector.update(frame[410:])
    later = table(424)[420:]
    assert detector.update(later).to_csv() == other.update(later).to_csv()


def test_parameters_are_those_of_an_estimator() -> None:
    detector = Detector(alerts="5/month", season=24)
    assert repr(detector) == "Detector(alerts='5/month', season=24)"
    assert detector.set_params(alerts=None, rate=0.5).get_params()["rate"] == 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record, tensors: record["series"]["load"].pop("known"), "known"),
        (lambda record, tensors: record["series"]["load"].update(known=7), "past"),
        (lambda record, tensors: record["series"]["load"].update(rate=2.0), "rate"),
        (lambda record, tensors: record["series"]["load"].update(due=419), "due"),
        (lambda record, tensors: record["series"]["load"].update(due=1 << 50), "due"),
        (lambda record, tensors: tensors.pop("0.tail.2"), "tail.2"),
        (lambda record, tensors: tensors.update({"0.extra": torch.zeros(2)}), "no detector"),
        (lambda record, tensors: tensors.update({"1.past": torch.zeros(2)}), "no series"),
        (lambda record, tensors: tensors.update({"0.tail.2": torch.full((9,), torch.nan).double()}), "not finite"),
        (lambda record, tensors: tensors.update({"0.values": torch.zeros(5000).double()}), "another size"),
        (lambda record, tensors: tensors.update({"0.ahead": torch.zeros(9).double()}), "another size"),
        (lambda record, tensors: record["schema"].update(frequency="moon"), "moon"),
    ],
)
def test_a_file_that_describes_no_detector_is_refused(
    detector: Detector, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object], said: str
) -> None:
    detector.save(tmp_path / "good.safetensors")
    tensors, record = DETECTOR_FILE.read(tmp_path / "good.safetensors")
    for name in ("sha256", "format", "gatewise"):
        del record[name]
    change(record, tensors)
    DETECTOR_FILE.write(tmp_path / "bad.safetensors", tensors, record)
    with pytest.raises(ModelFileError, match=said):
        Detector.load(tmp_path / "bad.safetensors")


def test_the_title_and_the_command_can_be_given(detector: Detector) -> None:
    assert detector.anomalies_ is not None
    named = replace(detector.anomalies_, source="<b>load</b>", command="gatewise detect load.csv")
    page = named.to_html()
    assert "&lt;b&gt;load&lt;/b&gt;" in page
    assert "gatewise detect load.csv" in page
