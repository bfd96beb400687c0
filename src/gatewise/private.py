"""A folder that nobody but this user can have written to, for what must not come from anybody else.

On POSIX systems, owners and permissions of every folder on the way to it are looked at, as ssh does for its keys. On
Windows they say little; there, folders below a user's profile are private by default.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .files import TEMPORARY, components

_LOOKS = hasattr(os, "geteuid")  # at owners and permissions
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ROOT = 0
# A link is refused rather than followed, and a pipe is not waited for.
_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_DAY = 24 * 3600
_HALF_WRITTEN = 3600  # seconds after which nobody is still writing a file


@dataclass(frozen=True)
class Entry:
    """A file of a private folder. size: in bytes. used: when it was last read or written, give or take a day."""

    path: Path
    size: int
    used: float


@dataclass(frozen=True)
class PrivateFolder:
    """Small files by name, each whole or not there at all. Whoever reads one has to look whether it is sound.

    Nothing here raises an error for a disk that is full, a folder that cannot be written to, or a file that another
    process has removed: what is not kept is made again.
    """

    path: Path

    def refusal(self) -> str:
        """Why it cannot be used, above all who else could put something there; empty where it can."""
        try:
            _create(self.path)
            return _fault(self.path)
        except (OSError, ValueError) as error:
            return f"{self.path} cannot be used ({getattr(error, 'strerror', None) or error})"

    def read(self, name: str, most: int) -> bytes | None:
        """A file of at most so many bytes; None where there is none, or it is not this user's alone."""
        path = self.path / name
        try:
            with os.fdopen(os.open(path, _READING), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size > most or _others(status, (_user(),)):
                    return None
                content = file.read(most)
        except OSError:
            return None
        if status.st_mtime < time.time() - _DAY:
            with contextlib.suppress(OSError):  # of a disk that is read only
                os.utime(path)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, whole, for a process that looks at the same moment too."""
        half = self.path / TEMPORARY.format(secrets.token_hex(8))
        try:
            with os.fdopen(os.open(half, _WRITING, 0o600), "wb") as file:
                file.write(content)
            os.replace(half, self.path / name)
        except OSError:
            with contextlib.suppress(OSError):
                half.unlink()

    def entries(self, pattern: str) -> list[Entry]:
        """Its files whose names fit the pattern, those that have not been used for longest first."""
        return sorted(self._files(pattern), key=lambda entry: entry.used)

    def trim(self, pattern: str, most: int) -> None:
        """Remove what has not been used for longest until the files that fit take less than so many bytes, and what a
        process that was killed left half written."""
        entries = self.entries(pattern)
        size = sum(entry.size for entry in entries)
        for entry in entries:
            if size <= most:
                break
            size -= entry.size
            _remove(entry.path)
        for half in self._files(TEMPORARY.format("*")):
            if half.used < time.time() - _HALF_WRITTEN:
                _remove(half.path)

    def clear(self, pattern: str) -> None:
        """Remove every file that fits."""
        for entry in self._files(pattern):
            _remove(entry.path)

    def _files(self, pattern: str) -> Iterator[Entry]:
        with contextlib.suppress(OSError):
            for path in self.path.glob(pattern):
                with contextlib.suppress(OSError):  # another process was first
                    status = path.lstat()
                    yield Entry(path, status.st_size, status.st_mtime)


def _create(folder: Path) -> None:
    """Make the folder and those it lies in, open to nobody else; nothing in what others may write to."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    if missing and _fault(missing[-1].parent):
        return
    for place in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was first
            place.mkdir(0o700)


def _fault(folder: Path) -> str:
    """Who else could change what lies in the folder; empty where nobody could.

    Whoever may write to a folder on the way can put another one in the place of the next, except where only owners may
    rename, as in /tmp.
    """
    if not _LOOKS:
        return ""
    for place in components(folder):
        status = place.lstat()
        if why := _others(status, (_user(), _ROOT), sticky=True):
            return f"{place} {why}"
    why = _others(folder.stat(), (_user(),))
    return f"{folder} {why}" if why else ""


def _user() -> int:
    return os.geteuid() if _LOOKS else 0


def _others(status: os.stat_result, owners: tuple[int, ...], *, sticky: bool = False) -> str:
    """How somebody who is none of these could change it. sticky: it may be a folder where only owners may rename."""
    if not _LOOKS:
        return ""
    if status.st_uid not in owners:
        return "belongs to another user"
    open_to_others = status.st_mode & _OTHERS_MAY_WRITE and not stat.S_ISLNK(status.st_mode)
    if open_to_others and not (sticky and status.st_mode & stat.S_ISVTX):
        return "can be written to by others"
    return ""


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
