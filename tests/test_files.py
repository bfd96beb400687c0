from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from torch.nn import Linear

import gatewise
from gatewise import files
from gatewise.errors import InputError, ModelFileError
from gatewise.estimators import load_pairs, load_sequences
from gatewise.export import to_c
from gatewise.files import atomic_write, check_writable
from gatewise.tables.labelled import load_labelled

OLD, NEW = b"old", b"new" * 100_000


@pytest.mark.parametrize("data", [b"", b"bytes\0\xff", "text \u00e9\n", NEW])
def test_what_is_written_is_read_back(tmp_path: Path, data: bytes | str) -> None:
    path = tmp_path / "file"
    atomic_write(path, data)
    assert path.read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", [None, 3, b"file", ["file"]], ids=lambda path: type(path).__name__)
@pytest.mark.parametrize("door", [load_labelled, load_sequences, load_pairs, partial(to_c, Linear(2, 1))])
def test_what_is_no_path_is_said_to_be_none(door: Callable[[Any], object], path: Any) -> None:
    with pytest.raises(InputError, match=f"(?s)path is of type {type(path).__name__}.*name of a file or folder"):
        door(path)


def test_a_file_keeps_its_permissions_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_bytes(OLD)
    atomic_write(ours, NEW)
    assert ours.stat().st_mode == plain.stat().st_mode
    ours.chmod(0o640)
    atomic_write(ours, OLD)
    assert stat.S_IMODE(ours.stat().st_mode) == 0o640


def test_a_private_file_is_replaced_by_what_was_never_public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, modes = tmp_path / "file", list[int]()
    path.write_bytes(OLD)
    path.chmod(0o600)
    fsync = os.fsync

    def note(descriptor: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    atomic_write(path, NEW)
    assert modes[0] == 0o600
    path.chmod(0o644)
    atomic_write(path, NEW)
    assert modes[2] == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_new_content_never_runs_as_the_owner_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    path.chmod(0o6755)
    atomic_write(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("mode", "folder", "link", "trap"),
    [(0o1777, 0, 7, True), (0o1777, 0, 5, False), (0o1777, 7, 7, False), (0o777, 0, 7, False), (0o1775, 0, 7, False)],
)
def test_links_that_others_lay_where_all_may_write_are_traps(mode: int, folder: int, link: int, trap: bool) -> None:
    def found(mode: int, owner: int) -> os.stat_result:
        return os.stat_result((mode, 0, 0, 0, owner, 0, 0, 0, 0, 0))

    assert files._is_trap(found(0o777, link), found(mode, folder), user=5) is trap


@pytest.mark.parametrize("way", ["link", "folder/file", "again", "folder/../link"])
def test_a_trap_is_refused_wherever_it_stands_in_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_bytes(OLD)
    (tmp_path / "link").symlink_to(tmp_path / "there/file")
    (tmp_path / "folder").symlink_to("there")
    (tmp_path / "again").symlink_to("link")
    atomic_write(tmp_path / "link", OLD)
    monkeypatch.setattr(files, "_is_trap", lambda link, folder, user: True)
    for call in (check_writable, lambda path: atomic_write(path, NEW)):
        with pytest.raises(InputError, match="a link of somebody else's"):
            call(tmp_path / way)
    atomic_write(tmp_path / "there/file", OLD)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(OLD)
    link.symlink_to(target)
    atomic_write(link, NEW)
    assert link.is_symlink()
    assert target.read_bytes() == NEW


def test_the_longest_name_works(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    atomic_write(path, NEW)
    assert path.read_bytes() == NEW


@pytest.mark.parametrize("step", ["open", "fsync", "replace", "chmod"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_whatever_fails_the_old_file_stays_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    owner = {"open": files, "fsync": os, "replace": os, "chmod": os}[step]
    monkeypatch.setattr(owner, step, fail, raising=False)
    with pytest.raises((InputError, KeyboardInterrupt)) as caught:
        atomic_write(path, NEW)
    monkeypatch.undo()
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]
    if isinstance(failure, OSError):
        assert isinstance(caught.value, InputError)
        assert "No space left" in caught.value.what
        assert caught.value.where == str(path)


def test_a_full_disk_in_the_middle_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    script = (
        "import resource, signal, sys\n"
        "from gatewise.errors import InputError\n"
        "from gatewise.files import atomic_write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: atomic_write(sys.argv[1], b'x' * 100_000)\n"
        "except InputError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False, env=_environment()).returncode == 7
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_killed_at_any_moment_the_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 300_000)
    script = (
        "import sys; from gatewise.files import atomic_write; print(flush=True)\n"
        "while True:\n  for letter in b'ab': atomic_write(sys.argv[1], bytes([letter]) * 300_000)"
    )
    for pause in (0.002, 0.005, 0.011, 0.02, 0.04):
        with subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, env=_environment()
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
        assert path.read_bytes() in (b"a" * 300_000, b"b" * 300_000)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[1])}


def _pipe(path: Path) -> Path:
    os.mkfifo(path / "pipe")
    return path / "pipe"


REFUSED: dict[str, tuple[Callable[[Path], Path | str], str]] = {
    "the folder is missing": (lambda path: path / "no" / "file", "does not exist"),
    "the folder is a file": (lambda path: path / "taken" / "file", "not a folder"),
    "the path is a folder": (lambda path: path, "a folder, not a file"),
    "a pipe": (_pipe, "device or a pipe"),
    "a device": (lambda _: "/dev/null", "device or a pipe"),
    "too long": (lambda path: path / ("x" * 300), "cannot be used"),
    "a NUL byte": (lambda path: f"{path}/a\0b", "cannot be used"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_path_that_cannot_work_is_refused_before_anything_happens(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_bytes(OLD)
    make, words = REFUSED[name]
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for call in (check_writable, lambda target: atomic_write(target, NEW)):
        with pytest.raises(InputError, match=words) as caught:
            call(path)
        assert caught.value.where
        assert caught.value.hint
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("protected", ["folder", "file"])
def test_what_is_write_protected_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protected: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    closed = tmp_path if protected == "folder" else path
    # Asked of the system, a superuser may write anywhere, and tests often run as one.
    monkeypatch.setattr(os, "access", lambda asked, _: Path(asked) != closed)
    with pytest.raises(InputError, match="not writable" if protected == "folder" else "write-protected"):
        check_writable(path)


def test_a_path_that_works_is_left_alone(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old").write_bytes(OLD)
    check_writable(str(tmp_path / "old"))
    assert (tmp_path / "old").read_bytes() == OLD


@pytest.mark.parametrize("path", [None, 3, ["a"]])
def test_what_is_no_path_is_named(path: Any) -> None:
    with pytest.raises(InputError, match=r"this path cannot be used \(.*PathLike"):
        check_writable(path)
    with pytest.raises(ModelFileError, match=r"cannot be opened \(.*PathLike"):
        gatewise.load(path)
