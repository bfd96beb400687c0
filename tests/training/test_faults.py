"""A disk that fails or lies: the last good checkpoint is always there, and one error says what happened."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gatewise import files as writing
from gatewise.errors import CheckpointError
from gatewise.training import checkpoint
from gatewise.training.checkpoint import Checkpointing, checkpoints, load, newest, save
from gatewise.training.trainer import Trainer

from .small_run import digest, make

EVERY, END = 2, 6
SMALL = {
    "weight": torch.arange(400.0).reshape(20, 20),
    "half": torch.ones(3, dtype=torch.bfloat16),
    "step": 7,
    "rate": 0.1,
    "nested": [(1, None), {"best": float("inf"), 3: True}],
}


class Disk:
    """Counts what is asked of the disk and fails one call, a write after half of its bytes.

    failing: the number of that call, None to fail none. calls: the names of all so far.
    """

    def __init__(self, patch: pytest.MonkeyPatch, code: int = errno.EIO, failing: int | None = None) -> None:
        self.error, self.failing, self.calls = OSError(code, os.strerror(code)), failing, list[str]()
        for module in (writing, checkpoint):
            patch.setattr(module, "open", lambda path, mode, opener=None: self.opened(path, mode), raising=False)
        for owner, name in ((os, "open"), (os, "fsync"), (os, "replace"), (os, "fstat"), (Path, "unlink")):
            patch.setattr(owner, name, self.watched(name, getattr(owner, name)))

    def ask(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) - 1 == self.failing:
            raise self.error

    def watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.ask(name)
            return function(*arguments, **options)

        return call

    def opened(self, path: Path, mode: str) -> io.FileIO:
        disk = self
        disk.ask("open a file")

        class Handle(io.FileIO):
            def write(self, data: bytes) -> int:  # type: ignore[override]
                super().write(data[: len(data) // 2])
                disk.ask("write")
                return super().write(data[len(data) // 2 :])

            def close(self) -> None:
                closed = self.closed
                super().close()
                if not closed:
                    disk.ask("close")

        return Handle(path, mode)


def started(folder: Path) -> tuple[Trainer, Checkpointing]:
    """A training with two checkpoints behind it, so that the next one has an older one to remove."""
    saving = Checkpointing(folder, EVERY)
    trainer = make([saving])
    trainer.run(steps=2 * EVERY)
    return trainer, saving


# Every call of a save, in the order that makes it safe, and whether a training may go on where it fails.
SAVE = (
    ("open a file", False),  # the temporary one
    ("write", False),
    ("fsync", False),
    ("close", False),
    ("replace", False),
    ("unlink", True),  # the temporary file, which has its real name by now
    ("open", False),  # the folder
    ("fsync", False),
    ("open a file", True),  # to drop the system's copy in memory
    ("close", True),
    ("open", False),  # to read it back
    ("fstat", False),
    ("fstat", False),
    ("unlink", False),  # the oldest checkpoint
)


def test_a_save_asks_the_disk_in_the_safe_order(tmp_path: Path) -> None:
    trainer, _ = started(tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch)
        trainer.run(steps=END)
    assert disk.calls == [name for name, _ in SAVE]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("failing", range(len(SAVE)), ids=lambda number: f"{number} {SAVE[number][0]}")
def test_whichever_call_fails_a_checkpoint_loads_and_the_training_can_go_on(
    tmp_path: Path, failing: int, code: int
) -> None:
    trainer, saving = started(tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        Disk(patch, code, failing)
        if SAVE[failing][1]:
            trainer.run(steps=END)
        else:
            with pytest.raises(CheckpointError, match=os.strerror(code)):
                trainer.run(steps=END)
    assert newest(saving.folder)["step"] in ((END - EVERY, END) if failing > 3 else (END - EVERY,))
    assert all(load(path) for path in checkpoints(saving.folder))
    trainer.run(steps=END + EVERY)
    assert digest(trainer) == digest(undisturbed(END + EVERY))
    assert [load(path)["step"] for path in checkpoints(saving.folder)][-1] == END + EVERY
    assert list(saving.folder.glob(".*")) == []


def undisturbed(steps: int) -> Trainer:
    trainer = make()
    trainer.run(steps=steps)
    return trainer


def test_a_full_disk(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    trainer, saving = started(tmp_path / "run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # no file may grow beyond one page
    try:
        with pytest.raises(CheckpointError, match="could not be written"):
            trainer.run(steps=END)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert newest(saving.folder)["step"] == END - EVERY
    assert list(saving.folder.glob(".*")) == []


def test_a_disk_that_stores_something_else_is_found_out_before_the_older_checkpoints_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, saving = started(tmp_path / "run")
    before = checkpoints(saving.folder)
    through = writing._write_through
    monkeypatch.setattr(
        writing, "_write_through", lambda path, data, mode: through(path, data[:-1] + bytes([data[-1] ^ 1]), mode)
    )
    with pytest.raises(CheckpointError, match="checksum"):
        trainer.run(steps=END)
    assert set(before) < set(checkpoints(saving.folder))
    with pytest.warns(RuntimeWarning, match=r"step-000000000006.*going back to step-000000000004"):
        assert newest(saving.folder)["step"] == END - EVERY


@pytest.mark.slow
def test_every_single_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small"
    save(path, SMALL)
    data = path.read_bytes()
    assert 1800 < len(data) < 4096
    with open(path, "r+b", buffering=0) as handle:
        for at in range(len(data)):
            for bit in range(8):
                os.pwrite(handle.fileno(), bytes([data[at] ^ 1 << bit]), at)
                with pytest.raises(CheckpointError):
                    load(path)
            os.pwrite(handle.fileno(), data[at : at + 1], at)
    assert load(path)["step"] == SMALL["step"]


@pytest.mark.slow
def test_every_truncation_and_anything_appended_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small"
    save(path, SMALL)
    data = path.read_bytes()
    for length in reversed(range(len(data))):
        os.truncate(path, length)
        with pytest.raises(CheckpointError, match="truncated"):
            load(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(CheckpointError, match="checksum"):
        load(path)
