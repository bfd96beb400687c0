"""Every file has a test in a quick run, and CI leaves nothing out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .conftest import ONLY_SLOW

ROOT = Path(__file__).parents[1]


def test_every_file_has_a_test_of_the_quick_breadth(pytestconfig):
    assert pytestconfig.stash[ONLY_SLOW] == []


def test_ci_runs_the_full_breadth():
    assert "\nmake test-all\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    said = subprocess.run(["make", "-n", "test-all"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split()[1:] == ["-m", "pytest", "--breadth=full"]
