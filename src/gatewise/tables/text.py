"""Text files, plain or gzip."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from ..errors import InputError

_GZIP = b"\x1f\x8b"


def read_text(path: Path) -> str:
    """The file as text. Raises InputError for what cannot be read, is damaged, or is no UTF-8."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the file cannot be read ({reason})", where=str(path), hint="check the path") from error
    try:
        data = gzip.decompress(data) if data.startswith(_GZIP) else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"the gzip file is damaged ({error})", where=str(path), hint="get it again") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError("this is not UTF-8", where=f"{path}, line {line}", hint="store it as UTF-8") from error
