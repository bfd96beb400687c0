"""Of many series, those that cannot be used are set aside by name and reason; the others are read as ever."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gatewise.errors import InputError
from gatewise.tables import sound
from gatewise.tables.frames import frame_table
from gatewise.tables.options import ReadOptions
from gatewise.tables.panel import Frequency, Panel
from gatewise.tables.panels import panel_from_frame
from gatewise.tables.sound import SoundSeries, sound_series
from gatewise.tables.table import database

READ = {"id": "name", "time": "day", "target": "y"}


def days(name: str, length: int = 20, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"name": name, "day": pd.date_range("2024-01-01", periods=length), "y": np.arange(length) * 1.0}
    )
    return frame.assign(**columns)


def sound_of(*frames: pd.DataFrame, pace: Frequency | None = None, **options: str) -> SoundSeries:
    with database("the test") as connection:
        table = frame_table(connection, pd.concat(frames, ignore_index=True), "the test")
        return sound_series(table, ReadOptions(**{**READ, **options}), pace)


def same(panel: Panel | None, *frames: pd.DataFrame, **options: str) -> bool:
    assert panel is not None
    alone = panel_from_frame(pd.concat(frames, ignore_index=True), ReadOptions(**{**READ, **options}))
    pairs = [*zip(panel.times, alone.times, strict=True), *zip(panel.values, alone.values, strict=True)]
    return panel.ids == alone.ids and all(np.array_equal(one, other) for one, other in pairs)


def test_the_frequency_is_that_of_most():
    monthly = days("b").assign(day=pd.date_range("2020-01-01", periods=20, freq="MS"))
    found = sound_of(days("a"), monthly, days("c"))
    assert found.refused == {"gaps in time": ["b"]}
    assert same(found.panel, days("a"), days("c"))


def test_what_is_known_of_the_frequency_counts():
    found = sound_of(days("a"), days("b").iloc[::2], pace=Frequency("D"))
    assert found.refused == {"gaps in time": ["b"]}


def test_what_may_be_repaired_is():
    gappy, twice = days("b").drop([4, 5]), pd.concat([days("c"), days("c").iloc[:1]])
    found = sound_of(days("a"), gappy, twice, fill="linear", duplicates="last")
    assert not found.refused
    assert same(found.panel, days("a"), gappy, twice, fill="linear", duplicates="last")


def test_gaps_too_wide_to_be_filled_are_the_fault_of_their_series():
    late = days("b", 2).assign(day=pd.to_datetime(["1990-01-01", "2024-01-01"]))
    found = sound_of(days("a"), late, fill="previous")
    assert found.refused == {"times that lie too far apart to be filled": ["b"]}
    assert same(found.panel, days("a"))


def test_rows_of_times_to_come_are_no_gap():
    coming = days("b").assign(y=[*range(15), *[None] * 5])
    found = sound_of(days("a"), coming)
    assert not found.refused
    assert found.panel is not None
    assert found.panel.lengths.tolist() == [20, 15]


def test_where_no_series_is_sound_there_is_no_panel():
    for frame in (days("a", y=None), days("a", day=pd.NaT)):
        assert sound_of(frame.astype({"y": float}), pace=Frequency("D")).panel is None


def test_text_that_cannot_be_read_is_found_series_by_series(monkeypatch: pytest.MonkeyPatch):
    texts = [days(name).astype(str) for name in "abcd"]
    texts[1].loc[3, "y"] = "broken"
    texts[2].loc[3, "day"] = "someday"
    found = sound_of(*texts)
    assert found.refused == {
        "a cell of the column 'y' that cannot be read": ["b"],
        "a cell of the column 'day' that cannot be read": ["c"],
    }
    assert same(found.panel, texts[0], texts[3])
    monkeypatch.setattr(sound, "MOST_SPOILT", 2)
    with pytest.raises(InputError, match="more than 2 series"):
        sound_of(*texts)


def test_ids_that_are_numbers_are_named_as_text():
    frame = pd.concat([days("7"), days("8", y=np.nan)])
    found = sound_of(frame.astype({"name": int}))
    assert found.refused == {"no value at all": ["8"]}
    assert found.panel is not None
    assert found.panel.ids == ("7",)


def test_the_future_of_each_series_begins_after_its_own_end():
    panel = panel_from_frame(pd.concat([days("a"), days("b", 15), days("c")]), ReadOptions(**READ))
    expected = [panel.frequency.future(times[-1], 3) for times in panel.times]
    assert np.array_equal(panel.future(3), expected)
