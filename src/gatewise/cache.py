"""What gatewise keeps between processes: machine code of its kernels, in the user's own cache folder.

The environment variable ``GATEWISE_CACHE`` names another folder, or is ``0`` to keep nothing. Code that is loaded runs,
so a folder is only used where nobody else could have put something there; `SECURITY.md` says what is trusted.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .private import PrivateFolder

__all__ = ["Cache", "clear", "state"]

VARIABLE = "GATEWISE_CACHE"
OFF = "0"
MOST_BYTES = 64 * 2**20
"""What all files take at most, thousands of kernels; those that have not been used for longest make way."""

_KIND = "machine-code"
_FILES = "[0-9a-f]" * 64
_MOST_OF_ONE = MOST_BYTES // 8
_SEAL = b"gatewise machine code 1\n"
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Cache:
    """Where machine code is kept, and how much of it.

    Attributes:
        folder: The folder; None where there is none to keep it in.
        refusal: Why nothing is kept, in words; empty where it is.
        kernels: How many files of machine code there are.
        size: Bytes that they take.
    """

    folder: Path | None
    refusal: str
    kernels: int
    size: int


def state() -> Cache:
    """Where machine code is kept, and how much of it; or why none is.

    The folder is made where it is not there yet.
    """
    folder, refusal = _place()
    entries = [] if folder is None or refusal else folder.entries(_FILES)
    return Cache(folder and folder.path, refusal, len(entries), sum(entry.size for entry in entries))


def clear() -> Cache:
    """Remove the machine code that is kept. It is made again when it is needed, and running processes have theirs.

    Returns:
        What there was.
    """
    before = state()
    if before.folder is not None and not before.refusal:
        PrivateFolder(before.folder).clear(_FILES)
    return before


def find(key: bytes) -> bytes | None:
    """What was kept under a key, a SHA-256 digest; None where there is nothing, or not what was put there."""
    folder, refusal = _place()
    sealed = None if folder is None or refusal else folder.read(key.hex(), _MOST_OF_ONE)
    return None if sealed is None else _unsealed(key, sealed)


def keep(key: bytes, content: bytes) -> None:
    """Keep it for other processes, where there is a place for it."""
    folder, refusal = _place()
    sealed = _sealed(key, content)
    if folder is None or refusal or len(sealed) > _MOST_OF_ONE:
        return
    if _inspection.due(len(sealed)):
        folder.trim(_FILES, MOST_BYTES - _MOST_OF_ONE)
    folder.write(key.hex(), sealed)


class _Inspection:
    """Of the size of all files: before a process writes its first, and whenever it has written a good part of them."""

    def __init__(self) -> None:
        self._unseen = _MOST_OF_ONE

    def due(self, size: int) -> bool:
        """Whether it is, now that so many bytes more are to be written."""
        self._unseen += size
        if self._unseen <= _MOST_OF_ONE:
            return False
        self._unseen = size
        return True


_inspection = _Inspection()


def _sealed(key: bytes, content: bytes) -> bytes:
    """With what shows that it is whole, and that it belongs to this key."""
    return _SEAL + hashlib.sha256(key + content).digest() + key + content


def _unsealed(key: bytes, sealed: bytes) -> bytes | None:
    content = sealed[len(_SEAL) + _DIGEST + len(key) :]
    return content if sealed == _sealed(key, content) else None


class _Place(NamedTuple):
    """A folder, None where there is none, and why it is not used, empty where it is."""

    folder: PrivateFolder | None
    refusal: str


def _place() -> _Place:
    named = os.environ.get(VARIABLE, "")
    if named == OFF:
        return _Place(None, f"{VARIABLE} is {OFF}")
    parent = Path(named) if named else _users_own()
    if parent is None or not parent.is_absolute():
        return _Place(None, f"{VARIABLE} is not an absolute path" if named else "this user has no folder of their own")
    folder = PrivateFolder(parent / _KIND)
    return _Place(folder, folder.refusal())


def _users_own() -> Path | None:
    """The cache folder of this user by the convention of the system; None where there is none."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "")) / "gatewise" / "cache"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "gatewise"
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else home / ".cache") / "gatewise"  # as its specification says of others
