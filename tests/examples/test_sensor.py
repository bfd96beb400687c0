"""The sensor's forecaster is trained, exported, built and run on its emulated board, and prints what its page says."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from ..shells import blocks_of, need, same_output, shell

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_it_prints_what_its_page_says_and_is_better_than_what_needs_no_network(tmp_path):
    need("make", "arm-none-eabi-gcc", "qemu-system-arm")
    shutil.copytree(EXAMPLES / "boards" / "c", tmp_path / "boards" / "c")
    shutil.copytree(EXAMPLES / "sensor", tmp_path / "sensor", ignore=shutil.ignore_patterns("build"))
    shutil.copy(EXAMPLES / "air_passengers.csv", tmp_path)
    printed = shell(f"make -s run PYTHON={sys.executable}", tmp_path / "sensor")
    (page,) = (block for block in blocks_of(EXAMPLES / "sensor" / "README.md") if block.language == "text")
    assert same_output("\n".join(printed.splitlines()[-3:]), page.text), printed
    ours, season, last = (float(number) for number in re.findall(r"(?:LSTM|again) +([\d.]+)$", printed, re.M))
    assert ours < season < last
