"""No table, however odd, ends in anything but a panel or a refusal; a good one comes back as it was written."""

from __future__ import annotations

import csv
import gzip
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gatewise.errors import GatewiseError, InputError
from gatewise.tables.options import DEFAULTS, ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.panels import panel_from_frame
from gatewise.tables.reading import load_panel

MANY = settings.default.max_examples * 5 // 2  # pyright: ignore[reportOptionalMemberAccess] - by the breadth of the run


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


letters = st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
names = st.text(letters, min_size=1, max_size=8)
floats = st.floats(allow_nan=False, allow_infinity=False)
series = st.lists(floats, min_size=3, max_size=9)
ALIASES = ["MS", "ME", "QS-FEB", "YE", "W-TUE", "D", "B", "h", "15min", "s", "ms"]


@given(
    columns=st.dictionaries(names, series, min_size=1, max_size=4),
    alias=st.sampled_from(ALIASES),
    delimiter=st.sampled_from(",;\t|"),
    newline=st.sampled_from(["\n", "\r\n"]),
    packed=st.booleans(),
)
def test_what_is_written_long_is_read_back(
    folder: Path, columns: dict[str, list[float]], alias: str, delimiter: str, newline: str, packed: bool
) -> None:
    frame = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": pd.date_range("2021-03-31", periods=len(cells), freq=alias), "y": cells})
        for name, cells in columns.items()
    )
    path = folder / "long.csv"
    # Before Python 3.13 the writer leaves a lone carriage return unquoted.
    quoting = csv.QUOTE_NONNUMERIC if any("\r" in name for name in columns) else csv.QUOTE_MINIMAL
    frame.to_csv(
        path,
        index=False,
        sep=delimiter,
        lineterminator=newline,
        quoting=quoting,
        compression="gzip" if packed else None,
    )
    panel = load_panel(path, ReadOptions(decimal="."))
    assume(not any("of the others" in note for note in panel.notes))  # a series called Sum, and one
    assert panel.ids == tuple(columns)
    for place, (name, cells) in enumerate(columns.items()):
        assert panel.values[place].tolist() == cells
        times = frame.loc[frame["unique_id"] == name, "ds"]
        assert panel.times[place].tolist() == times.to_numpy("M8[ns]").tolist()
    assert panel.frequency.future(panel.times[0][-1], 1).size == 1


@given(
    columns=st.dictionaries(names, st.lists(floats, min_size=4, max_size=4), min_size=2, max_size=5),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_wide_is_read_back(folder: Path, columns: dict[str, list[float]], encoding: str) -> None:
    columns = {f"s {name}": cells for name, cells in columns.items()}
    path = folder / "wide.csv"
    with path.open("w", encoding=encoding, newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["when", *columns])
        writer.writerows([f"2024-02-{day:02}", *row] for day, row in enumerate(zip(*columns.values(), strict=True), 1))
    panel = load_panel(path)
    assert panel.ids == tuple(columns)
    assert [values.tolist() for values in panel.values] == list(columns.values())


VALID = (
    b'unique_id,ds,y\n"a ""1""",2024-01-01,1.5\n"a ""1""",2024-01-02,-2e3\n"a ""1""",2024-01-03,3\n'
    b'"b\n2",2024-01-01,4\n"b\n2",2024-01-02,5\n'
)
SEMICOLONS = b"Datum;Wert\n31.01.2024;1,5\n29.02.2024;2,25\n31.03.2024;3,125\n"
LINE_ENDS = [b"\n", b"\r", b"\r\n", b"\xe2\x80\xa8", b"\x1a"]
CELLS = [b"1e400", b"nan", b"inf", b"99999999999", b"2024-13-01", b"NA", b"+05:00", b"Z", b"e9"]
MUTATIONS = [*LINE_ENDS, *CELLS, *(bytes([byte]) for byte in b",;\t\"\0\xff-. '/"), b"\xef\xbb\xbf"]

options = st.builds(
    ReadOptions,
    time=st.sampled_from([None, "ds", "y", "Datum", "nix"]),
    target=st.sampled_from([None, "y", "ds", "Wert", "nix"]),
    id=st.sampled_from([None, "unique_id", "y", "nix"]),
    frequency=st.sampled_from([None, "D", "M", "h", "2", "W", "B", "x", "YE"]),
    season=st.sampled_from([None, 1, 7]),
    fill=st.sampled_from(["none", "linear", "previous", "zero"]),
    duplicates=st.sampled_from(["refuse", "mean", "last"]),
    encoding=st.sampled_from([None, "latin-1", "utf-16", "cp1252", "utf-7", "idna"]),
    delimiter=st.sampled_from([None, ",", ";", "tab", " "]),
    decimal=st.sampled_from([None, ".", ","]),
)


def survives(read: Callable[[], Panel]) -> None:
    """A panel that keeps its promises, or one clear error."""
    try:
        panel = read()
    except GatewiseError as error:
        refusal = error
    else:
        check(panel)
        return
    assert isinstance(refusal, InputError)
    assert refusal.what
    assert refusal.where
    assert refusal.hint


def check(panel: Panel) -> None:
    assert len(panel.ids) == len(panel.times) == len(panel.values) == len(set(panel.ids)) > 0
    for times, values in zip(panel.times, panel.values, strict=True):
        assert len(times) == len(values) > 0
        assert np.isfinite(values).all()
        assert times.dtype == (np.int64 if panel.frequency.counts else "M8[ns]")
        if len(times) > 1:
            grid = panel.frequency.future(times[0], len(times) - 1)
            assert np.array_equal(np.asarray(grid).astype(times.dtype), times[1:])
    assert panel.season >= 1


@settings(max_examples=MANY)
@given(
    start=st.sampled_from([VALID, SEMICOLONS]),
    edits=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 4), st.sampled_from(MUTATIONS)), max_size=4),
    chosen=st.one_of(st.just(DEFAULTS), options),
    packed=st.booleans(),
)
@example(VALID, [], DEFAULTS, False)
def test_a_mutated_table_is_read_or_refused(
    folder: Path, start: bytes, edits: list[tuple[int, int, bytes]], chosen: ReadOptions, packed: bool
) -> None:
    content = start
    for place, gone, come in edits:
        content = content[:place] + come + content[place + gone :]
    path = folder / "mutated.csv"
    path.write_bytes(gzip.compress(content) if packed else content)
    survives(lambda: load_panel(path, chosen))


@settings(max_examples=MANY)
@given(
    content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)), magic=st.sampled_from(range(4))
)
def test_any_bytes_are_read_or_refused(folder: Path, content: bytes, magic: int) -> None:
    path = folder / "bytes.csv"
    path.write_bytes([b"", b"PAR1", b"\x1f\x8b", b"ds,y\n"][magic] + content)
    survives(lambda: load_panel(path))


cells: Any = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=5), st.dates(), st.datetimes(), st.booleans()
)


@given(st.lists(st.tuples(cells, cells, cells), max_size=6), st.permutations(["unique_id", "ds", "y"]))
def test_any_frame_is_read_or_refused(rows: list[tuple[Any, ...]], names: list[str]) -> None:
    survives(lambda: panel_from_frame(pd.DataFrame(rows, columns=names)))
