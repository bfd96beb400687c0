"""Pages whose commands are run: their blocks, in order, and what stands below each as its output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.S | re.M)
_GCC = "arm-none-eabi-gcc"


class Block(NamedTuple):
    """A block of a page. printed: what the page says that it prints, None where it says nothing."""

    language: str
    text: str
    printed: str | None


def blocks_of(page: Path) -> Iterator[Block]:
    """In the order in which a reader meets them."""
    for language, text, printed in _BLOCK.findall(page.read_text(encoding="utf-8")):
        yield Block(language, text, printed or None)


def shell(command: str, folder: Path) -> str:
    """What a command prints, ``python`` being the one that runs the tests; a command that fails fails the test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stderr[-3000:]}"
    return done.stdout


def same_output(found: str, said: str) -> bool:
    """Word for word; with another compiler than the pages', what it makes of numbers may differ."""
    release = subprocess.run([_GCC, "-dumpversion"], capture_output=True, text=True).stdout
    if release.startswith("12.2"):
        return found.split() == said.split()
    return re.sub(r"[\d.]+", "0", found).split() == re.sub(r"[\d.]+", "0", said).split()
