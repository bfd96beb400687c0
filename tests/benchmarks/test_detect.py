"""The figures of the benchmark of detectors, against the published computations."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from benchmarks.detect.files import Series, nab, ranges_of, skab
from benchmarks.detect.main import faded, onsets, row
from benchmarks.detect.main import judged as judge
from benchmarks.detect.nab import PROFILES, Scored, file_score, nab_score
from benchmarks.detect.vus import THRESHOLDS, Range, vus_pr, window_length
from tests.tolerance import ROUNDING

from gatewise.tables.panel import Floats


def volume(score: Floats, label: Floats, widest: int) -> float:
    """VUS-PR as TSB-AD defines it, threshold by threshold and row by row."""
    ranges = ranges_of(label > 0)
    levels = np.sort(score)[::-1][np.linspace(0, len(score) - 1, THRESHOLDS).astype(int)]

    def stretches(half: int) -> list[Range]:
        merged = [[max(ranges[0][0] - half, 0), 0]]
        for (_, end), (start, _) in pairwise(ranges):
            if end + half < start - half:
                merged[-1][1] = end + half
                merged.append([start - half, 0])
        merged[-1][1] = min(ranges[-1][1] + half, len(label) - 1)
        return [(start, end) for start, end in merged]

    total = 0.0
    for margin in range(widest + 1):
        soft = label.astype(float).copy()
        for at in range(len(label)):
            for start, end in ranges:
                if end < at <= end + margin // 2:
                    soft[at] += np.sqrt(1 - (at - end) / margin)
                if start - margin // 2 <= at < start:
                    soft[at] += np.sqrt(1 - (start - at) / margin)
        soft = np.minimum(soft, 1)
        recalls, precisions = [0.0], []
        for level in levels:
            marked = score >= level
            met = np.mean([marked[start : end + 1].any() for start, end in stretches(margin // 2)])
            seen = np.where(label > 0, 1, soft * marked)
            hits = wanted = 0.0
            for start, end in stretches(widest // 2):
                hits += float((seen * marked)[start : end + 1].sum())
                wanted += float(seen[start : end + 1].sum())
            recalls.append(min(hits / ((label.sum() + wanted) / 2), 1) * met)
            precisions.append(hits / marked.sum())
        total += float(np.dot(np.diff(recalls), precisions))
    return total / (widest + 1)


@pytest.mark.parametrize("ranges", [[(50, 80)], [(0, 10), (40, 44), (150, 199)], [(30, 35), (39, 60)]])
def test_vus_pr_is_the_published_one(ranges: list[Range]) -> None:
    rng = np.random.default_rng(0)
    label = np.zeros(200)
    for start, end in ranges:
        label[start : end + 1] = 1
    for score in (rng.normal(size=200), label + rng.normal(size=200), np.round(rng.uniform(size=200), 1)):
        assert vus_pr(score, ranges, 12) == pytest.approx(volume(score, label, 12), rel=ROUNDING)


# What the program of TSB-AD (basic_metrics.generate_curve, version "opt", commit 8763009) gives for a score of
# sin(t^2), and one more where t is in the ranges, over 300 rows, by the widest margin.
PUBLISHED_VUS = {5: 0.7068084652272671, 20: 0.7230238522993587, 60: 0.7782066557787846}


@pytest.mark.parametrize("widest", PUBLISHED_VUS)
def test_vus_pr_gives_the_figures_of_the_published_program(widest: int) -> None:
    t = np.arange(300.0)
    ranges = [(60, 90), (200, 205)]
    inside = sum(((t >= start) & (t <= end)).astype(float) for start, end in ranges)
    assert vus_pr(np.sin(t * t) + inside, ranges, widest) == pytest.approx(PUBLISHED_VUS[widest], rel=ROUNDING)


def test_the_widest_margin_is_the_period() -> None:
    t = np.arange(1000)
    assert window_length(np.sin(2 * np.pi * t / 50) + 0.1 * np.random.default_rng(0).normal(size=1000)) in (49, 50, 51)
    assert window_length(t.astype(float)) == 125


def test_nabs_rule_by_hand() -> None:
    """Silence is 0, a detection at the first row of every window 100, and a later one is worth less."""
    length, windows = 1000, [(400, 499), (700, 799)]
    silent = Scored(np.zeros(length), windows)
    assert nab_score([silent]).value == 0
    score = np.zeros(length)
    score[[400, 700]] = 1
    assert nab_score([Scored(score, windows)]).value == pytest.approx(100, rel=ROUNDING)
    late = np.zeros(length)
    late[[450, 700]] = 1
    worth = (2 / (1 + np.exp(-5 * 0.5)) - 1) / (2 / (1 + np.exp(-5)) - 1)
    assert nab_score([Scored(late, windows)]).value == pytest.approx(100 * (1 + worth + 2) / 4, rel=ROUNDING)
    wrong = late.copy()
    wrong[200] = 1  # far from any window
    assert nab_score([Scored(wrong, windows)]).value == pytest.approx(100 * (1 + worth + 2 - 0.11) / 4, rel=ROUNDING)
    assert nab_score([Scored(wrong, windows)], PROFILES["low FP"]).value < nab_score([Scored(wrong, windows)]).value


def test_nothing_is_scored_in_the_probation() -> None:
    score = np.zeros(1000)
    score[:150] = 1
    assert file_score(Scored(score, [(400, 499)]), 0.5) == -1
    score[150] = 1
    assert file_score(Scored(score, [(400, 499)]), 0.5) == pytest.approx(-1.11, rel=ROUNDING)


def test_an_alert_may_begin_where_the_surprise_is_the_largest_of_many_rows() -> None:
    surprise = np.zeros(300)
    surprise[[10, 20, 30, 200]] = 1, 2, 1.5, 1
    assert np.flatnonzero(onsets(surprise)).tolist() == [10, 20, 200]


def test_our_score_has_faded_already() -> None:
    values = np.random.default_rng(0).normal(size=(300, 1))
    found = judge(Series("a/b.csv", values, ((200, 220),)))
    assert faded(found).score == pytest.approx(found.score, rel=ROUNDING)
    assert (faded(replace(found, score=found.detections)).score >= found.detections).all()


def test_the_files_that_are_held_out_are_left_out(tmp_path: Path) -> None:
    names = ("realTweets/a.csv", "realTraffic/b.csv", "realKnownCause/c.csv")
    rows = "timestamp,value\n" + "".join(f"2014-01-01 00:{minute:02}:00,{minute}\n" for minute in range(30))
    labels = '{"realKnownCause/c.csv": [["2014-01-01 00:10:00.000000", "2014-01-01 00:12:00.000000"]]}'
    contents = {**{f"data/{name}": rows for name in names}, "labels/combined_windows.json": labels}
    with tarfile.open(tmp_path / "nab.tar.gz", "w:gz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, BytesIO(text.encode()))
    (only,) = nab(tmp_path / "nab.tar.gz")
    assert (only.name, only.group, only.windows) == ("realKnownCause/c.csv", "realKnownCause", ((10, 12),))
    found = judge(only)
    assert row("one", [found]).startswith("| one | 1 | 30 | ")


def test_skab_is_read(tmp_path: Path) -> None:
    (tmp_path / "valve1").mkdir()
    lines = [f"2020-03-09 10:14:{at:02};{at};1.5;{float(3 <= at < 5)};0.0" for at in range(9)]
    head = "datetime;Current;Pressure;anomaly;changepoint"
    (tmp_path / "valve1" / "0.csv").write_text("\n".join([head, *lines]))
    (tmp_path / "valve1" / "free.csv").write_text("datetime;Current\n2020-03-09 10:14:00;1")
    (only,) = skab(tmp_path)
    assert only.values.shape == (9, 2)
    assert only.windows == ((3, 4),)
