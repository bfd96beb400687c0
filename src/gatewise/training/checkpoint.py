"""Checkpoints: files that a crash cannot damage, and training that resumes from them bit for bit."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..container import Container
from ..errors import CheckpointError, InputError
from ..fields import Fields, anything
from ..files import make_folder, path_of, remove_leftovers
from .distributed import Group
from .state_codec import flatten, rebuild
from .trainer import Callback

if TYPE_CHECKING:
    from .trainer import Trainer

FILE = Container(
    key="gatewise_checkpoint",
    noun="gatewise checkpoint",
    format=1,
    error=CheckpointError,
    again="go back to an earlier checkpoint",
    source="give a file written by gatewise.training",
    largest_file=1 << 40,
    largest_header=100_000_000,  # safetensors reads no larger one
)
_RECORD = Fields({"state": anything})
NAME, NAMED = "step-{:012}.safetensors", re.compile(r"step-\d{12,}\.safetensors")


def save(path: str | Path, state: Any) -> None:
    """Write a state (see `flatten`) to a file and read it back: it is on the disk when this returns.

    Whatever interrupts the writing, the file that was at ``path`` before stays. Raises CheckpointError where the disk
    fails, InputError for what a checkpoint cannot hold.
    """
    tensors, rest = flatten(state)
    try:
        FILE.write(path, tensors, {"state": rest})
    except InputError as error:
        raise CheckpointError(error.what, where=error.where, hint=error.hint) from error
    _forget(path)
    load(path)


def load(path: str | Path) -> Any:
    """The state in a file, its tensors on the CPU. Raises CheckpointError if even one bit of the file is wrong."""
    tensors, record = FILE.read(path)
    with FILE.understood(path, "its contents do not describe a state", FILE.again):
        return rebuild(tensors, FILE.fields(_RECORD, record)["state"])


def newest(folder: str | Path) -> Any | None:
    """The state in the newest intact checkpoint of a folder; None in a folder without checkpoints.

    Warns where a newer one is damaged. Raises CheckpointError where all are damaged.
    """
    refused: list[CheckpointError] = []
    for path in reversed(checkpoints(folder)):
        try:
            state = load(path)
        except CheckpointError as error:
            refused.append(error)
            continue
        for error in refused:
            warnings.warn(f"{error.where}: {error.what}; going back to {path.name}", RuntimeWarning, stacklevel=2)
        return state
    if refused:
        reasons = "; ".join(f"{Path(error.where).name}: {error.what}" for error in refused)
        raise CheckpointError(
            f"every checkpoint is damaged: {reasons}", where=str(folder), hint="start again in another folder"
        )
    return None


def checkpoints(folder: str | Path) -> list[Path]:
    """The checkpoints in a folder, oldest first, whether intact or not."""
    paths = [path for path in Path(folder).glob("step-*") if NAMED.fullmatch(path.name)]
    return sorted(paths, key=lambda path: (len(path.name), path.name))


class Checkpointing(Callback):
    """A callback that saves the whole state of a training at regular updates, in a folder of its own.

    A run raises CheckpointError where a checkpoint cannot be written, and InputError, before the first update, where
    the folder holds the checkpoints of another training.

    Args:
        folder: Where to save; it is created where it does not exist.
        every: Updates between two checkpoints, at least 1.
        keep: How many checkpoints stay, at least 1; an older one is removed once the newest was written, read back and
            compared.
        group: The processes that train together; the first one writes for all. By default this process alone.

    Raises:
        InputError: For ``every`` or ``keep`` below 1.
    """

    def __init__(self, folder: str | Path, every: int, *, keep: int = 2, group: Group | None = None) -> None:
        if every < 1 or keep < 1:
            raise InputError(f"every and keep must be at least 1, not {every} and {keep}")
        self.folder, self.every, self.keep = path_of(folder, "folder"), every, keep
        self.group = group or Group()
        self._ours = False

    def resume(self, trainer: Trainer) -> bool:
        """Have the trainer continue from the newest intact checkpoint.

        Args:
            trainer: A trainer that was made like the one that was saved.

        Returns:
            Whether there was a checkpoint.

        Raises:
            CheckpointError: Where there are checkpoints and all are damaged.
            InputError: Where the trainer was made in another way.
        """
        state = self.group.once(lambda: newest(self.folder))
        self._ours = True
        if state is not None:
            trainer.load_state_dict(self.group.scatter(state))
        return state is not None

    def save(self, trainer: Trainer) -> None:
        """Save the training as it is now.

        Args:
            trainer: The trainer.

        Raises:
            CheckpointError: The file could not be written, or was not read back as it was written.
            InputError: The state holds what a checkpoint cannot hold.
        """
        state = self.group.gather(trainer.state_dict())
        self.group.once(lambda: self._write(trainer.step, state))

    @contextmanager
    def around_run(self, trainer: Trainer) -> Generator[None]:
        """Prepare the folder."""
        self.group.once(self._prepare)
        yield

    def after_step(self, trainer: Trainer) -> None:
        """Save the training at every multiple of ``every``."""
        if trainer.step % self.every == 0:
            self.save(trainer)

    def _prepare(self) -> None:
        make_folder(self.folder)
        remove_leftovers(self.folder)
        if not self._ours and checkpoints(self.folder):
            raise InputError(
                "it holds the checkpoints of another training",
                where=str(self.folder),
                hint="continue that one with resume(trainer) before the run, or choose another folder",
            )
        self._ours = True

    def _write(self, step: int, state: Any) -> None:
        written = self.folder / NAME.format(step)
        save(written, state)
        files = checkpoints(self.folder)
        remaining = files[: files.index(written) + 1][-self.keep :]
        try:
            for path in set(files) - set(remaining):  # later ones too: this training resumed from an earlier one
                path.unlink()
        except OSError as error:
            raise CheckpointError(
                f"older checkpoints could not be removed ({error.strerror})", where=str(self.folder)
            ) from error


def _forget(path: str | Path) -> None:
    """Have the system drop its cached copy, where it can, so that the next read comes from the disk."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError), open(path, "rb") as handle:
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
