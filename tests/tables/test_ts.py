from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewise.errors import InputError
from gatewise.tables.labelled import load_labelled
from gatewise.tables.sequences import Columns

GOOD = """# a remark
@problemName Tiny
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength false
@classLabel true up down
@data
1,2,3:4,5,6:up
-1.5:2e-3:down
"""


def test_a_file_is_read_plain_and_packed(tmp_path):
    (tmp_path / "a.ts").write_text(GOOD)
    (tmp_path / "a.ts.gz").write_bytes(gzip.compress(GOOD.encode()))
    for name in ("a.ts", "a.ts.gz"):
        found = load_labelled(tmp_path / name)
        assert found.labels == ("up", "down")
        assert [each.tolist() for each in found.sequences] == [[[1, 4], [2, 5], [3, 6]], [[-1.5, 0.002]]]


BAD = [
    ("@data", "@date", "line 9: @date is unknown|no line @data"),
    ("@timeStamps false", "@timeStamps true", "line 3: sequences with time stamps"),
    ("@missing false", "@missing true", "line 4: sequences with missing values"),
    ("@missing false", "@missing maybe", "line 4: @missing is 'maybe'"),
    ("@dimensions 2", "@dimensions 3", "line 10: there are 2 dimensions before the label, expected 3"),
    ("@dimensions 2", "@dimensions x", "line 6: @dimensions is 'x'"),
    ("@dimensions 2", "@dimensions 2\n@dimensions 2", "line 7: @dimensions is there twice"),
    ("@classLabel true up down", "@classLabel false", "line 8: @classLabel"),
    ("@classLabel true up down", "", "no line @classLabel"),
    ("@problemName Tiny", "Tiny", "line 2: this is neither"),
    ("4,5,6:up", "4,5:up", "line 10: dimension 2 has 2 steps, expected 3"),
    (":up", ":left", "line 10: the label 'left' is not in @classLabel"),
    ("1,2,3", "1,?,3", "line 10: dimension 1, step 2: '\\?' is no finite number"),
    ("1,2,3", "1,nan,3", "line 10: dimension 1, step 2: 'nan'"),
    ("1,2,3", "1,2_0,3", "line 10: dimension 1, step 2: '2_0'"),
    ("1,2,3", "1,,3", "line 10: dimension 1, step 2: ''"),
    ("1,2,3:4,5,6:up\n-1.5:2e-3:down\n", "", "no sequences after @data"),
]


@pytest.mark.parametrize(("old", "new", "words"), BAD)
def test_what_cannot_be_read_is_one_error_that_names_the_line(old, new, words, tmp_path):
    (tmp_path / "a.ts").write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=words):
        load_labelled(tmp_path / "a.ts")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_spoilt_file_is_read_or_refused(tmp_path: Path, data):
    text = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        if data.draw(st.booleans()):
            del text[place : place + data.draw(st.integers(1, 30))]
        else:
            text[place:place] = data.draw(
                st.sampled_from([b":", b",", b"@", b"\n", b"x", b"\xff", b"\0", b"1e999", b" "])
            )
        if not text:
            break
    (tmp_path / "a.ts").write_bytes(bytes(text))
    try:
        found = load_labelled(tmp_path / "a.ts")
    except InputError:
        return
    assert np.isfinite(found.sequences.steps).all()
    assert len(found.labels) == len(found.sequences)


def test_every_truncation_of_a_packed_file_is_refused(tmp_path):
    packed = gzip.compress(GOOD.encode())
    for length in range(len(packed)):
        (tmp_path / "a.ts.gz").write_bytes(packed[:length])
        with pytest.raises(InputError):
            load_labelled(tmp_path / "a.ts.gz")


TABLE = "id,t,label,x,y\nb,10,up,3,1\nb,9,up,2,1\na,1,down,7,1\n"


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_tables_are_read(form, tmp_path):
    import io

    import pandas as pd

    path = tmp_path / f"a.{form}"
    if form == "parquet":
        pd.read_csv(io.StringIO(TABLE)).to_parquet(path)
    else:
        path.write_bytes(gzip.compress(TABLE.encode()) if form == "csv.gz" else TABLE.encode())
    found = load_labelled(path, Columns(time_column="t"))
    assert found.labels == ("up", "down")
    assert [each.tolist() for each in found.sequences] == [[[2, 1], [3, 1]], [[7, 1]]]
    assert found.sequences.features == ("x", "y")


BAD_TABLES = [
    ("id,", "name,", Columns(time_column="t"), r"a\.csv: there is no column 'id'"),
    ("x,y", "x,y", Columns(), r"'t' looks like a time"),
    ("10,up", "ten,up", Columns(time_column="t"), r"a\.csv, row 2, column 't': 'ten' is no time"),
    ("7,1", "7,one", Columns(time_column="t"), r"a\.csv, row 4, column 'y': 'one' is no number"),
    ("7,1", "7,", Columns(time_column="t"), r"a\.csv, row 4, column 'y'"),
    ("9,up", "9,down", Columns(time_column="t"), r"row 3, column 'label': the label is 'down', and was 'up'"),
    ("9,up", "10,up", Columns(time_column="t"), r"row 3, column 't': the time 10 is there twice"),
    ("9,up", "9,", Columns(time_column="t"), r"row 3, column 'label': the label is missing"),
    ("x,y", "x,y", Columns(label="id"), "asked to be two things"),
]


@pytest.mark.parametrize(("old", "new", "columns", "words"), BAD_TABLES)
def test_bad_tables_are_one_error_with_row_and_column(old, new, columns, words, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE.replace(old, new, 1))
    with pytest.raises(InputError, match=words):
        load_labelled(tmp_path / "a.csv", columns)
