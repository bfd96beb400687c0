from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewise.errors import InputError
from gatewise.tables.labelled import load_labelled, load_sequences
from gatewise.tables.long_table import read_steps
from gatewise.tables.options import ReadOptions

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


UNLABELLED = GOOD.replace(":up", "").replace(":down", "")


@pytest.mark.parametrize("line", ["@classLabel false\n", "@classLabel False\n", ""])
def test_a_file_without_labels_is_read_but_not_learned_from(line, tmp_path):
    path = tmp_path / "a.ts"
    path.write_text(UNLABELLED.replace("@classLabel true up down\n", line))
    found = load_sequences(path)
    assert found.labels is None
    assert [each.tolist() for each in found.sequences] == [[[1, 4], [2, 5], [3, 6]], [[-1.5, 0.002]]]
    with pytest.raises(InputError, match=r"a\.ts: there are no labels"):
        load_labelled(path)


def test_sequences_of_a_labelled_file_come_with_their_labels(tmp_path):
    (tmp_path / "a.ts").write_text(GOOD)
    assert load_sequences(tmp_path / "a.ts").labels == ("up", "down")


BAD = [
    ("@data", "@date", "line 9: @date is unknown|no line @data"),
    ("@timeStamps false", "@timeStamps true", "line 3: sequences with time stamps"),
    ("@missing false", "@missing true", "line 4: sequences with missing values"),
    ("@missing false", "@missing maybe", "line 4: @missing is 'maybe'"),
    ("@dimensions 2", "@dimensions 3", "line 10: there are 2 dimensions before the label, expected 3"),
    ("@dimensions 2", "@dimensions x", "line 6: @dimensions is 'x'"),
    ("@dimensions 2", "@dimensions 2\n@dimensions 2", "line 7: @dimensions appears twice"),
    ("@classLabel true up down", "@classLabel false", "line 10: there are 3 dimensions, expected 2"),
    ("@classLabel true up down", "@classLabel maybe", "line 8: @classLabel is 'maybe'"),
    ("@classLabel true up down", "@classLabel true", "line 8: @classLabel is 'true'"),
    ("@classLabel true up down", "@classLabel false up", "line 8: @classLabel is 'false up'"),
    ("@problemName Tiny", "Tiny", "line 2: this is neither"),
    ("4,5,6:up", "4,5:up", "line 10: dimension 2 has 2 steps, expected 3"),
    (":up", ":left", "line 10: the label 'left' is not in @classLabel"),
    ("1,2,3", "1,?,3", "line 10: dimension 1, step 2: '\\?' is not a finite number"),
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


@settings(max_examples=settings.default.max_examples * 4, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        pd.read_csv(io.StringIO(TABLE)).to_parquet(path)
    else:
        path.write_bytes(gzip.compress(TABLE.encode()) if form == "csv.gz" else TABLE.encode())
    found = load_labelled(path, ReadOptions(time="t"))
    assert found.labels == ("up", "down")
    assert [each.tolist() for each in found.sequences] == [[[2, 1], [3, 1]], [[7, 1]]]
    assert found.sequences.features == ("x", "y")


def test_a_table_without_labels_is_read_but_not_learned_from(tmp_path):
    path, options = tmp_path / "a.csv", ReadOptions(time="t")
    path.write_text("id,t,x,y\nb,10,3,1\nb,9,2,1\na,1,7,1\n")
    found = load_sequences(path, options)
    assert found.labels is None
    assert found.sequences.ids.tolist() == ["b", "a"]
    assert [each.tolist() for each in found.sequences] == [[[2, 1], [3, 1]], [[7, 1]]]
    for read in (load_labelled, load_sequences):
        with pytest.raises(InputError, match="there is no column 'kind'"):
            read(path, options, label="kind")
    with pytest.raises(InputError, match="there is no column 'label'"):
        load_labelled(path, options)


def test_a_column_of_labels_is_found_or_named(tmp_path):
    (tmp_path / "a.csv").write_text(TABLE)
    assert load_sequences(tmp_path / "a.csv", ReadOptions(time="t")).labels == ("up", "down")
    (tmp_path / "a.csv").write_text(TABLE.replace("label", "kind"))
    assert load_sequences(tmp_path / "a.csv", ReadOptions(time="t"), label="kind").labels == ("up", "down")


BAD_TABLES = [
    ("id,", "name,", {"time": "t"}, r"a\.csv: there is no column 'id'"),
    ("x,y", "x,y", {}, r"'t' looks like a time"),
    ("10,up", "ten,up", {"time": "t"}, r"a\.csv, row 2, column 't': 'ten' is not a number"),
    ("10,up", "-,up", {"time": "t"}, r"a\.csv, row 2, column 't': the time is missing"),
    ("7,1", "7,one", {"time": "t"}, r"a\.csv, row 4, column 'y': 'one' is not a number"),
    ("7,1", "7,", {"time": "t"}, r"a\.csv, row 4, column 'y': the value is missing"),
    ("7,1", "NA,", {"time": "t"}, r"a\.csv, row 4, column 'x': the value is missing"),
    ("7,1", "7,inf", {"time": "t"}, r"a\.csv, row 4, column 'y': 'inf' is not a finite number"),
    ("7,1", "7,1,5", {"time": "t"}, r"a\.csv, row 4: this row has 6 fields, the header has 5"),
    ("9,up", "9,down", {"time": "t"}, r"row 3, column 'label': the label is 'down', and was 'up'"),
    ("9,up", "10,up", {"time": "t"}, r"row 3, column 't': the time 10 appears twice"),
    ("9,up", "9,", {"time": "t"}, r"row 3, column 'label': the label is missing"),
    ("a,1", ",1", {"time": "t"}, r"row 4, column 'id': the id is missing"),
    ("x,y", "x,x", {"time": "t"}, r"a\.csv, row 1: columns 4 and 5 are named 'x'"),
    ("x,y", "x,y", {"label": "id"}, "asked to be two things"),
    ("x,y", "x,y", {"time": "t", "fill": "zero"}, "`fill`: it is for series"),
    ("\nb,9,up", "\n\nb,9,down", {"time": "t"}, r"row 4, column 'label': the label is 'down', and was 'up'"),
    (TABLE, TABLE[TABLE.index("\n") + 1 :], {}, "the first row looks like data|there is no column 'label'"),
    (TABLE, TABLE[: TABLE.index("\n") + 1], {"time": "t"}, "there are no rows of data"),
    (TABLE, "id,label\na,up\n", {}, "there is no column of features"),
]


@pytest.mark.parametrize(("old", "new", "asked", "words"), BAD_TABLES)
def test_bad_tables_are_one_error_with_row_and_column(old, new, asked, words, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE.replace(old, new, 1))
    options = {name: value for name, value in asked.items() if name != "label"}
    with pytest.raises(InputError, match=words):
        load_labelled(tmp_path / "a.csv", ReadOptions(**options), label=asked.get("label", "label"))


def test_an_error_carries_the_row_from_0_and_the_column_whatever_the_file_calls_them(tmp_path):
    (tmp_path / "a.csv").write_text(TABLE.replace("10,up", '"\n10",up').replace("7,1", "7,"))
    with pytest.raises(InputError, match="row 5, column 'y'") as caught:
        load_labelled(tmp_path / "a.csv", ReadOptions(time="t"))
    assert (caught.value.row, caught.value.column) == (2, "y")


SPELLED = {
    "semicolons and decimal commas": (
        (TABLE.replace(",", ";").replace("2;1", "2,25;1")).encode(),
        {},
        ("cells separated by semicolons", "decimal comma"),
    ),
    "quoted decimal commas": (TABLE.replace("2,1", '"2,25",1').encode(), {}, ("decimal comma",)),
    "tabs": (TABLE.replace(",", "\t").replace("2\t1", "2.25\t1").encode(), {}, ("cells separated by tabs",)),
    "UTF-16": (TABLE.replace("2,1", "2.25,1").encode("utf-16"), {}, ("encoding utf-16",)),
    "latin-1": (
        (TABLE.replace("2,1", "2.25,1").replace("down", "d\xf6wn")).encode("latin-1"),
        {"encoding": "latin-1"},
        (),
    ),
    "line ends of two kinds": (TABLE.replace("2,1", "2.25,1").replace("3,1\n", "3,1\r\n").encode(), {}, ()),
    "row numbers": (
        "\n".join(
            f"{number},{line}" if number else f",{line}"
            for number, line in enumerate(TABLE.replace("2,1", "2.25,1").split())
        ).encode(),
        {},
        ("1 column of row numbers not used: ''",),
    ),
}


@pytest.mark.parametrize("name", SPELLED)
def test_a_table_is_read_however_it_is_spelled(name, tmp_path):
    content, asked, notes = SPELLED[name]
    (tmp_path / "a.csv").write_bytes(content)
    labelled = load_labelled(tmp_path / "a.csv", ReadOptions(time="t", **asked))
    assert [steps.tolist() for steps in labelled.sequences] == [[[2.25, 1], [3, 1]], [[7, 1]]]
    assert labelled.sequences.features == ("x", "y")
    assert labelled.notes == notes


TIMES = {
    "fractions": ("0.5", "0.25"),
    "a whole number among fractions": ("1", "0.5"),
    "dates": ("2024-02-01", "2024-01-31 23:00"),
    "days first": ("13/02/2024", "12/02/2024"),
    "either order, which sorts alike": ("02/02/2024", "01/01/2024"),
}


@pytest.mark.parametrize("name", TIMES)
def test_steps_are_sorted_by_their_times(name, tmp_path):
    late, early = TIMES[name]
    (tmp_path / "a.csv").write_text(
        TABLE.replace("10,", f"{late},").replace("9,", f"{early},").replace("1,d", f"{late},d")
    )
    labelled = load_labelled(tmp_path / "a.csv", ReadOptions(time="t"))
    assert labelled.sequences.steps[:, 0].tolist() == [2, 3, 7]


def test_dates_that_sort_differently_as_days_and_as_months_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text(
        TABLE.replace("10,", "01/02/2024,").replace("9,", "02/01/2024,").replace("1,d", "01/01/2024,d")
    )
    with pytest.raises(InputError, match="column 't': the dates may mean 'day/month/year', 'month/day/year'"):
        load_labelled(tmp_path / "a.csv", ReadOptions(time="t"))


def test_types_and_the_index_of_a_parquet_file(tmp_path):
    frame = pd.DataFrame({"id": [7, 7, 9], "label": [1, 1, 0], "t": [0.5, 0.25, 0], "x": [True, False, True]})
    frame.iloc[[0, 1, 2]].set_axis([3, 1, 2]).to_parquet(tmp_path / "a.parquet")
    labelled = load_labelled(tmp_path / "a.parquet", ReadOptions(time="t"))
    assert labelled.labels == ("1", "0")
    assert labelled.sequences.ids.tolist() == [7, 9]
    assert labelled.sequences.ids.dtype == np.int64
    assert labelled.sequences.features == ("x",)
    assert labelled.sequences.steps.tolist() == [[0], [1], [1]]


def test_numbers_are_the_nearest_float64(tmp_path):
    values = np.random.default_rng(0).normal(size=200) * 1e-7
    rows = "\n".join(f"{row},a,{value!r}" for row, value in enumerate(values.tolist()))
    (tmp_path / "a.csv").write_text(f"id,label,x\n{rows}\n")
    assert load_labelled(tmp_path / "a.csv").sequences.steps[:, 0].tolist() == values.tolist()


@pytest.mark.parametrize(("content", "steps"), [("a\n1\n\n2\n", [[1], [2]]), ("a,b\n1,2\n3,4\n", [[1, 2], [3, 4]])])
def test_rows_without_an_id_are_one_sequence(content, steps, tmp_path):
    (tmp_path / "a.csv").write_text(content)
    assert [array.tolist() for array in read_steps(tmp_path / "a.csv")] == [steps]


def test_one_column_counts_the_lines_of_its_file(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n\ntwo\n3\n")
    with pytest.raises(InputError, match="row 4, column 'a': 'two' is not a number"):
        read_steps(tmp_path / "a.csv")
    with pytest.raises(InputError, match="`time` is given without `id`"):
        read_steps(tmp_path / "a.csv", ReadOptions(time="a"))


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.arff", "@relation x\n@attribute a numeric\n@data\n1,2\n", "this is an ARFF file"),
        ("a.csv", "% remark\n\n@RELATION x\n@data\n1,2\n", "this is an ARFF file"),
        ("a.arff", "\ufeff@relation x\n@attribute a numeric\n@data\n1,2\n", "this is an ARFF file"),
        ("a.tsv", "\ufeff1\t0.5\t-1.5\n2\t0.5\t1e-3\n", "this looks like a file of the UCR archive"),
        ("a_TRAIN.txt", "  1.0  0.5 -1.5\n", "this looks like a file of the UCR archive"),
        ("a_TRAIN.tsv", "1\t0.5\t-1.5\n2\t0.5\t1e-3\n", "this looks like a file of the UCR archive"),
        ("a_TEST.txt", "1.0\t0.5\t-1.5\n", "this looks like a file of the UCR archive"),
    ],
)
def test_forms_of_other_archives_are_named(tmp_path: Path, name: str, content: str, what: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=what) as caught:
        load_labelled(tmp_path / name)
    assert "store it as .ts" in caught.value.hint


def test_time_stamps_are_to_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("@timeStamps true\n@classLabel true 1 2\n@data\n1,2:1\n")
    with pytest.raises(InputError, match="time stamps cannot be read") as caught:
        load_labelled(tmp_path / "a.ts")
    assert "leave the time stamps out" in caught.value.hint


def test_names_of_rows_as_r_writes_them_are_no_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"id","x","label"\n"1",0,0.1,0\n"2",0,0.6,0\n"3",1,0.5,0\n')
    with pytest.raises(InputError, match="this row has 4 fields, the header has 3"):
        load_labelled(tmp_path / "a.csv")


def test_spaces_around_a_label_make_no_other_label(tmp_path):
    (tmp_path / "a.csv").write_text("id,value,label\n1,0.5,a\n1,0.7, a\n2,0.1,b \n2,0.2,b\n")
    assert load_labelled(tmp_path / "a.csv").labels == ("a", "b")
