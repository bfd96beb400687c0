"""Models as one C file and its header."""

from __future__ import annotations

DTYPE, TARGET = "float32", "generic"
"""The defaults of `gatewise.export.to_c`."""
