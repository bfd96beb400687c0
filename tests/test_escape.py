from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.escape import json_ascii, json_number, plain_cell, spreadsheet_safe, visible


@given(st.text(st.characters(exclude_categories=())))
def test_visible_text_is_printable_and_keeps_what_was(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 東京", "Zürich 東京"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\r", r"a\nb\r"),
        ("\u202eabc", r"\u202eabc"),
        ("\udc80", r"\udc80"),
    ],
)
def test_visible_spells_out_what_steers_a_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\tx", "-5-5", "\uff1dx", " =1", "\ufeff\u00a0@x"])
def test_formulas_are_led_by_an_apostrophe(text: str) -> None:
    assert spreadsheet_safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "-5", "+1.5e3", "-.5", "shop-1"])
def test_other_cells_stand_as_they_are(text: str) -> None:
    assert spreadsheet_safe(text) == text


def test_json_has_no_word_for_what_is_not_finite() -> None:
    assert [json_number(value) for value in (1, -0.5, float("nan"), float("inf"))] == [1.0, -0.5, None, None]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x\r=cmd", r"x\r=cmd"),
        ("a\x1b[31m\x07\x7f\x9b", r"a\x1b[31m\x07\x7f\x9b"),
        ("\u202ea\u2028\udc80", r"\u202ea\u2028\udc80"),
        ("=1+1", "'=1+1"),
        ("12\u00a0500 Z\u00fcrich \u6771\u4eac", "12\u00a0500 Z\u00fcrich \u6771\u4eac"),
    ],
)
def test_cells_of_a_file_steer_nothing(text: str, cell: str) -> None:
    assert plain_cell(text) == cell


def test_json_has_only_letters_that_print() -> None:
    assert json_ascii(["\x7f\x1b\u202e\u00fc"]) == r'["\u007f\u001b\u202e\u00fc"]'
