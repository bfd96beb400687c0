"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gatewise.tables.options import DEFAULTS, ReadOptions
from gatewise.tables.panel import Panel
from gatewise.tables.reading import load_panel


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Panel]:
    """The panel of a file with this content."""

    def from_content(content: str | bytes, options: ReadOptions = DEFAULTS, name: str = "data.csv") -> Panel:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_panel(path, options)

    return from_content
