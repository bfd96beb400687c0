"""The network behind what was expected of a row: that which was asked, at the time when it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tolerance import BATCH_SIZE_FORECAST

from gatewise.errors import InputError
from gatewise.estimators import Detector
from gatewise.models.detect.inside import subject_of
from gatewise.models.registry import kind_of
from gatewise.tables.panel import Frequency, Panel

KNOWN, ROWS = 150, 60


def series(first: int, last: int) -> Panel:
    """Half hours of a load around zero, with a rhythm of 24 of them, two gaps and a spike."""
    hours = np.arange(KNOWN + ROWS)
    values = 10 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(3).normal(size=len(hours))
    made = np.isin(hours, (37, KNOWN - 2, KNOWN + 3))
    values[KNOWN + 30] += 30
    times = np.datetime64("2024-01-01", "ns") + hours * np.timedelta64(30, "m")
    chosen = slice(first, last)
    return Panel(
        ("load",), (times[chosen],), (values[chosen],), Frequency("30min"), 1, target="load", made=(made[chosen],)
    )


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(season=24).fit(series(0, KNOWN))


@pytest.mark.parametrize("row", [1, 2, 9, 31, ROWS, None])
def test_what_is_shown_is_what_the_row_was_compared_with(detector: Detector, row: int | None) -> None:
    rows = series(KNOWN, KNOWN + ROWS)
    (verdicts,) = Detector.unpack(detector.pack()).update(rows).verdicts
    subject = subject_of(detector, rows, row=row)
    at = 30 if row is None else row - 1  # the spike surprises the most
    prediction = subject.predictions[subject.chosen]
    assert prediction.label == np.datetime_as_string(rows.times[0][at], unit="m").replace("T", " ")
    chart = subject.chart
    assert chart is not None
    step = chart.times.index(prediction.label) - len(chart.observed)
    (interval,) = chart.intervals
    shown = [float(values[step]) for values in (interval.low, chart.median, interval.high)]
    np.testing.assert_allclose(shown, verdicts.expected[at], rtol=BATCH_SIZE_FORECAST)
    about = dict(subject.about)
    assert about["Row"].startswith(prediction.label)
    assert f"{verdicts.surprise[at]:.2f} decades" in about["Surprise"]
    assert any(name.startswith("Listens to") for name in about)


def test_a_detector_is_looked_into_where_it_stands(detector: Detector) -> None:
    before = detector.pack()
    first = subject_of(detector, series(KNOWN, KNOWN + ROWS), row=5)
    assert detector.pack() == before
    assert subject_of(detector, series(KNOWN, KNOWN + 8), row=5).predictions == first.predictions


@pytest.mark.parametrize(
    ("rows", "asked", "said"),
    [
        (series(KNOWN, KNOWN + 9), {"row": 10}, "`output` is 10"),
        (series(KNOWN, KNOWN + 9), {"row": 0}, "`output` is 0"),
        (series(KNOWN, KNOWN + 9), {"series": "x"}, "no series 'x'"),
        (series(0, 9), {}, "overlap"),
    ],
)
def test_what_cannot_be_looked_into_is_refused(
    detector: Detector, rows: Panel, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        subject_of(detector, rows, **asked)


def test_of_a_row_that_nothing_was_expected_of_nothing_is_shown() -> None:
    rows = series(0, 60)
    missing = Panel(rows.ids, rows.times, rows.values, rows.frequency, 1, target="load", made=(np.ones(60, np.bool_),))
    detector = Detector(season=24).fit(missing)
    with pytest.raises(InputError, match="nothing was expected of row 3"):
        subject_of(detector, series(60, 70), row=3)


def test_a_file_says_what_it_listened_to(detector: Detector, tmp_path: Path) -> None:
    path = tmp_path / "watch.safetensors"
    detector.save(path)
    kind = kind_of(path, "explain")
    subject = kind.explain(kind.load(path), series(KNOWN, KNOWN + ROWS), source="rows.csv")
    assert subject.title == "rows.csv: load"
