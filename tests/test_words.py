from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.words import number, numbers, percent, sentence, stamps, steps


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([432.0, 98.26], ["432.0", "98.3"]),
        ([1234567.8, -1.0], ["1,234,568", "-1"]),
        ([0.012344], ["0.01234"]),
        ([1e-30], ["1e-30"]),
        ([0.0, -0.0], ["0", "0"]),
        ([np.nan, 1.0], ["n/a", "1.000"]),
    ],
)
def test_numbers_share_one_format(values: list[float], texts: list[str]) -> None:
    assert numbers(values) == texts


@given(st.floats(-1e300, 1e300))
def test_a_number_is_right_to_four_digits(value: float) -> None:
    assert abs(float(number(value).replace(",", "")) - value) <= 1e-3 * abs(value)


def test_percent_and_sentence() -> None:
    assert [percent(83.4), percent(6.014, 2), percent(float("nan"))] == ["83 %", "6.01 %", "n/a"]
    assert [sentence("monthly (MS)"), sentence("Done.")] == ["Monthly (MS).", "Done."]


@pytest.mark.parametrize(
    ("times", "texts"),
    [
        (np.array(["2024-01-31", "2024-02-29"], "datetime64[ns]"), ["2024-01-31", "2024-02-29"]),
        (np.array(["2024-01-31T00", "2024-01-31T06"], "datetime64[ns]"), ["2024-01-31 00:00", "2024-01-31 06:00"]),
        (np.array([3, 4]), ["3", "4"]),
    ],
)
def test_stamps_are_no_finer_than_needed(times: np.ndarray, texts: list[str]) -> None:
    assert stamps(times) == texts


@pytest.mark.parametrize(
    ("alias", "words"),
    [
        ("MS", "12 months"),
        ("W-SUN", "12 weeks"),
        ("h", "12 hours"),
        ("15min", "12 steps of 15 minutes"),
        ("1", "12 steps"),
    ],
)
def test_steps_in_words(alias: str, words: str) -> None:
    assert steps(12, alias) == words
