"""The guide from a trained network to a running board: its ten commands, run in order, print what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .shells import blocks_of, same_output, shell

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guides" / "deploy.md"
COMMANDS = [block for block in blocks_of(GUIDE) if block.language == "sh"]


def test_it_takes_ten_commands():
    assert len(COMMANDS) == 10
    assert re.findall(r"\*\*(\d+)\.\*\*", GUIDE.read_text(encoding="utf-8")) == [str(n) for n in range(1, 11)]


def test_what_it_installs_is_installed_where_ci_runs():
    packages = COMMANDS[0].text.split("--no-install-recommends")[1].split()
    installed = re.search(r"^packages=\((.*)\)$", (ROOT / ".ci" / "run").read_text(), re.M)
    assert installed
    assert set(packages) <= set(installed[1].split())


@pytest.mark.slow
@pytest.mark.needs("gcc", "arm-none-eabi-gcc", "qemu-system-arm")
def test_its_commands_run_and_print_what_it_says(tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block in blocks_of(GUIDE):
        if block.language == "python":  # a file, named in its first line
            name = re.match(r"# (\w+\.py)\n", block.text)
            assert name
            (tmp_path / name[1]).write_text(block.text, encoding="utf-8")
        elif block.language == "sh" and block != COMMANDS[0]:
            printed = shell(block.text, tmp_path)
            assert same_output(printed, block.printed or ""), f"{block.text}\n{printed}"
