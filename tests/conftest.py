"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import settings
from tests.browser import launched
from tests.machine_code import Shared

# A compiled kernel's first call takes longer than hypothesis allows by default; cases are the same in every run.
settings.register_profile("gatewise", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("gatewise")
torch.manual_seed(0)

# Tests that are about threads set their own number; the others must not depend on how busy the machine is.
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def machine_code(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = tmp_path_factory.getbasetemp()
    several = os.environ.get("PYTEST_XDIST_WORKER")  # each in a folder of its own, within that of all
    Shared((base.parent if several else base) / "machine-code").install()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found
