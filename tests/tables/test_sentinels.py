"""Numbers that may stand for missing values: asked about where they lie far off, and read as they are said to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables.labelled import load_labelled
from gatewise.tables.options import CovariateOptions, ReadOptions
from gatewise.tables.panel import Frequency, Panel
from gatewise.tables.panels import panel_from_frame
from gatewise.tables.supplied import panel_with_covariates

Load = Callable[..., Panel]
DAYS = pd.date_range("2024-01-01", periods=12)
VALUES = ["21", "24", "-3", "27", "30", "26", "25", "28", "31", "29", "33", "35"]


def table(cells: dict[int, str], others: list[str] = VALUES) -> str:
    """A file of daily values with these cells in place of some."""
    values = [cells.get(i, value) for i, value in enumerate(others)]
    return "ds;y\n" + "".join(f"{day.date()};{value}\n" for day, value in zip(DAYS, values, strict=True))


ASKED = {
    "one far below": ({4: "-999"}, "-999 stands in 1 cell"),
    "several": ({4: "-9999", 7: "-9999.0"}, "-9999 stands in 2 cells"),
    "below, with a decimal": ({4: "-99.9", 7: "-99.9"}, "-99.9 stands in 2 cells"),
    "above": ({4: "9999.9", 7: "9999.9"}, "9999.9 stands in 2 cells"),
    "both": ({4: "9999", 7: "-9999"}, "-9999 and 9999 stand in 2 cells"),
    "the least of two bytes": ({4: "-32768"}, "-32768 stands in 1 cell"),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_number_far_from_all_others_is_asked_about(load: Load, name: str) -> None:
    cells, words = ASKED[name]
    with pytest.raises(InputError, match=f"{words} of a column of numbers from -3 to 35") as caught:
        load(table(cells))
    assert caught.value.where.endswith("row 6, column 'y'")
    said = caught.value.hint.split('"')[1]
    panel = load(table(cells), ReadOptions(missing=said, fill="linear"))
    right = pd.Series([np.nan if i in cells else float(value) for i, value in enumerate(VALUES)]).interpolate()
    assert panel.values[0].tolist() == right.tolist()
    assert any(note.startswith(f"{len(cells)} cell") and note.endswith("read as missing") for note in panel.notes)
    kept = load(table(cells), ReadOptions(missing="none"))
    assert kept.values[0].tolist() == [float(cells.get(i, value)) for i, value in enumerate(VALUES)]


def test_below_zero_twice_where_no_other_is(load: Load) -> None:
    flow = [str(500 * i) for i in range(12)]
    with pytest.raises(InputError, match="-999 stands in 2 cells"):
        load(table({4: "-999", 6: "-999"}, flow))
    assert load(table({4: "-999"}, flow)).values[0].min() == -999


LIKE_OTHERS = {
    "among the others": ({4: "99"}, [str(value) for value in range(90, 102)]),
    "not far above": ({4: "999", 5: "999"}, [str(100 * value) for value in range(12)]),
    "once above": ({4: "999"}, [str(10 * value) for value in range(12)]),
    "no number of that kind": ({4: "-998"}, VALUES),
    "round numbers": ({3: "1000000", 4: "1000000"}, VALUES),
    "too few others": ({i: "-999" for i in range(6)}, VALUES),
}


@pytest.mark.parametrize("name", LIKE_OTHERS)
def test_a_number_like_any_other(load: Load, name: str) -> None:
    cells, others = LIKE_OTHERS[name]
    assert load(table(cells, others)).values[0].tolist() == [
        float(cells.get(i, value)) for i, value in enumerate(others)
    ]


def test_words_may_be_said_to_be_missing(load: Load) -> None:
    panel = load(table({4: "<1", 5: "Ausfall"}), ReadOptions(missing="<1, ausfall", fill="zero"))
    assert panel.values[0].tolist()[4:6] == [0, 0]


def test_a_frame_of_single_precision() -> None:
    frame = pd.DataFrame({"ds": DAYS, "y": np.array([1, 2, 3, 4, 9999.9, 6, 7, 8, 9, 10, 11, 12], np.float32)})
    panel = panel_from_frame(frame, ReadOptions(missing="9999.9", fill="linear"))
    assert panel.values[0].tolist() == list(range(1, 13))


def test_rows_that_go_on_are_not_judged_anew() -> None:
    frame = pd.DataFrame({"ds": DAYS, "y": [*range(11), -999]})
    assert panel_from_frame(frame, pace=Frequency("D")).values[0][-1] == -999


def test_of_a_covariate() -> None:
    frame = pd.DataFrame({"ds": DAYS, "y": range(12), "temperature": [*range(11), -999]})
    asked = CovariateOptions(covariates="temperature:past")
    with pytest.raises(InputError, match="-999 stands in 1 cell") as caught:
        panel_with_covariates(frame, ReadOptions(), asked, horizon=1)
    assert "column 'temperature'" in caught.value.where
    panel = panel_with_covariates(frame, ReadOptions(missing="-999"), asked, horizon=1)
    assert panel.covariates is not None
    assert panel.covariates.values[0][:12, 0].tolist() == [*range(11), 10]


def test_of_a_feature_of_sequences(tmp_path: Path) -> None:
    rows = [(i // 6, i if i != 7 else -999, "ab"[i // 6]) for i in range(12)]
    path = tmp_path / "steps.csv"
    path.write_text("id,x,label\n" + "".join(f"{id},{x},{label}\n" for id, x, label in rows))
    with pytest.raises(InputError, match="-999 stands in 1 cell"):
        load_labelled(path)
    with pytest.raises(InputError, match="the value is missing"):
        load_labelled(path, ReadOptions(missing="-999"))
    assert list(load_labelled(path, ReadOptions(missing="none")).sequences)[1][1].tolist() == [-999]
