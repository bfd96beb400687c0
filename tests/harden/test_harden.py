"""The parts of harden run and are told apart, and one that crashes or hangs is told."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from harden.__main__ import failure_of, main
from harden.part import Report, about, names, part


@pytest.mark.parametrize("name", names())
def test_a_part_says_what_it_calls_and_how_often(name):
    assert about(name)
    assert part(name).NIGHTLY > part(name).QUICK > 0


def test_the_same_seed_makes_the_same_calls():
    first, again, other = (part("operators").run(seed, 60) for seed in (1, 1, 2))
    assert first.outcomes == again.outcomes != other.outcomes
    assert first.calls == 60
    assert first.findings == []


def test_what_must_not_have_happened_is_the_exit_status(monkeypatch, capsys):
    report = Report()
    report.outcomes["ran"] = 1200
    monkeypatch.setattr(part("operators"), "run", lambda seed, count: report)
    assert main(["operators", "--seed", "3"]) == 0
    report.findings.append("call 7: it hung")
    assert main(["operators", "--seed", "3"]) == 1
    assert "operators, seed 3: 1,200 calls: ran 1,200\n  call 7: it hung" in capsys.readouterr().out


def test_a_process_that_crashes_hangs_or_fails_is_told():
    def failure(code, longest=60.0):
        return failure_of([sys.executable, "-c", code], longest)

    assert failure("") == ""
    assert failure("raise SystemExit(1)") == "exit status 1"
    assert failure("import os; os.kill(os.getpid(), 9)") == "killed by signal 9"
    assert failure("import time; time.sleep(60)", 0.5) == "still running after 0.5 s"


def test_hostile_files_are_loaded_or_refused():
    report = part("files").run(3, 100)
    assert report.findings == []
    assert {outcome.split()[0] for outcome in report.outcomes} >= {"loaded", "refused"}


def run_names(*arguments):
    """In a thread of its own, since playwright allows one browser a thread, and other tests may have theirs open."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(part("names").run, *arguments).result()


def test_hostile_names_steer_neither_a_terminal_nor_a_table_nor_a_page():
    report = run_names(194, 10, "series")  # of scripts, pictures, turned and steering text
    assert report.findings == []
    assert report.outcomes["forecast ran"] >= 3
    assert report.outcomes["page opened"] == 2 or report.outcomes["page without a browser"] == 2


@pytest.mark.slow
def test_hostile_names_pass_through_every_command():
    report = run_names(194, 10)
    assert report.findings == []
    assert {outcome.split()[0] for outcome in report.outcomes} >= {"forecast", "inspect", "classify", "generate"}
