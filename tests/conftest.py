"""What all tests share: how many of them run, the machine code they keep, and what they may take of memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import is_hypothesis_test, settings
from tests.browser import launched
from tests.needs import need

from gatewise import cache

# A compiled kernel's first call takes longer than hypothesis allows by default; cases are the same in every run.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=8)
settings.register_profile("full", deadline=None, derandomize=True, max_examples=40)
torch.manual_seed(0)

# Workers, runs and the programs that tests start share their machine code; the user's own is left alone.
os.environ[cache.VARIABLE] = str(Path(__file__).parents[1] / ".cache")

# Tests that are about threads set their own number; the others must not depend on how busy the machine is.
torch.set_num_threads(1)

ONLY_SLOW = pytest.StashKey[list[str]]()
COLLECTED = pytest.StashKey[int]()
GROWTH = pytest.StashKey[dict[str, int]]()
MOST_GROWTH = 1536  # of 11,700 tests in two workers, which add up to 985 where vectors have 32 bytes
"""MiB that a worker may take beyond what it holds once its tests are collected, which is what they import."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--breadth",
        choices=("quick", "rest", "full"),
        default="quick",
        help="quick (default): without the tests and cases marked slow. rest: those, and tests that draw their cases, "
        "with more of them, so that after a quick run nothing runs twice. full: all",
    )


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("quick" if config.getoption("breadth") == "quick" else "full")
    config.stash[GROWTH] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    whole = not any("::" in argument for argument in config.args)  # files, not tests of them
    only_slow = {str(item.path) for item in slow} - {str(item.path) for item in quick}
    config.stash[ONLY_SLOW] = sorted(only_slow) if whole else []
    breadth = config.getoption("breadth")
    config.hook.pytest_deselected(items=[item for item in items if not belongs(item, breadth)])
    items[:] = [item for item in items if belongs(item, breadth)]


def belongs(item: pytest.Item, breadth: str) -> bool:
    """Whether a test is run at this breadth; one whose cases are drawn has more of them at each but the quick."""
    slow = item.get_closest_marker("slow") is not None
    return {"quick": not slow, "rest": slow or is_hypothesis_test(getattr(item, "obj", None)), "full": True}[breadth]


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[COLLECTED] = peak_memory()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        need(*mark.args)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


def peak_memory() -> int:
    """The most that this process has held so far, in MiB; 0 where the system does not say, as on Windows."""
    if find_spec("resource") is None:
        return 0
    resource = import_module("resource")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["growth"] = peak_memory() - session.config.stash[COLLECTED]
    elif any(growth > MOST_GROWTH for growth in session.config.stash[GROWTH].values()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    if error is None:
        node.config.stash[GROWTH][node.gateway.id] = node.workeroutput["growth"]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    growths = config.stash[GROWTH]
    if growths:
        told = ", ".join(f"{name} {growth}" for name, growth in sorted(growths.items()))
        terminalreporter.write_line(f"memory that tests added to workers in MiB (at most {MOST_GROWTH}): {told}")
