"""A server that kills trainings: it imports torch once, forks a training, and ends it by SIGKILL at a random instant.

python -m tests.training.kills FOLDER KILLS        prints what happened as JSON
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gatewise import files
from gatewise.training import checkpoint
from gatewise.training.checkpoint import Checkpointing
from gatewise.training.trainer import Callback, Trainer

from .small_run import STEPS, digest, make, uninterrupted

EVERY, SHARE = 4, 0.12  # a life lasts at most this share of the whole training
AIMED = 2  # kills at either end of each phase of saving, however short it is
# Where a kill finds the training: function by function, so that the figures say what was interrupted.
PHASES: dict[str, tuple[Any, str]] = {
    "writing": (files, "_write_through"),
    "renaming": (os, "replace"),
    "flushing the folder": (files, "_sync_folder"),
    "reading back": (checkpoint, "load"),
    "removing": (Path, "unlink"),
}
NAMES = ("starting", "training", *PHASES)


class Board(Callback):
    """What a training last said, in memory that outlives it: its phase, where it resumed, and its latest update; and
    the end of a phase at which it is to die, told to it by `doom_of`."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 32)

    def say(
        self, phase: int | None = None, resumed: int | None = None, step: int | None = None, doom: int | None = None
    ) -> None:
        for place, value in enumerate((phase, resumed, step, doom)):
            if value is not None:
                struct.pack_into("q", self.memory, 8 * place, value)

    def heard(self) -> tuple[int, int, int, int]:
        return struct.unpack("4q", self.memory[:])

    def perhaps_die(self, doom: int) -> None:
        if self.heard()[3] == doom:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_step(self, trainer: Trainer) -> None:
        self.say(step=trainer.step)


def watch(board: Board) -> None:
    """Have every function of PHASES say when it begins and ends."""
    for name, (owner, function) in PHASES.items():
        setattr(owner, function, announced(getattr(owner, function), board, NAMES.index(name)))


def announced(function: Callable[..., Any], board: Board, phase: int) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        board.say(phase=phase)
        board.perhaps_die(doom_of(phase, after=False))
        try:
            return function(*args, **kwargs)
        finally:
            board.perhaps_die(doom_of(phase, after=True))
            board.say(phase=NAMES.index("training"))

    return call


def doom_of(phase: int, *, after: bool) -> int:
    """A number for the beginning or the end of a phase."""
    return 2 * phase + after


def train(folder: Path, board: Board) -> None:
    """One life of the training: go on from the newest checkpoint, to the end if it is let."""
    saving = Checkpointing(folder / "run", EVERY)
    trainer = make([board, saving])
    saving.resume(trainer)
    watch(board)
    board.say(phase=NAMES.index("training"), resumed=trainer.step, step=trainer.step)
    trainer.run(steps=STEPS)
    (folder / "digest").write_text(digest(trainer))


def forked(work: Callable[[], None]) -> int:
    """A child that does the work; its process id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def duration(folder: Path, board: Board) -> float:
    """The seconds of a training that saves and is not killed."""
    home = folder / "whole"
    home.mkdir()
    begun = time.monotonic()
    os.waitpid(forked(lambda: train(home, board)), 0)
    return time.monotonic() - begun


def moments(kills: int, longest: float, board: Board) -> list[Callable[[int], None]]:
    """Ways to wait for the instant of a child's death: so many random instants, half of them counted from the fork and
    half from its first word; and both ends of every phase of saving, where it kills itself."""
    chance = random.Random(0)

    def once_it_trains(pause: float, child: int) -> None:
        patience = time.monotonic() + 100 * longest
        while board.heard()[0] == NAMES.index("starting") and time.monotonic() < patience:
            time.sleep(1e-4)
        time.sleep(pause)

    def when_doomed(doom: int, child: int) -> None:
        board.say(doom=doom)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    pauses = [chance.uniform(0, longest) for _ in range(kills)]
    waits: list[Callable[[int], None]] = [lambda child, pause=pause: time.sleep(pause) for pause in pauses[::2]]
    waits += [partial(once_it_trains, pause) for pause in pauses[1::2]]
    ends = [doom_of(NAMES.index(name), after=after) for name in PHASES for after in (False, True)]
    waits += [partial(when_doomed, doom) for doom in ends for _ in range(AIMED)]
    chance.shuffle(waits)
    return waits


def serve(folder: Path, kills: int) -> dict[str, Any]:
    """Start a training and kill it, again and again in the same folder; in a new one where it came to its end. The last
    one is left to end.

    found: kills by phase. lost: the most updates that a kill cost. resumed: how many went on from a checkpoint.
    leftovers: kills that left a temporary file. digests: of the trainings that came to their end.
    """
    board, found = Board(), Counter[str]()
    lost = leftovers = resumed = reached = 0
    digests: list[str] = []
    waits = moments(kills, SHARE * duration(folder, board), board)
    home = folder / "0"
    home.mkdir()
    while waits:
        board.say(phase=0, resumed=-1, step=-1, doom=-1)
        child = forked(partial(train, home, board))
        waits[-1](child)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        phase, began, step, _ = board.heard()
        if began >= 0:
            lost, resumed = max(lost, reached - began), resumed + (began > 0)
        reached = max(reached, step)
        if os.WIFSIGNALED(status):
            waits.pop()
            found[NAMES[phase]] += 1
            leftovers += any((home / "run").glob(".*.tmp"))
            continue
        if os.WEXITSTATUS(status):
            raise SystemExit("a training failed")
        digests.append((home / "digest").read_text())
        home, reached = folder / str(len(digests)), 0
        home.mkdir()
    os.waitpid(forked(partial(train, home, board)), 0)  # what the last kill left goes on to its end
    digests.append((home / "digest").read_text())
    return {
        "kills": found.total(),
        "found": found,
        "lost": lost,
        "resumed": resumed,
        "leftovers": leftovers,
        "digests": digests,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)  # before anything is computed: a pool of threads does not survive a fork
    begun = time.monotonic()
    expected = uninterrupted()
    result = serve(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps({**result, "expected": expected, "seconds": time.monotonic() - begun}))
