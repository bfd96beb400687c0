"""Sources give every batch in its turn, know where they are, and go on from there."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import TensorDataset

from gatewise.errors import InputError
from gatewise.training import Carried, Drawn, Shuffled, Stretch, Stretches

from ..tolerance import SIGMAS
from .tasks import assert_same

KINDS = {
    "drawn": lambda seed: Drawn(lambda generator: torch.rand(3, generator=generator), seed=seed, per_epoch=4),
    "rows": lambda seed: Shuffled((torch.arange(7), torch.arange(7.0)), 2, seed=seed),
    "samples": lambda seed: Shuffled([{"x": torch.tensor(number)} for number in range(7)], 2, seed=seed),
    "whole batches": lambda seed: Shuffled((torch.arange(7),), 2, seed=seed, drop_last=True),
    "stretches": lambda seed: Stretches(torch.arange(60), 2, 9, seed=seed),
    "variable": lambda seed: Stretches(torch.arange(60), 2, 9, seed=seed, variable=True),
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def rows_of(source: Shuffled, count: int) -> list[list[int]]:
    return [source.next_batch()[0].tolist() for _ in range(count)]


@every_kind
@pytest.mark.parametrize("behind", range(10))
def test_a_source_goes_on_from_its_state(make, behind):
    source, other = make(0), make(1)
    for _ in range(behind):
        source.next_batch()
    other.next_batch()
    other.load_state_dict(source.state_dict())
    for _ in range(9):
        assert other.epoch == source.epoch
        assert_same(other.next_batch(), source.next_batch())


@every_kind
def test_a_state_stays_as_it_was_when_the_source_goes_on(make):
    source = make(0)
    source.next_batch()
    state = source.state_dict()
    expected = [source.next_batch() for _ in range(6)]
    source.load_state_dict(state)
    assert_same([source.next_batch() for _ in range(6)], expected)


@pytest.mark.parametrize("kind", ["drawn", "rows", "variable"])
def test_the_seed_is_what_batches_depend_on(kind):
    first, again, other = ([KINDS[kind](seed).next_batch() for _ in range(1)] for seed in (1, 1, 2))
    assert_same(again, first)
    with pytest.raises(AssertionError):
        assert_same(other, first)


def test_drawn_counts_passes_where_it_is_told_to():
    source = Drawn(lambda generator: None, per_epoch=2)
    epochs = []
    for _ in range(5):
        source.next_batch()
        epochs.append(source.epoch)
    assert epochs == [0, 1, 1, 2, 2]
    endless = Drawn(lambda generator: None)
    endless.next_batch()
    assert (endless.epoch, endless.endless, source.endless) == (0, True, False)


@given(size=st.integers(1, 30), batch=st.integers(1, 9), drop_last=st.booleans())
def test_a_pass_has_every_sample_once(size, batch, drop_last):
    if drop_last and size < batch:
        return
    source = Shuffled((torch.arange(size),), batch, drop_last=drop_last)
    orders = []
    for epoch in range(3):
        batches = []
        while source.epoch == epoch:
            batches.append(source.next_batch()[0].tolist())
        rows = [row for rows in batches for row in rows]
        assert [len(rows) for rows in batches[:-1]] == [batch] * (len(batches) - 1)
        assert len(rows) == len(set(rows)) == (size // batch * batch if drop_last else size)
        orders.append(rows)
    assert size < 10 or orders[0] != orders[1] != orders[2]


def test_a_batch_of_tensors_has_the_same_rows_of_each():
    x = torch.randn(10, 3, 2)
    rows, values = Shuffled((torch.arange(10), x), 4).next_batch()
    assert torch.equal(values, x[rows])


def test_a_dataset_and_a_list_are_collated_as_a_data_loader_does():
    x, y = torch.randn(6, 2), torch.arange(6)
    for data in (TensorDataset(x, y), list(zip(x, y, strict=True))):
        values, rows = Shuffled(data, 4).next_batch()
        assert torch.equal(values, x[rows])


def test_samples_of_uneven_length_are_collated_by_the_users_function():
    samples = [torch.ones(length) for length in (1, 2, 3)]
    source = Shuffled(samples, 3, collate=lambda rows: sorted(len(row) for row in rows))
    assert source.next_batch() == [1, 2, 3]
    pairs = Shuffled((torch.arange(3), torch.arange(3) * 10), 3, collate=sorted)
    assert pairs.next_batch() == [(0, 0), (1, 10), (2, 20)]


@given(
    tokens=st.integers(2, 90),
    batch=st.integers(1, 4),
    length=st.integers(1, 20),
    variable=st.booleans(),
    seed=st.integers(0, 9),
)
def test_stretches_are_the_columns_cut_without_a_gap(tokens, batch, length, variable, seed):
    if tokens // batch < 2:
        return
    source = Stretches(torch.arange(tokens), batch, length, variable=variable, seed=seed)
    stretches = []
    while source.epoch == 0:
        stretches.append(source.next_batch())
    steps = tokens // batch
    columns = torch.arange(steps * batch).view(batch, steps).T
    assert torch.equal(torch.cat([stretch.inputs for stretch in stretches]), columns[:-1])
    assert torch.equal(torch.cat([stretch.targets for stretch in stretches]), columns[1:])
    assert [stretch.starts for stretch in stretches] == [True] + [False] * (len(stretches) - 1)
    if not variable:
        assert {len(stretch.inputs) for stretch in stretches[:-1]} <= {length}
        assert {stretch.rate for stretch in stretches} == {1.0}
    assert all(not variable or stretch.rate == len(stretch.inputs) / length for stretch in stretches)
    assert source.next_batch().starts


def test_variable_lengths_are_those_of_awd_lstm():
    """Merity et al., arXiv:1708.02182, section 4.1: N(70, 5) with probability 0.95, else N(35, 5)."""
    source = Stretches(torch.zeros(2_000_000), 1, 70, variable=True)
    lengths = torch.tensor([float(len(source.next_batch().inputs)) for _ in range(8_000)])
    short = lengths < 52  # 3.4 deviations from both
    count = len(lengths)
    assert abs(short.float().mean() - 0.05) < SIGMAS * math.sqrt(0.05 * 0.95 / count)
    for some, centre in ((lengths[~short], 70), (lengths[short], 35)):
        # cut to whole numbers: half a step lower, and wider by a twelfth
        assert abs(some.mean() - (centre - 0.5)) < SIGMAS * 5 / math.sqrt(len(some))
        assert abs(some.var() - (25 + 1 / 12)) < SIGMAS * 25 * math.sqrt(2 / len(some))


def test_a_variable_length_is_never_below_five():
    source = Stretches(torch.zeros(5000), 1, 4, variable=True)
    lengths = [len(source.next_batch().inputs) for _ in range(300)]
    assert min(lengths) == 5


def test_texts_may_be_vectors():
    stretch = Stretches(torch.randn(21, 3), 2, 4).next_batch()
    assert stretch.inputs.shape == stretch.targets.shape == (4, 2, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Drawn(lambda generator: None, per_epoch=0),
        lambda: Shuffled((), 1),
        lambda: Shuffled([], 1),
        lambda: Shuffled([1, 2], 0),
        lambda: Shuffled([1, 2], 3, drop_last=True),
        lambda: Shuffled((torch.zeros(2), torch.zeros(3)), 1),
        lambda: Stretches(torch.zeros(3), 2, 4),
        lambda: Stretches(torch.zeros(9), 0, 4),
        lambda: Stretches(torch.zeros(9), 2, 0),
    ],
)
def test_what_gives_no_batch_is_refused(make):
    with pytest.raises(InputError):
        make()


class Summing:
    """A loss whose state is the sum of all it has read."""

    def __init__(self, kind: type) -> None:
        self.kind, self.before = kind, []

    def __call__(self, module, batch: Stretch, state) -> tuple[Tensor, object]:
        self.before.append(state)
        total = batch.inputs.sum().requires_grad_() * 1.0
        return total, total if self.kind is Tensor else self.kind([total, (total, None)])


@pytest.mark.parametrize("kind", [Tensor, tuple, list])
def test_state_is_carried_detached_and_forgotten_where_a_pass_starts(kind):
    inner = Summing(kind)
    carried, source = Carried(inner), Stretches(torch.arange(13.0), 1, 4)
    for _ in range(4):
        carried(torch.nn.Identity(), source.next_batch()).backward()
    starts = [state is None for state in inner.before]
    assert starts == [True, False, False, True]
    carried_on = inner.before[1]
    assert isinstance(carried_on, kind)
    first = carried_on if kind is Tensor else carried_on[0]
    assert first == 0 + 1 + 2 + 3
    assert not first.requires_grad
    if kind is not Tensor:
        assert carried_on[1][1] is None
        assert not carried_on[1][0].requires_grad


def test_a_batch_that_does_not_say_whether_it_starts_is_refused():
    with pytest.raises(InputError, match="starts"):
        Carried(Summing(Tensor))(torch.nn.Identity(), (torch.zeros(1),))
