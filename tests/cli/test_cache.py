"""``gatewise cache``: where machine code is kept, how much of it, and how to be rid of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gatewise import cache
from gatewise.cli import follow

KEY = hashlib.sha256(b"").digest()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    cache.keep(KEY, bytes(2**20))
    return tmp_path / "machine-code"


def test_it_says_where_and_how_much(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["cache"]) == 0
    assert capsys.readouterr().out == f"1 kernel, 1.0 MiB, kept in {folder}\n"


def test_it_removes_what_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == f"1 kernel, 1.0 MiB, removed from {folder}\n"
    assert cache.find(KEY) is None


def test_it_says_why_nothing_is_kept(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.VARIABLE, cache.OFF)
    assert follow(["cache", "--clear"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said == "No machine code is kept, and every process makes its own: GATEWISE_CACHE is 0."
    assert list(folder.iterdir()) != []
