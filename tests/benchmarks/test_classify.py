from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from benchmarks import classify as benchmark


def written(folder: Path, name: str, part: str) -> None:
    cases = [f"{row},{row + 1},{row % 2}:0,{row},1:{'ab'[row % 2]}" for row in range(8)]
    head = ["@problemName X", "@timeStamps false", "@univariate false", "@classLabel true a b", "@data"]
    with gzip.open(folder / f"{name}_{part}.ts.gz", "wt") as file:
        file.write("\n".join([*head, *cases]) + "\n")


def test_a_line_for_each_set_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("TRAIN", "TEST"):
        written(tmp_path, "PenDigits", part)
    benchmark.main(["--data", str(tmp_path), "--seeds", "2", "--updates", "1"])
    _, missing, head, row = capsys.readouterr().out.splitlines()
    assert "SpokenArabicDigits" in missing
    assert "PenDigits" not in missing
    assert row.startswith("| PenDigits | 8, 8 | ")
    assert " ± " in row
    assert row.endswith("| 98.9 |")
    assert row.count("|") == head.count("|")


def test_passes_make_the_updates() -> None:
    assert [benchmark.epochs(1500, sequences) for sequences in (16, 270, 7494)] == [1500, 89, 4]
    with pytest.raises(SystemExit):
        benchmark.main(["Vowels"])
