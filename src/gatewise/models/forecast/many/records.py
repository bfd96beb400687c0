"""What a run notes of itself: JSON files that prove themselves, and are wholly there or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ....files import atomic_write


def sha256(data: bytes) -> str:
    """The checksum, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Put the content at ``path`` with its checksum. Raises InputError where that fails."""
    text = json.dumps(content, indent=1, sort_keys=True)
    atomic_write(path, json.dumps({"content": content, "sha256": sha256(text.encode())}, indent=1, sort_keys=True))


def read_record(path: Path) -> dict[str, Any] | None:
    """What `write_record` put there; None where nothing is, or something else."""
    try:
        document = json.loads(path.read_bytes())
        content = document["content"]
        text = json.dumps(content, indent=1, sort_keys=True)
        return content if document["sha256"] == sha256(text.encode()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
