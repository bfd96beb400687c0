"""Checkpoints: what goes in comes out bit for bit, and a resumed training is the one that was interrupted."""

from __future__ import annotations

import itertools
import math
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn
from torch.optim import lr_scheduler

from gatewise.errors import CheckpointError, InputError
from gatewise.models.modelfile import FORECASTER_FILE
from gatewise.training.checkpoint import FILE, Checkpointing, checkpoints, load, newest, save
from gatewise.training.state_codec import flatten, rebuild
from gatewise.training.tbptt import Carried, Stretch
from gatewise.training.trainer import Callback, Trainer

from .small_run import STEPS, digest, files, make, uninterrupted

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.uint8, torch.bool)
EVERY = 10


def same(one: Any, other: Any) -> bool:
    """Whether two nests are equal in kinds, order and every bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        bits = [each.contiguous().reshape(-1).view(torch.uint8) for each in (one, other)]
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(*bits)
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return struct.pack(">d", one) == struct.pack(">d", other) if isinstance(one, float) else one == other


def tensor_of(dtype: torch.dtype, shape: list[int]) -> torch.Tensor:
    """Arbitrary bits."""
    bits = torch.randint(2 if dtype == torch.bool else 256, (*shape, dtype.itemsize), dtype=torch.uint8)
    return bits.view(dtype).squeeze(-1)


tensors = st.builds(tensor_of, st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=3))
numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
keys = st.integers() | st.text() | st.booleans() | st.tuples(st.integers(), st.text())
nests = st.recursive(
    numbers | tensors,
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.lists(inside, max_size=3).map(tuple)
        | st.dictionaries(keys, inside, max_size=4)
    ),
    max_leaves=12,
)


@given(nests)
def test_what_goes_in_comes_out_bit_for_bit(state: Any) -> None:
    tensors, rest = flatten(state)
    tensors, record = FILE.unpack(FILE.pack(tensors, {"state": rest}))
    assert same(rebuild(tensors, record["state"]), state)


@pytest.mark.parametrize(
    "value",
    [math.nan, -math.nan, math.inf, -0.0, 5e-324, 0.1, struct.unpack(">d", bytes.fromhex("7ff0dead0000beef"))[0]],
)
def test_a_float_keeps_every_bit(tmp_path: Path, value: float) -> None:
    save(tmp_path / "file", {"value": value})
    assert same(load(tmp_path / "file"), {"value": value})


def test_a_tensor_that_is_there_twice_is_kept_once(tmp_path: Path) -> None:
    whole = torch.arange(4.0)
    state = {"one": whole, "other": whole.detach(), "part": whole[:2], "transposed": torch.eye(3).t()}
    save(tmp_path / "file", state)
    assert load_file(tmp_path / "file").keys() == {"one", "part", "transposed"}
    again = load(tmp_path / "file")
    assert again["one"] is again["other"]
    assert same(again, state)


def test_names_in_the_file_are_paths_and_never_clash(tmp_path: Path) -> None:
    one, two, three, four = torch.arange(4.0).split(1)
    state = {"a": {"b": one}, "a/b": two, "": three, "__metadata__": four}
    save(tmp_path / "file", state)
    assert same(load(tmp_path / "file"), state)
    assert "a/b" in load_file(tmp_path / "file")


def test_other_mappings_and_parameters_become_plain_ones(tmp_path: Path) -> None:
    save(tmp_path / "file", OrderedDict(weight=torch.nn.Parameter(torch.ones(1))))
    assert same(load(tmp_path / "file"), {"weight": torch.ones(1)})


@pytest.mark.parametrize(
    "value",
    [print, {1, 2}, b"bytes", 1j, torch.eye(2).to_sparse(), torch.ones(2, device="meta"), torch.ones(1).cdouble()],
    ids=["function", "set", "bytes", "complex", "sparse", "meta", "complex tensor"],
)
def test_what_cannot_be_kept_is_refused_with_its_place(tmp_path: Path, value: object) -> None:
    with pytest.raises(InputError, match=r"^\['a'\]\[1\]: .* cannot be kept in a checkpoint"):
        save(tmp_path / "file", {"a": [0, value]})
    assert files(tmp_path) == []


FOREIGN: dict[str, Callable[[], bytes]] = {
    "a pickle": lambda: b"\x80\x04" + bytes(20),
    "a model of the forecaster": lambda: FORECASTER_FILE.pack({}, {"kind": "lstm"}),
    "a safetensors": lambda: FILE.pack({}, {"other": 1}),
    "do not describe": lambda: FILE.pack({}, {"state": {"dict": 3}}),
    "newer": lambda: FILE.pack({}, {"state": None}).replace(rb"\"format\":1", rb"\"format\":2"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(FOREIGN[name]())
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path / "file")
    assert caught.value.where == str(tmp_path / "file")
    assert caught.value.hint


def test_a_carried_state_follows_the_module_to_its_device(tmp_path: Path) -> None:
    given: list[Any] = []
    carried = Carried(lambda module, batch, state: (torch.zeros(()), given.append(state)))
    save(tmp_path / "file", {"state": (torch.ones(1), [torch.ones(2)])})
    carried.load_state_dict(load(tmp_path / "file"))
    carried(nn.Linear(1, 1, device="meta"), Stretch(torch.ones(1), torch.ones(1), False, 1.0))
    assert given[0][0].is_meta
    assert given[0][1][0].is_meta


class Late(Callback):
    """Draws a random number after each pass, behind the back of whoever saved before it."""

    def __init__(self) -> None:
        self.drawn: list[float] = []

    def after_epoch(self, trainer: Trainer) -> None:
        self.drawn.append(torch.rand(()).item())

    def state_dict(self) -> dict[str, Any]:
        return {"drawn": list(self.drawn)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.drawn = state["drawn"]


def test_a_training_that_goes_on_from_any_checkpoint_is_the_one_that_was_interrupted(tmp_path: Path) -> None:
    saving, late = Checkpointing(tmp_path / "run", 1, keep=STEPS), Late()
    whole = make([saving, late])
    whole.run(steps=STEPS)
    files = checkpoints(saving.folder)
    assert len(files) == STEPS
    assert len(late.drawn) > 3  # passes that ended at a checkpoint
    for path in files[::3]:
        again = Late()
        trainer = make([Checkpointing(tmp_path / "other", STEPS * 2), again])
        trainer.load_state_dict(load(path) | load(path)["processes"][0])
        trainer.run(steps=STEPS)
        assert digest(trainer) == digest(whole)
        assert again.drawn == late.drawn


OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "Adam": lambda weights: torch.optim.Adam(weights, lr=0.01, amsgrad=True),
    "RMSprop": lambda weights: torch.optim.RMSprop(weights, lr=0.01, momentum=0.5, centered=True),
    "ASGD": lambda weights: torch.optim.ASGD(weights, lr=0.1, t0=3),
    "Adagrad": lambda weights: torch.optim.Adagrad(weights, lr=0.1),
}
SCHEDULES: dict[str, Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]] = {
    "OneCycle": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=50, cycle_momentum=False),
    "MultiStep": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [3, 9, 9]),
    "Lambda": lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step)),
    "Sequential": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.LinearLR(optimizer), lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 4)], [6]
    ),
}


@pytest.mark.parametrize(
    ("optimizer", "schedule", "precision"),
    [*zip(OPTIMIZERS, SCHEDULES, itertools.repeat("float32")), ("Adam", "OneCycle", "float16")],
)
def test_torchs_optimisers_and_schedules_go_on_as_they_were(
    tmp_path: Path, optimizer: str, schedule: str, precision: str
) -> None:
    def built(*callbacks: Callback) -> Trainer:
        plain = make()
        chosen = OPTIMIZERS[optimizer](plain.module.parameters())
        return Trainer(
            plain.module,
            plain.loss,
            plain.source,
            chosen,
            schedule=SCHEDULES[schedule](chosen),
            precision=precision,
            callbacks=callbacks,
        )

    saving = Checkpointing(tmp_path, 7)
    whole = built(saving)
    whole.run(steps=12)
    again = Checkpointing(tmp_path, 7)
    trainer = built(again)
    assert again.resume(trainer)
    assert trainer.step == 7
    trainer.run(steps=12)
    assert digest(trainer) == digest(whole)


def test_saving_changes_nothing_and_a_second_run_goes_on(tmp_path: Path) -> None:
    saving = Checkpointing(tmp_path / "run", EVERY)
    assert not saving.resume(make([saving]))
    trainer = make([saving])
    trainer.run(steps=STEPS // 2)
    trainer.run(steps=STEPS)
    assert digest(trainer) == uninterrupted()


@pytest.mark.parametrize("keep", [1, 3])
def test_only_the_newest_stay(tmp_path: Path, keep: int) -> None:
    saving = Checkpointing(tmp_path / "run", EVERY, keep=keep)
    make([saving]).run(steps=STEPS)
    steps = range(EVERY, STEPS + 1, EVERY)
    assert files(saving.folder) == [f"step-{step:012}.safetensors" for step in steps[-keep:]]


def test_what_is_damaged_is_passed_over_with_a_warning_and_then_replaced(tmp_path: Path) -> None:
    saving = Checkpointing(tmp_path / "run", EVERY)
    make([saving]).run(steps=STEPS)
    spoil(checkpoints(saving.folder)[-1])
    again = Checkpointing(saving.folder, EVERY)
    trainer = make([again])
    with pytest.warns(RuntimeWarning, match=r"step-0*60\.safetensors: it is damaged.*going back to step-0*50\."):
        assert again.resume(trainer)
    trainer.run(steps=STEPS)
    assert digest(trainer) == uninterrupted()
    assert newest(saving.folder)["step"] == STEPS


def test_a_folder_in_which_nothing_is_whole_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    saving = Checkpointing(tmp_path / "run", EVERY)
    make([saving]).run(steps=STEPS)
    for path in checkpoints(saving.folder):
        spoil(path)
    before = files(saving.folder)
    with pytest.raises(
        CheckpointError, match=r"every checkpoint is damaged: step-0*60.*checksum.*; step-0*50.*checksum"
    ):
        Checkpointing(saving.folder, EVERY).resume(make())
    assert files(saving.folder) == before


def test_checkpoints_of_another_training_are_never_removed(tmp_path: Path) -> None:
    saving = Checkpointing(tmp_path / "run", EVERY)
    make([saving]).run(steps=STEPS)
    before = files(saving.folder)
    trainer = make([Checkpointing(saving.folder, EVERY)])
    with pytest.raises(InputError, match="holds the checkpoints of another training"):
        trainer.run(steps=STEPS)
    assert trainer.step == 0
    assert files(saving.folder) == before


def test_what_a_killed_run_left_goes_at_the_next_start_and_nothing_else(tmp_path: Path) -> None:
    for name in (".0123456789abcdef.tmp", ".hidden", "notes.tmp", "step-1.txt"):
        (tmp_path / name).write_bytes(b"half")
    make([Checkpointing(tmp_path, EVERY)]).run(steps=1)
    assert files(tmp_path) == [".hidden", "notes.tmp", "step-1.txt"]


def test_a_folder_that_cannot_be_used_is_refused_before_the_first_update(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder, words in ((tmp_path / "file", "a file, not a folder"), (tmp_path / "no" / "run", "does not exist")):
        trainer = make([Checkpointing(folder, EVERY)])
        with pytest.raises(InputError, match=words):
            trainer.run(steps=STEPS)
        assert trainer.step == 0


@pytest.mark.parametrize("bad", [{"every": 0}, {"every": 1, "keep": 0}])
def test_intervals_are_checked(bad: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least 1"):
        Checkpointing("run", **bad)


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
