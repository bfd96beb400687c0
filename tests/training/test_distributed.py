"""Two processes train as one would, save once, and go on as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import distributed as dist

import gatewise
from gatewise.errors import InputError
from gatewise.training.checkpoint import Checkpointing
from gatewise.training.distributed import Group, Shards, distributed
from gatewise.training.progress import Progress
from gatewise.training.sources import Drawn, Shuffled

from ..tolerance import TWO_PROCESSES
from .small_run import STEPS, digest, make, uninterrupted

ROOT = Path(__file__).parents[2]
needs_gloo = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="torch has no gloo")


def torchrun(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """What two processes found in this life."""
    paths = os.pathsep.join([str(ROOT), str(Path(gatewise.__file__).parents[1])])
    starter = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*starter, "-m", "tests.training.together", str(folder), *arguments],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    life = "second_life" if arguments else "first_life"
    return [json.loads((folder / f"{life}-{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("together")
    return folder, torchrun(folder), torchrun(folder, "resume")


@pytest.mark.slow
@needs_gloo
def test_two_processes_learn_what_one_learns_from_the_same_batches(lives) -> None:
    folder, first, _ = lives
    assert [(found["rank"], found["size"]) for found in first] == [(0, 2), (1, 2)]
    alone = make(dropout=0.0)
    alone.run(steps=STEPS)
    together = torch.load(folder / "weights", weights_only=True)
    assert together.keys() == alone.module.state_dict().keys()
    for name, weight in alone.module.state_dict().items():
        torch.testing.assert_close(together[name], weight, **TWO_PROCESSES)


@pytest.mark.slow
@needs_gloo
def test_processes_that_go_on_from_a_checkpoint_end_as_if_never_interrupted(lives) -> None:
    _, first, second = lives
    assert [found["began"] for found in second] == [24, 24]
    assert [found["whole"] for found in second] == [found["whole"] for found in first]
    assert first[0]["whole"] != first[1]["whole"]  # each has carried state and dropout of its own


@pytest.mark.slow
@needs_gloo
def test_a_checkpoint_is_written_once_for_all(lives) -> None:
    _, first, _ = lives
    assert [found["files"] for found in first] == [
        ["step-000000000016.safetensors", "step-000000000024.safetensors"]
    ] * 2


@pytest.mark.slow
@needs_gloo
def test_processes_decide_together(lives) -> None:
    _, first, _ = lives
    assert [found["average"] for found in first] == [1.0, 1.0]
    assert [found["stopped"] for found in first] == [8, 8]
    assert first[0]["failure"].startswith("ZeroDivisionError")
    assert first[1]["failure"].startswith("GatewiseError: process 0: ZeroDivisionError")


def test_a_script_that_is_started_plainly_is_a_group_of_one() -> None:
    with distributed() as group:
        assert (group.rank, group.size) == (0, 1)
        trainer = make(group=group)
        assert group.average(0.25) == 0.25
        assert group.once(lambda: 7) == 7
        trainer.run(steps=STEPS)
    assert digest(trainer) == uninterrupted()


def test_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    saving = Checkpointing(tmp_path / "run", 5)
    trainer = make([saving])
    trainer.run(steps=5)
    other = Checkpointing(tmp_path / "run", 5)
    other.group.size = 2
    with pytest.raises(InputError, match="of a training with 1 processes, and there are 2"):
        other.resume(make())


def test_of_a_shuffled_set_each_process_reads_its_own_samples_only() -> None:
    read: list[list[int]] = [[], []]

    class Watched(list[int]):
        def __init__(self, rank: int) -> None:
            super().__init__(range(12))
            self.rank = rank

        def __getitem__(self, row: Any) -> Any:
            read[self.rank].append(row)
            return super().__getitem__(row)

    sources = [Shards(Shuffled(Watched(rank), 4, collate=torch.tensor, seed=1), rank, 2) for rank in range(2)]
    plain = Shuffled(list(range(12)), 4, collate=torch.tensor, seed=1)
    for _ in range(6):
        batch = torch.cat([source.next_batch() for source in sources])
        assert torch.equal(batch, plain.next_batch())
    assert [len(rows) for rows in read] == [12, 12]
    assert [source.epoch for source in sources] == [2, 2]


class Named(NamedTuple):
    rows: torch.Tensor
    starts: bool


@pytest.mark.parametrize("dim", [0, 1])
def test_a_batch_is_cut_along_its_axis_wherever_tensors_are(dim: int) -> None:
    batch = ({"inputs": torch.arange(24.0).reshape(4, 6)}, Named(torch.ones(2, 2), True), None, 0.5)
    parts = [Shards(Drawn(lambda _: batch), rank, 2, dim).next_batch() for rank in range(2)]
    assert torch.equal(torch.cat([part[0]["inputs"] for part in parts], dim), batch[0]["inputs"])
    assert all(part[1].rows.shape[dim] == 1 and part[1].starts for part in parts)
    assert all(part[2:] == (None, 0.5) for part in parts)


@pytest.mark.parametrize("batch", [torch.ones(3, 2), ["text"]], ids=["uneven", "unknown"])
def test_a_batch_that_cannot_be_divided_is_refused(batch: Any) -> None:
    with pytest.raises(InputError, match="cannot be divided"):
        Shards(Drawn(lambda _: batch), 0, 2).next_batch()


def test_a_source_is_shared_as_it_stands() -> None:
    source = Shuffled(list(range(8)), 4)
    shared = Group(0, 2).share(source)
    shared.next_batch()
    again = Group(1, 2).share(Shuffled(list(range(8)), 4))
    again.load_state_dict(shared.state_dict())
    assert source.position == 4
    assert again.source.position == 4


@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_first_process_shows_its_progress(
    rank: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("RANK", str(rank))
    make([Progress()]).run(steps=2)
    assert ("step 2" in capsys.readouterr().err) == (rank == 0)
