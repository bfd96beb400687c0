"""New rows behind a history: the forecast of the whole, whatever the split, or a refusal and nothing changed."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.matrix import values
from tests.models.forecast.fakes import climbing

from gatewise.errors import InputError, ModelFileError
from gatewise.models.forecast.estimator import Forecaster
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.models.forecast.history import LEAST_ROOM, Room
from gatewise.models.forecast.network.settings import Settings
from gatewise.models.forecast.pretrained import tuned
from gatewise.tables.panel import Frequency, Panel

HORIZON, SEASON, START = 5, 4, 40
LENGTHS = {"a": 75, "b": 64, "c": 52}
MODELS = {" ".join(pair): pair for pair in [*((word, "window") for word in CONTESTANTS), ("lstm", "causal")]}
SPLITS = st.lists(st.integers(1, 9), min_size=1, max_size=4)


def table(names: str = "abc", begin: int = 0, end: int = 1000) -> pd.DataFrame:
    """Rows ``begin`` to ``end`` of monthly series of several lengths."""
    months = pd.date_range("2001-01-01", periods=max(LENGTHS.values()), freq="MS")
    series = [
        pd.DataFrame({"unique_id": name, "ds": months[: LENGTHS[name]], "y": climbing(LENGTHS[name]) + 10 * row})
        for row, name in enumerate("abc")
    ]
    return pd.concat([one.iloc[begin:end] for one in series if one["unique_id"][0] in names], ignore_index=True)


_fitted: dict[tuple[str, str], Forecaster] = {}


def fitted(model: str = "naive", normalisation: str = "window") -> Forecaster:
    """A fresh copy of a forecaster that learned from the first rows."""
    key = model, normalisation
    if key not in _fitted:
        of = Settings.of
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Settings, "of", lambda *sizes: replace(of(*sizes), steps=8))
            patch.setattr(tuned.Lessons, "updates", 2)
            made = Forecaster(HORIZON, model=model, season=SEASON, normalisation=normalisation)
            _fitted[key] = made.fit(table(end=START))
    return copy.deepcopy(_fitted[key])


def pieces(sizes: list[int], begin: int = START) -> list[tuple[int, int]]:
    ends = np.cumsum([begin, *sizes]).tolist()
    return list(pairwise(ends))


@pytest.mark.parametrize("fitted_as", values(MODELS, quick=["naive window", "lstm causal"]))
@settings(max_examples=6)
@given(sizes=SPLITS, often=st.booleans())
def test_the_forecast_is_that_of_the_whole_history(fitted_as: tuple[str, str], sizes: list[int], often: bool):
    grown, plain = fitted(*fitted_as), fitted(*fitted_as)
    for begin, end in pieces(sizes):
        assert grown.update(table(begin=begin, end=end)) is grown
        if often:
            grown.predict()
    pd.testing.assert_frame_equal(grown.predict(), plain.predict(table(end=START + sum(sizes))), check_exact=True)


@pytest.mark.parametrize("normalisation", ["window", "causal"])
def test_some_series_may_go_on_alone(normalisation: str):
    grown, plain = fitted("lstm", normalisation), fitted("lstm", normalisation)
    grown.update(table("b", START, START + 3)).predict()
    grown.update(table("bc", START + 3, START + 4).query("unique_id == 'b'")).update(table("c", START, START + 1))
    whole = pd.concat([table("a", 0, START), table("b", 0, START + 4), table("c", 0, START + 1)])
    pd.testing.assert_frame_equal(grown.predict(), plain.predict(whole), check_exact=True)


@pytest.mark.parametrize("form", ["long", "wide", "one column of a wide table", "panel", "one row"])
def test_forms_of_new_rows(form: str):
    days = pd.date_range("2024-01-01", periods=30)
    wide = pd.DataFrame({"ds": days, "left": np.arange(30.0), "right": np.arange(30.0) ** 2})
    long = wide.melt("ds", var_name="unique_id", value_name="y")
    given = long if form in ("long", "one row", "panel") else wide
    forecaster = Forecaster(3, model="naive").fit(given[given["ds"] < "2024-01-21"])
    new = given[given["ds"] >= "2024-01-21"]
    if form == "panel":
        new = Forecaster(3, model="naive").fit(new).panel_
    elif form == "one row":
        new = new[(new["ds"] == "2024-01-21") & (new["unique_id"] == "left")]
    elif form == "one column of a wide table":
        new = new[["ds", "left"]]
    forecaster.update(new)
    assert forecaster.panel_ is not None
    lengths = {"one row": [21, 20], "one column of a wide table": [30, 20]}.get(form, [30, 30])
    assert forecaster.panel_.lengths.tolist() == lengths


@pytest.mark.parametrize("alias", ["MS", "ME", "QS-FEB", "W-WED", "B", "h", "15min", "YS", "7"])
def test_every_frequency_goes_on_from_a_single_row(alias: str):
    frequency = Frequency(alias)
    start: Any = 3 if frequency.counts else frequency.future(np.datetime64("2020-01-01", "ns"), 1)[0]
    times = np.concatenate(([start], frequency.future(start, 30)))
    frame = pd.DataFrame({"ds": times, "y": np.arange(31.0) % 7})
    forecaster = Forecaster(2, model="naive").fit(frame[:30])
    assert forecaster.schema_.frequency == alias
    ahead = forecaster.update(frame[30:]).predict()["ds"].to_numpy()
    np.testing.assert_array_equal(ahead, frequency.future(times[-1], 2))


def changed(**columns: Any) -> pd.DataFrame:
    return table(begin=START, end=START + 4).assign(**columns)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a gap": (lambda: table(begin=START + 2, end=START + 5), "2 steps of MS missing in series 'a' between 2004-04-01"),
    "a gap in one": (
        lambda: pd.concat([table("a", START, START + 3), table("b", START + 1, START + 3)]),
        "1 step of MS missing in series 'b' between 2004-04-01 and 2004-06-01",
    ),
    "a gap within": (lambda: table("a", START, START + 5).drop(index=2), "1 gap in time"),
    "an overlap": (
        lambda: table("b", START - 2, START + 3),
        "2 rows of series 'b' (2004-03-01 to 2004-04-01) overlap with its history, which ends at 2004-04-01",
    ),
    "old rows": (lambda: table("c", 3, 4), "1 row of series 'c' (2001-04-01) overlap"),
    "another frequency": (
        lambda: pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2004-05-01", periods=9), "y": 1.0}),
        "does not lie on the steps of MS",
    ),
    "a day in the middle": (
        lambda: pd.DataFrame({"unique_id": ["a"], "ds": ["2004-05-15"], "y": [1.0]}),
        "does not lie on the steps of MS",
    ),
    "a counter": (lambda: changed(ds=[*range(4)] * 3), "the times are whole numbers"),
    "another target": (
        lambda: changed().rename(columns={"y": "sales"}),
        "the target column 'y', the data have 'sales'",
    ),
    "another time": (lambda: changed().rename(columns={"ds": "month"}), "the time column 'ds', the data have 'month'"),
    "no target": (lambda: changed().drop(columns="y"), "no column of numbers"),
    "unknown series": (lambda: changed().replace({"unique_id": {"c": "C"}}), "no series 'C' in the history"),
    "duplicates": (lambda: pd.concat([changed(), changed()]), "appears twice"),
    "a missing value": (lambda: changed(y=[*[1.0] * 5, np.nan, *[1.0] * 6]), "1 missing value"),
    "an infinite value": (lambda: changed(y=[*[1.0] * 11, np.inf]), "inf"),
    "no rows": (lambda: changed().iloc[:0], "there are no rows"),
    "no table": (lambda: [1.0], "is not a data frame"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_rows_that_do_not_go_on_are_refused_and_nothing_is_changed(what: str):
    make, words = REFUSED[what]
    forecaster = fitted()
    before, panel = forecaster.predict(), forecaster.panel_
    with pytest.raises(InputError) as caught:
        forecaster.update(make())
    assert words in str(caught.value)
    assert forecaster.panel_ is panel
    pd.testing.assert_frame_equal(forecaster.predict(), before, check_exact=True)
    forecaster.update(table(begin=START, end=START + 2))  # and it still goes on


def broken(panel: Panel, **fields: Any) -> Panel:
    return replace(panel.select([0]), **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"values": (np.array([1.0, np.nan]),)}, "no finite value for each"),
        ({"values": (np.ones(3),)}, "no finite value for each"),
        ({"times": (np.array([40, 42]),)}, "1 step of 1 missing in series 'a' between 40 and 42"),
        ({"times": (np.array([41, 40]),)}, "1 step of 1 missing"),
        ({"times": (np.array([40, 40]),)}, "40 comes after 40"),
        ({"times": (np.zeros(0, int),), "values": (np.zeros(0),)}, "no new rows"),
        ({"frequency": Frequency("2")}, "the frequency '1', the data have '2'"),
        ({"ids": ("b",)}, "no series 'b'"),
    ],
)
def test_panels_are_checked_too(fields: dict[str, Any], words: str):
    panel = Panel(("a",), (np.arange(40),), (climbing(40),), Frequency("1"), SEASON)
    new = Panel(("a",), (np.array([40, 41]),), (np.ones(2),), Frequency("1"), SEASON)
    with pytest.raises(InputError) as caught:
        Forecaster(2, model="naive").fit(panel).update(replace(new, **fields))
    assert words in str(caught.value)


def test_before_fit():
    with pytest.raises(InputError, match="not fitted"):
        Forecaster(2).update(table())


@pytest.mark.parametrize(("model", "normalisation"), [("naive", "window"), ("lstm", "window"), ("lstm", "causal")])
def test_a_loaded_model_takes_the_first_rows_for_its_history(model: str, normalisation: str, tmp_path: Path):
    forecaster = fitted(model, normalisation)
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    with pytest.raises(ModelFileError, match="the target column 'y', the data have 'sales'"):
        loaded.update(table().rename(columns={"y": "sales"}))
    loaded.update(table(end=START + 2)).update(table(begin=START + 2, end=START + 5))
    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict(table(end=START + 5)), check_exact=True)
    assert loaded.normalisation == normalisation


def test_fitting_again_begins_a_new_history():
    forecaster = fitted().update(table(begin=START, end=START + 4)).fit(table(end=START))
    assert forecaster.panel_ is not None
    assert set(forecaster.panel_.lengths) == {START}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("normalisation", ["window", "causal"])
def test_copies_go_their_own_ways(copied: Callable[[Forecaster], Forecaster], normalisation: str):
    one = fitted("lstm", normalisation).update(table(begin=START, end=START + 2))
    one.predict()
    other, plain = copied(one), fitted("lstm", normalisation)
    more = table(begin=START + 2, end=START + 4)
    one.update(more)
    one.predict()
    other.update(more.assign(y=more["y"] * 1.5))
    start = table(end=START + 2)
    for each, rows in ((one, more), (other, more.assign(y=more["y"] * 1.5))):
        pd.testing.assert_frame_equal(each.predict(), plain.predict(pd.concat([start, rows])), check_exact=True)


def test_a_history_given_out_stays_as_it_was():
    forecaster = fitted()
    seen = []
    for begin, end in pieces([1, 2, 1]):
        forecaster.update(table("a", begin, end))
        assert forecaster.panel_ is not None
        seen.append((forecaster.panel_, forecaster.panel_.values[0].copy()))
    assert all(np.array_equal(panel.values[0], values) for panel, values in seen)


def test_room_is_never_written_twice():
    room, start = Room(), np.zeros(2)
    first = room.extended(start, np.ones(1))
    one, other = room.extended(first, np.full(1, 2.0)), room.extended(first, np.full(1, 3.0))
    assert (one.tolist(), other.tolist()) == ([0, 0, 1, 2], [0, 0, 1, 3])


def test_rows_are_added_without_copying_the_history():
    length = 10 * LEAST_ROOM
    forecaster = Forecaster(2, model="naive", season=1).fit(
        Panel(("a",), (np.arange(length),), (climbing(length),), Frequency("1"), 1)
    )
    places: set[int] = set()
    for at in range(length, 2 * length):
        forecaster.update(Panel(("a",), (np.array([at]),), (np.ones(1),), Frequency("1"), 1))
        assert forecaster.panel_ is not None
        places.add(forecaster.panel_.values[0].__array_interface__["data"][0])
    assert len(places) <= 3, "the memory grows by half, not by a row"


def test_a_causal_network_reads_nothing_but_new_rows(monkeypatch: pytest.MonkeyPatch):
    from gatewise.models.forecast.network.network import PatchLSTM

    forecaster = fitted("lstm", "causal").update(table(begin=START, end=START + 1))
    forecaster.predict()
    read: list[int] = []
    plain = PatchLSTM.read

    def counted(self: Any, steps: Any, lengths: Any, state: Any = None) -> Any:
        read.append(int(lengths.sum()))
        return plain(self, steps, lengths, state)

    monkeypatch.setattr(PatchLSTM, "read", counted)
    forecaster.update(table("ab", START + 1, START + 4)).predict()
    assert read == [2 * 3] * forecaster.model_.ensemble.settings.members  # type: ignore[attr-defined]
    forecaster.predict()
    assert len(read) == forecaster.model_.ensemble.settings.members  # type: ignore[attr-defined]
