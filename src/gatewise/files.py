"""Files that are either wholly written or not written at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import InputError, argument

# Independent of the target's name, which may already be as long as the file system allows.
TEMPORARY = ".{}.tmp"
_MOST_COMPONENTS = 10_000  # of a path, links and all; links in a circle are refused before
NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP)  # the errors of some network file systems


def path_of(path: object, name: str = "path") -> Path:
    """The path. Raises InputError for what is none, such as a data frame. name: of the argument."""
    if isinstance(path, str | Path):
        return Path(path)
    hint = "give the name of a file or folder as text, or a pathlib.Path"
    raise InputError(f"{name} is of type {type(path).__name__}", hint=hint)


def open_regular(path: str | Path) -> BinaryIO:
    """A file, open for reading. Raises InputError for what is none, such as a pipe, before anything waits for it."""
    # Not blocking, since a pipe would wait for a writer; looked at once it is open, since a name may be given anew.
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError, TypeError) as error:
        raise not_opened(path, error) from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise not_opened(path, IsADirectoryError())
    raise InputError("this is a device or a pipe, not a file", where=str(path), hint="store the data in a file")


def not_opened(path: str | Path, error: OSError | ValueError | TypeError) -> InputError:
    """What is wrong with a path that could not be opened."""
    if isinstance(error, FileNotFoundError):
        return InputError("there is no such file", where=str(path), hint="check the path")
    if isinstance(error, IsADirectoryError):
        return InputError("this is a folder, not a file", where=str(path), hint="name one file in it")
    what = f"the file cannot be opened ({_reason(error)})"
    return InputError(what, where=repr(str(path)), hint="check the path and its permissions")


def check_writable(path: str | Path) -> None:
    """Raise InputError where ``path`` could not be written; create nothing.

    For use before long work begins. A file that exists and may be replaced is fine.
    """
    target = _resolved(path)
    _check_folder(target.parent)
    _check_target(target)


def refuse_file_for_folder(folder: str | Path, endings: Collection[str]) -> None:
    """Raise InputError for a path that ends like a file, where a folder is to be named and the file's name apart."""
    path = path_of(folder)
    if path.suffix in endings and not path.is_dir():
        what = "a folder is to be given here, and this ends like a file"
        raise InputError(what, where=str(path), hint=f"give {str(path.parent)!r}, and {argument('name', path.stem)}")


def atomic_write(path: str | Path, data: bytes | str) -> None:
    """Put ``data`` (text as UTF-8) at ``path``, replacing what was there only once all of it is on the disk.

    Whatever interrupts the writing, a reader finds the old content or the new one, and no other file stays.
    Raises InputError where the folder is missing, not writable or full.
    """
    check_writable(path)
    target = _resolved(path)
    temporary = target.parent / TEMPORARY.format(secrets.token_hex(8))
    try:
        mode = _mode(target)
        _write_through(temporary, data.encode() if isinstance(data, str) else data, mode)
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except OSError as error:
        raise InputError(
            f"the file could not be written ({_reason(error)})",
            where=str(path),
            hint="free some space or choose another folder; what was there before is untouched",
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the error above is more informative
            temporary.unlink(missing_ok=True)
    try:
        _sync_folder(target.parent)
    except OSError as error:
        raise InputError(
            f"the file is in place, but the folder could not be flushed to the disk ({_reason(error)})",
            where=str(path),
            hint="a power cut could still undo it: check the disk, then write it again",
        ) from error


def written(path: str | Path | None, text: str) -> str:
    """The text, which is also put at ``path`` where one is given. Raises InputError as `atomic_write`."""
    if path is not None:
        atomic_write(path, text)
    return text


def make_folder(path: str | Path) -> None:
    """Create this folder durably, where there is none. Raises InputError where that fails."""
    folder = _resolved(path)
    if folder.exists():
        return _check_folder(folder)
    _check_folder(folder.parent)
    try:
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)
    except OSError as error:
        raise InputError(f"the folder could not be created ({_reason(error)})", where=str(path)) from error


def remove_leftovers(folder: str | Path) -> None:
    """Remove what an `atomic_write` left in ``folder`` when its process was killed; none may be running there."""
    for leftover in Path(folder).glob(TEMPORARY.format("[0-9a-f]" * 16)):
        with contextlib.suppress(OSError):
            leftover.unlink()


def _resolved(path: str | Path) -> Path:
    """The file itself where ``path`` is a link to it. Raises InputError for a link that somebody else may have laid."""
    try:
        target = Path(path).resolve()
        _check_links(Path(path))
        target.exists()
    except (OSError, ValueError, RuntimeError, TypeError) as error:  # too long, a NUL byte, links in a circle, None
        raise InputError(
            f"this path cannot be used ({_reason(error)})", where=repr(str(path)), hint="choose another path"
        ) from error
    return target


def components(path: Path) -> Iterator[Path]:
    """Everything that the system passes on its way to a path, from the root on: links, and what they lead to."""
    left, at = list(reversed(Path.cwd().joinpath(path).parts)), Path()
    for _ in range(_MOST_COMPONENTS):
        if not left:
            return
        part = left.pop()
        at = at.parent if part == ".." else at / part
        yield at
        if at.is_symlink():
            left += reversed(at.readlink().parts)
            at = at.parent


def _check_links(path: Path) -> None:
    """Raise InputError for a link in a folder that is open to all, of neither this user nor the folder's owner.

    That is fs.protected_symlinks of Linux, which never sees a path whose links are resolved before it is opened.
    """
    if not hasattr(os, "geteuid"):
        return
    for at in components(path):
        if at.is_symlink() and _is_trap(at.lstat(), at.parent.stat(), os.geteuid()):
            what = "this is a link of somebody else's, in a folder where all may write"
            raise InputError(what, where=str(at), hint="choose another path, or remove the link")


def _is_trap(link: os.stat_result, folder: os.stat_result, user: int) -> bool:
    is_open = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    return bool(is_open) and link.st_uid not in (user, folder.st_uid)


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise InputError("the folder does not exist", where=str(folder), hint=f"create it: mkdir -p {str(folder)!r}")
    if not folder.is_dir():
        raise InputError("this is a file, not a folder", where=str(folder), hint="choose another path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            "the folder is not writable", where=str(folder), hint="choose another folder or change its permissions"
        )


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise InputError("this is a folder, not a file", where=str(target), hint="add a file name to the path")
    if not target.exists():
        return
    if not target.is_file():
        raise InputError("this is a device or a pipe, not a file", where=str(target), hint="choose a file name")
    if not os.access(target, os.W_OK):
        raise InputError(
            "the file is write-protected", where=str(target), hint="choose another name or change its permissions"
        )


def _mode(target: Path) -> int | None:
    """The permissions that its new content gets, without running as somebody else; None where there is no file yet."""
    return target.stat().st_mode & (stat.S_ISVTX | 0o777) if target.exists() else None


def _write_through(path: Path, data: bytes, mode: int | None) -> None:
    """mode: permissions that the file will have; until then nobody else may read it. None for the usual ones."""

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666 if mode is None else 0o600)

    with open(path, "xb", opener=opened) as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    """Have the new name survive a power cut."""
    if os.name == "nt":
        return  # Windows has no handle for a folder
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC_OF_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
