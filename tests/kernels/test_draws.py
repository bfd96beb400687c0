"""Random masks against the generator they come from, written with NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.cells import CELLS
from gatewise.kernels.cpu.draws import GROUP, fill
from gatewise.kernels.draws import drawn
from gatewise.transforms import zoneout

from ..matrix import every_dtype


def philox(counter, key):
    """Philox4x32-10 of the paper: its rounds on four words of each of many counters, (4, N)."""
    words = [np.asarray(word, np.uint64) for word in counter]
    low, key = np.uint64(0xFFFFFFFF), [np.uint64(half) for half in key]
    for _ in range(10):
        first, second = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
        high = np.uint64(32)
        words = [second >> high ^ words[1] ^ key[0], second & low, first >> high ^ words[3] ^ key[1], first & low]
        key = [(half + np.uint64(step)) & low for half, step in zip(key, (0x9E3779B9, 0xBB67AE85), strict=True)]
    return np.array(words)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
    ids=["zeros", "ones", "digits of pi"],
)
def test_the_generator_gives_the_numbers_that_its_authors_publish(counter, key, expected):
    assert " ".join(f"{int(word):08x}" for word in philox(counter, key)) == expected


def expected_mask(count, seed, stream, rate, hit, miss):
    """Each group of 64 draws is four words of sixteen counters, word after word."""
    counters = np.arange(-(-count // GROUP) * 16, dtype=np.uint64)
    words = philox(
        (counters & np.uint64(0xFFFFFFFF), counters >> np.uint64(32), stream, 0), (seed & 0xFFFFFFFF, seed >> 32)
    )
    numbers = words.reshape(4, -1, 16).transpose(1, 0, 2).reshape(-1)[:count]
    return np.where(numbers < round(rate * 2**32), hit, miss)


@every_dtype
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1000, 2**18 + 5])
def test_a_mask_is_the_generators_numbers_below_a_rate(count, dtype):
    given = 2**62 + 12345678912345, 3, 0.3, 0.0, 1 / 0.7
    found = torch.full((count + 1,), 7.0, dtype=dtype)
    fill(found[:count], *given)
    assert found[count] == 7.0
    expected = torch.from_numpy(expected_mask(count, *given)).to(dtype)
    assert torch.equal(found[:count], expected)


def test_a_mask_does_not_depend_on_threads():
    before, masks = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            masks.append(torch.empty(2**18 + 17))
            fill(masks[-1], 5, 0, 0.5, 1.0, 0.0)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*masks)


def test_rates_of_nearly_nothing_and_nearly_all():
    for rate, value in ((0.0, 0.0), (1 - 2**-40, 1.0)):
        mask = torch.empty(10_000)
        fill(mask, 1, 0, rate, 1.0, 0.0)
        assert (mask == value).all()


def test_torchs_seed_decides_what_a_layer_draws():
    cell, masks = zoneout(CELLS["lstm"], {"h": 0.5, "c": 0.5}), []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        masks.append(drawn(cell, "step", 5, 70, torch.zeros(()), training=True))
    same, again, other = masks
    assert torch.equal(same, again)
    assert not torch.equal(same, other)
    assert not torch.equal(*same), "two draws of one call"
