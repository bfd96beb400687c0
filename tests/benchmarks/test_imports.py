"""What benchmarks may import."""

from __future__ import annotations

import re
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_no_benchmark_imports_a_test():
    lines = [
        f"{path.relative_to(BENCHMARKS)}: {line}"
        for path in sorted(BENCHMARKS.rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.match(r"\s*(from|import) tests\b", line)
    ]
    assert not lines
