"""What two processes do at once; torchrun starts this.

torchrun --nproc-per-node 2 -m tests.training.together FOLDER [resume]    writes what each process found as JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from gatewise.errors import GatewiseError
from gatewise.training.checkpoint import Checkpointing, checkpoints
from gatewise.training.distributed import Group, distributed
from gatewise.training.validation import EarlyStopping

from .small_run import STEPS, digest, make

EVERY = 8


def first_life(folder: Path, group: Group) -> dict[str, Any]:
    """Whole trainings to compare with, and one that ends half-way."""
    steady = make(group=group, dropout=0.0)
    steady.run(steps=STEPS)
    if group.rank == 0:
        torch.save(steady.module.state_dict(), folder / "weights")
    saving = Checkpointing(folder / "run", EVERY, group=group)
    whole, half = make(group=group), make([saving], group)
    whole.run(steps=STEPS)
    half.run(steps=STEPS // 2)
    return {
        "whole": digest(whole),
        "half": digest(half),
        "files": [path.name for path in checkpoints(saving.folder)],
        "average": group.average(group.rank + 0.5),
        "stopped": stopped(group),
        "failure": failure(group),
    }


def stopped(group: Group) -> int:
    """The step at which everybody stops, if only the first process measures, and the others would go on."""
    losses = iter([3.0, 2.0, 2.5, 2.6]) if group.rank == 0 else iter([4.0, 3.0, 2.0, 1.0])
    stopping = EarlyStopping(lambda: group.once(lambda: next(losses)), every=2, patience=2)
    trainer = make([stopping], group)
    return trainer.run(steps=STEPS).steps


def failure(group: Group) -> str:
    """What everybody is told where the first process fails."""
    try:
        group.once(lambda: 1 // 0)
    except (ZeroDivisionError, GatewiseError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def second_life(folder: Path, group: Group) -> dict[str, Any]:
    """The half training, gone on with."""
    saving = Checkpointing(folder / "run", EVERY, group=group)
    trainer = make([saving], group)
    assert saving.resume(trainer)
    began = trainer.step
    trainer.run(steps=STEPS)
    return {"began": began, "whole": digest(trainer)}


if __name__ == "__main__":
    folder, life = Path(sys.argv[1]), second_life if sys.argv[2:] else first_life
    with distributed() as group:
        found = {"rank": group.rank, "size": group.size, **life(folder, group)}
        (folder / f"{life.__name__}-{group.rank}.json").write_text(json.dumps(found))
