"""Tools that tests need: a test is skipped where one is not installed, and fails there if CI runs it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import pytest


def need(*tools: str) -> None:
    """Go on where all are installed."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} must be installed where CI runs: see .ci/run")
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed: see examples/boards/README.md")


def need_module(name: str) -> None:
    """Go on where this package is installed; at the top of a file of tests, which are skipped where it is not."""
    if find_spec(name) is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed: pip install {name}", allow_module_level=True)


needs_gcc = pytest.mark.needs("gcc")
