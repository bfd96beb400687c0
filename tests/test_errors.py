"""Errors say what, where and what to do, and keep all of it when they are moved, located or sent to another process."""

from __future__ import annotations

import pickle

import pytest

from gatewise.errors import CheckpointError, GatewiseError, InputError, ShapeError, located, moved, place
from gatewise.training import DivergedError


def test_an_error_reads_where_what_and_hint() -> None:
    assert str(InputError("it is empty", where="a.csv", hint="add a row")) == "a.csv: it is empty\nhint: add a row"
    assert str(InputError("it is empty")) == "it is empty"


def test_row_and_column_are_fields_and_words() -> None:
    error = InputError("it is no number", row=2, column="sales")
    assert (error.row, error.column) == (2, "sales")
    assert error.where == "row 2 (counted from 0), column 'sales'"
    assert InputError("it is no number", row=2, where="a.csv, row 4").where == "a.csv, row 4"
    assert place(column="sales") == "column 'sales'"
    assert place() == ""


def test_located_names_a_file_only_where_no_place_is_named() -> None:
    with pytest.raises(InputError) as caught, located("a.csv"):
        raise InputError("it is empty", hint="add a row")
    assert (caught.value.where, caught.value.hint) == ("a.csv", "add a row")
    with pytest.raises(InputError) as caught, located("a.csv"):
        raise InputError("it is too large", where="max_epochs")
    assert caught.value.where == "max_epochs"


def test_located_names_a_place_as_the_source_does() -> None:
    with (
        pytest.raises(InputError) as caught,
        located("a.csv", lambda row, name: f"a.csv, row {(row or 0) + 2}, {name}"),
    ):
        raise InputError("it is no number", row=3, column="sales")
    assert caught.value.where == "a.csv, row 5, sales"
    assert (caught.value.row, caught.value.column) == (3, "sales")


def test_located_keeps_the_class_and_lets_other_errors_pass() -> None:
    with pytest.raises(ShapeError), located("a.csv"):
        raise ShapeError("x has one axis")
    with pytest.raises(CheckpointError) as caught, located("a.csv"):
        raise CheckpointError("it is damaged")
    assert caught.value.where == ""


@pytest.mark.parametrize(
    "error",
    [
        InputError("a", where="b", hint="c", row=1),
        CheckpointError("a", where="b"),
        DivergedError("weight", "a", where="step 3"),
    ],
)
def test_an_error_survives_pickling_and_moving(error: GatewiseError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (copy.__dict__, copy.args, str(copy)) == (error.__dict__, error.args, str(error))
    assert moved(error, "elsewhere").__dict__ == {**error.__dict__, "where": "elsewhere"}
