"""What benchmarks import."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from benchmarks.registry import BENCHMARKS as NAMED

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_no_benchmark_imports_a_test():
    lines = [
        f"{path.relative_to(BENCHMARKS)}: {line}"
        for path in sorted(BENCHMARKS.rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.match(r"\s*(from|import) tests\b", line)
    ]
    assert not lines


@pytest.mark.parametrize("name", ["compile", "cpu"])
def test_benchmarks_of_kernels_follow_their_names(name):
    """They use what is inside kernels; other benchmarks go by what is public."""
    assert callable(import_module(NAMED[name][0]).main)
