"""What is kept on disk is found again, and nothing that anybody else could have put there ever is."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gatewise import cache, private

KEY, OTHER = (hashlib.sha256(text).digest() for text in (b"one", b"other"))
CODE = bytes(range(256)) * 40
posix = pytest.mark.skipif(os.name == "nt", reason="Windows keeps folders of a user apart by other means")
as_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
SOMEBODY = 12345
LOOKED_AT = ("HOME", "XDG_CACHE_HOME", cache.VARIABLE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of machine code; nothing is in it yet."""
    parent = tmp_path / "cache"
    monkeypatch.setenv(cache.VARIABLE, str(parent))
    return parent / "machine-code"


@pytest.fixture
def file(folder: Path) -> Path:
    """The only file of the folder."""
    cache.keep(KEY, CODE)
    (file,) = folder.iterdir()
    return file


def test_what_is_kept_is_found_under_its_key_only(file: Path) -> None:
    assert cache.find(KEY) == CODE
    assert cache.find(OTHER) is None
    assert cache.state() == cache.Cache(file.parent, "", 1, file.stat().st_size)


@posix
def test_nobody_else_may_read_or_write_it(file: Path) -> None:
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent, file.parent.parent)] == [0o600, 0o700, 0o700]


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def one_bit_turned(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def longer(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def of_another_key(file: Path) -> None:
    cache.keep(OTHER, CODE[::-1])
    (file.parent / OTHER.hex()).replace(file)


def huge(file: Path) -> None:
    os.truncate(file, cache.MOST_BYTES)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def a_link(file: Path) -> None:
    file.rename(file.parent / "elsewhere")
    file.symlink_to("elsewhere")


def open_to_others(file: Path) -> None:
    file.chmod(0o622)


def given_away(file: Path) -> None:
    os.chown(file, SOMEBODY, -1)


SPOILT = (
    *(cut, emptied, one_bit_turned, longer, of_another_key, huge),
    *(pytest.param(spoil, marks=posix) for spoil in (a_folder, a_pipe, a_link, open_to_others)),
    pytest.param(given_away, marks=as_root),
)


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_file_that_is_spoilt_or_may_be_anybodys_is_ignored(file: Path, spoil: Callable[[Path], None]) -> None:
    spoil(file)
    assert cache.find(KEY) is None


@pytest.mark.parametrize("spoil", [cut, pytest.param(open_to_others, marks=posix)])
def test_what_is_kept_anew_takes_its_place(file: Path, spoil: Callable[[Path], None]) -> None:
    spoil(file)
    cache.keep(KEY, CODE)
    assert cache.find(KEY) == CODE


def writable_for_all(folder: Path) -> None:
    folder.chmod(0o777)


def writable_for_a_group(folder: Path) -> None:
    folder.chmod(0o770)


def like_tmp(folder: Path) -> None:
    folder.chmod(0o1777)


def below_what_all_may_write(folder: Path) -> None:
    folder.parent.chmod(0o777)


def somebody_elses(folder: Path) -> None:
    os.chown(folder, SOMEBODY, -1)


def below_somebody_elses(folder: Path) -> None:
    os.chown(folder.parent, SOMEBODY, -1)


def a_link_through_what_all_may_write(folder: Path) -> None:
    """Whoever may write there can lay it anew."""
    way = folder.parent.parent / "open"
    way.mkdir()
    way.chmod(0o777)
    (way / "link").symlink_to(folder.rename(folder.parent.parent / "kept"))
    folder.symlink_to(way / "link")


def a_link_of_somebody_elses(folder: Path) -> None:
    folder.symlink_to(folder.rename(folder.parent.parent / "kept"))
    os.chown(folder, SOMEBODY, -1, follow_symlinks=False)


SHARED = (
    *(writable_for_all, writable_for_a_group, like_tmp, below_what_all_may_write, a_link_through_what_all_may_write),
    *(pytest.param(spoil, marks=as_root) for spoil in (somebody_elses, below_somebody_elses, a_link_of_somebody_elses)),
)


@posix
@pytest.mark.parametrize("spoil", SHARED)
def test_a_folder_that_somebody_else_may_change_is_not_used(file: Path, spoil: Callable[[Path], None]) -> None:
    spoil(file.parent)
    before = sorted(file.parent.iterdir())
    assert cache.find(KEY) is None
    cache.keep(OTHER, CODE)
    assert sorted(file.parent.iterdir()) == before
    assert any(words in cache.state().refusal for words in ("others", "another user"))


@posix
def test_a_folder_of_another_user_is_not_used(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for root with the home of whoever asked for its rights; nothing of root's is left there either."""
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert cache.find(KEY) is None
    assert "another user" in cache.state().refusal
    monkeypatch.setenv(cache.VARIABLE, str(file.parent.parent.parent / "new"))
    if user:  # what is below root's folders could be anybody's
        assert "another user" in cache.state().refusal
        assert not (file.parent.parent.parent / "new").exists()


@posix
def test_a_folder_below_one_that_only_owners_may_rename_in_is_used(file: Path) -> None:
    file.parent.parent.chmod(0o1777)
    assert cache.find(KEY) == CODE


@posix
def test_a_link_of_ones_own_is_followed(file: Path) -> None:
    file.parent.symlink_to(file.parent.rename(file.parent.parent / "kept"))
    assert cache.find(KEY) == CODE


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "below"))
    cache.keep(KEY, CODE)
    assert cache.find(KEY) is None
    assert "cannot be used" in cache.state().refusal


@pytest.mark.parametrize("call", ["mkdir", "replace", "open"])
@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_disk_that_takes_nothing_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        cache.keep(KEY, CODE)
        assert cache.find(KEY) is None
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_leaves_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def on_a_full_disk(path: Path, flags: int, *mode: int) -> int:
        os.close(opened(path, flags, *mode))
        return opened("/dev/full", os.O_WRONLY)

    assert cache.state().refusal == ""
    with monkeypatch.context() as patch:
        patch.setattr(private.os, "open", on_a_full_disk)
        cache.keep(KEY, CODE)
    assert list(folder.iterdir()) == []


def test_a_key_is_written_and_read_by_many_at_once(folder: Path) -> None:
    def at_once(number: int) -> bytes | None:
        cache.keep(KEY, CODE)
        return cache.find(KEY)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(at_once, range(64))) == {CODE}
    assert [path.name for path in folder.iterdir()] == [KEY.hex()]


