"""How many threads torch uses, for a while."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def at_most(count: int) -> Generator[None, None, None]:
    """No more than ``count`` threads inside the block, and as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def exactly(count: int) -> Generator[None, None, None]:
    """``count`` threads inside the block, and as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
