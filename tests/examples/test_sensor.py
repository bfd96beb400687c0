"""The sensor's forecaster is trained, exported, built and run on its emulated board, and prints what its page says."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from ..shells import blocks_of, same_output, shell

EXAMPLES = Path(__file__).parents[2] / "examples"


def said() -> str:
    """What the page says that the board prints."""
    (page,) = (block for block in blocks_of(EXAMPLES / "sensor" / "README.md") if block.language == "text")
    return page.text


def errors(text: str) -> list[float]:
    """Of our network, of the last season again, of the last value again."""
    return [float(number) for number in re.findall(r"(?:LSTM|again) +([\d.]+)$", text, re.M)]


def test_its_page_says_that_it_is_better_than_what_needs_no_network():
    ours, season, last = errors(said())
    assert ours < season < last


@pytest.mark.slow
@pytest.mark.needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
def test_it_prints_what_its_page_says_and_is_better_than_what_needs_no_network(tmp_path):
    shutil.copytree(EXAMPLES / "boards" / "c", tmp_path / "boards" / "c")
    shutil.copytree(EXAMPLES / "sensor", tmp_path / "sensor", ignore=shutil.ignore_patterns("build"))
    shutil.copy(EXAMPLES / "air_passengers.csv", tmp_path)
    printed = shell(f"make -s run PYTHON={sys.executable}", tmp_path / "sensor")
    assert same_output("\n".join(printed.splitlines()[-3:]), said()), printed
    ours, season, last = errors(printed)
    assert ours < season < last