def test_what_has_not_been_used_for_longest_makes_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 8 * 12_000)
    monkeypatch.setattr(cache, "_MOST_OF_ONE", 12_000)
    monkeypatch.setattr(cache, "_inspection", cache._Inspection())
    keys = [hashlib.sha256(bytes([number])).digest() for number in range(30)]
    for age, key in enumerate(keys):
        cache.keep(key, CODE)
        os.utime(folder / key.hex(), (time.time() + age,) * 2)
        assert cache.state().size <= cache.MOST_BYTES
    assert [cache.find(key) is not None for key in keys] == [False] * (30 - cache.state().kernels) + [True] * (
        cache.state().kernels
    )
    assert cache.state().kernels > 4


def test_reading_counts_as_use(file: Path) -> None:
    long_ago = time.time() - 30 * 24 * 3600
    os.utime(file, (long_ago, long_ago))
    cache.find(KEY)
    assert file.stat().st_mtime > long_ago + 24 * 3600


def test_what_a_killed_process_left_is_removed_and_what_one_is_writing_is_not(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = file.parent / ".0.tmp", file.parent / ".1.tmp"
    for half in (old, new):
        half.write_bytes(b"half")
    os.utime(old, (1, 1))
    monkeypatch.setattr(cache, "_inspection", cache._Inspection())
    cache.keep(OTHER, CODE)
    assert not old.exists()
    assert new.exists()


def test_clearing_removes_code_and_nothing_else(file: Path) -> None:
    theirs = file.parent / "notes"
    theirs.write_text("mine")
    assert cache.clear().kernels == 1
    assert list(file.parent.iterdir()) == [theirs]
    assert cache.find(KEY) is None


def test_nothing_is_kept_where_that_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, cache.OFF)
    cache.keep(KEY, CODE)
    assert cache.find(KEY) is None
    assert cache.clear() == cache.Cache(None, "GATEWISE_CACHE is 0", 0, 0)
    assert not folder.exists()


def test_a_relative_folder_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be another one in every working directory, such as one that came as an archive."""
    monkeypatch.setenv(cache.VARIABLE, "here")
    assert cache.state() == cache.Cache(None, "GATEWISE_CACHE is not an absolute path", 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the convention of Linux")
@pytest.mark.parametrize(
    ("named", "expected"),
    [({}, "home/.cache/gatewise"), ({"XDG_CACHE_HOME": "{}/xdg"}, "xdg/gatewise"), ({"XDG_CACHE_HOME": "xdg"}, None)],
)
def test_the_users_own_folder(tmp_path: Path, named: dict[str, str], expected: str | None) -> None:
    environment = {name: value.format(tmp_path) for name, value in named.items()} | {"HOME": str(tmp_path / "home")}
    code = "from gatewise import cache; print(cache.state().folder)"
    environment |= {name: value for name, value in os.environ.items() if name not in (*named, *LOOKED_AT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == tmp_path / (expected or "home/.cache/gatewise") / "machine-code"


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setattr(Path, "home", nowhere)
    assert cache.state() == cache.Cache(None, "this user has no folder of their own", 0, 0)
