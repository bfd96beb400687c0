"""The kernels for one to three rows: their results are those of the kernels for many, to the bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from gatewise.cells import CELLS
from gatewise.kernels.cpu import passes, threads
from gatewise.kernels.cpu.few_rows import ROWS

from ..matrix import ALL_CELLS, DTYPES, every_cell, every_pair, random_layer, relative_error
from ..tolerance import PARITY


@pytest.fixture
def several_threads(monkeypatch):
    """Three threads that wait for each other after every stage, however little there is to do."""
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_WORTH_WAITING", 1)
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def both(cell, layer, monkeypatch, backward=None):
    """From the kernels for few rows, and from those for many."""
    results = []
    for few in (ROWS, 0):
        monkeypatch.setattr(passes, "FEW_ROWS", few)
        kept = passes.forward(cell, layer, keep=True)
        results.append((*kept, *(backward(kept) if backward else ())))
    return results


@every_pair(cell=ALL_CELLS, dtype=DTYPES)
def test_a_few_rows_are_the_same_bits_as_among_many(cell, dtype, several_threads, monkeypatch):
    for rows in range(1, ROWS + 1):
        layer = random_layer(cell, 5, rows, 3, 75, dtype=dtype)
        few, many = both(cell, layer, monkeypatch)
        assert all(torch.equal(a, b) for a, b in zip(few, many, strict=True))


@every_cell
def test_gradients_are_those_of_many(cell, several_threads, monkeypatch):
    layer = random_layer(cell, 6, 3, 4, 40, batch_sizes=torch.tensor([3, 3, 2, 2, 1, 1]))

    def backward(kept):
        saved, seeds = passes.Saved(kept.y, kept.gates, kept.histories), passes.Seeds(kept.y, kept.last, None)
        return passes.backward(cell, layer, saved, seeds)

    few, many = both(cell, layer, monkeypatch, backward)
    for a, b in zip(few, many, strict=True):
        assert relative_error(a, b) <= PARITY["float64"]


def test_chunks_of_early_sums_do_not_show(monkeypatch):
    """More steps than the input's part is summed up for at once."""
    cell = CELLS["lstm"]
    layer = random_layer(cell, 1500, 1, 2, 20, dtype=torch.float32)
    few, many = both(cell, layer, monkeypatch)
    assert all(torch.equal(a, b) for a, b in zip(few, many, strict=True))


def test_teams_that_wait_do_not_wait_for_each_other(several_threads):
    """Sixteen Python threads, each with a team of its own, on however few cores there are."""
    cell = CELLS["gru_reset_before"]  # two stages: two waits a step
    layer = random_layer(cell, 50, 1, 2, 70, dtype=torch.float32)
    expected = passes.forward(cell, layer, keep=False).y
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: passes.forward(cell, layer, keep=False).y, range(64)))
    assert all(torch.equal(y, expected) for y in found)
