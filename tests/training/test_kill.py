"""A training that is killed hundreds of times ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gatewise

from .kills import EVERY, PHASES

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the server of this test forks its trainings")
@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_hundreds_of_kills_change_nothing(tmp_path: Path, kills: int) -> None:
    paths = os.pathsep.join([str(ROOT), str(Path(gatewise.__file__).parents[1])])
    command = [sys.executable, "-W", "error", "-m", "tests.training.kills", str(tmp_path), str(kills)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    print(told)
    assert told["kills"] >= kills
    assert sum(told["found"].get(phase, 0) for phase in PHASES) >= kills // 10, told["found"]
    assert told["leftovers"] > 0  # some kills left half a file behind
    assert told["resumed"] >= kills // 4
    assert 0 < told["lost"] <= EVERY
    assert told["digests"], "no training came to its end"
    assert set(told["digests"]) == {told["expected"]}
    left = [path.name for path in tmp_path.rglob("*.tmp") if int(path.parts[-3]) < len(told["digests"])]
    assert left == []
