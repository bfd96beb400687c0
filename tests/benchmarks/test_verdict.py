"""The benchmark of the verdict: its figures by hand, and one series from contest to record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.verdict.main import run
from benchmarks.verdict.record import Record, kept
from benchmarks.verdict.report import HEADING, RULES, clustered_error, column, optimism, regret, table
from benchmarks.verdict.sets import SETS
from tests.tolerance import ROUNDING

ONE = Record("a", "1", "noon", "close", "B", "A", "Naive", 0.9, 0.8, {"Naive": 2.0, "A": 1.0, "B": 1.5},
             {"80": 40.0, "95": 100.0}, {"80": False, "95": False})  # fmt: skip


def near(expected: float) -> object:
    return pytest.approx(expected, rel=ROUNDING)


def test_figures_by_hand():
    assert regret([ONE], RULES["chosen"]) == near(1.5)
    assert regret([ONE], RULES["best so far"]) == near(1)
    assert not np.isfinite(regret([ONE], RULES["always Theta"]))
    assert optimism([ONE], RULES["best so far"], lambda one: one.printed) == "-60.0 ± inf %"
    assert optimism([ONE], RULES["chosen"], lambda one: one.expected) == "-20.0 ± inf %"
    cells = dict(zip(HEADING, column("a", [ONE]), strict=True))
    assert (cells["right"], cells["in 80 %"], cells["unsaid"], cells["says naive"]) == ("0 %", "40 %", "100 %", "0 %")


def test_what_ended_at_one_time_is_one_observation():
    values = np.random.default_rng(0).normal(size=40)
    alone = clustered_error(values, [str(number) for number in range(40)])
    assert alone == near(values.std(ddof=1) / 40**0.5)
    twice = clustered_error(np.tile(values, 2), [str(number) for number in range(40)] * 2)
    assert twice == near(alone)
    assert clustered_error(values, ["noon"] * 40) == float("inf")


def test_every_set_is_a_column():
    lines = table({"a": [ONE], "b": [ONE, ONE]}).splitlines()
    assert lines[0] == "| set | a | b | all |"
    assert lines[2] == "| series | 1 | 2 | 3 |"
    assert len(lines) == len(HEADING) + 1


def test_what_stands_in_the_file_is_not_computed_again(tmp_path: Path):
    results = tmp_path / "results.jsonl"
    (first,) = run("random_walks", tmp_path, results, 1)
    assert kept(results) == [first]
    assert set(first.errors) >= {"Naive", "AutoTheta", "AutoETS"}
    results.write_text(results.read_text().replace('"claim": "', '"claim": "un'))
    (again,) = run("random_walks", tmp_path, results, 1)
    assert again.claim == f"un{first.claim}"


def test_sets_are_named_as_they_are_read():
    assert all(source.__name__ == name for name, source in SETS.items())
