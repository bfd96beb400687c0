from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import torch

from gatewise.kernels.cpu import memory
from gatewise.kernels.cpu.memory import Blocks, lent, rows_apart
from gatewise.nn import LSTM

MEBIBYTE = 2**20
LIKE = torch.empty(0)


def test_what_is_lent_is_nobody_elses_until_it_is_gone():
    first, second = lent(LIKE, 1024, 1024), lent(LIKE, 1024, 1024)
    assert first.data_ptr() != second.data_ptr()
    part = first[5:6]
    place = first.data_ptr()
    del first
    gc.collect()
    third = lent(LIKE, 1024, 1024)
    assert third.data_ptr() not in (place, second.data_ptr()), "a part of it is still there"
    part.zero_()
    del part
    gc.collect()
    assert lent(LIKE, 1024, 1024).data_ptr() == place


def test_little_memory_is_not_worth_lending():
    before = memory._blocks.waiting
    del_me = lent(LIKE, 16, 16)
    assert del_me.shape == (16, 16)
    assert memory._blocks.waiting == before


def test_no_more_waits_than_may():
    blocks = Blocks(most=5 * MEBIBYTE)
    views = [blocks.view(2 * MEBIBYTE) for _ in range(6)]
    views.clear()
    gc.collect()
    assert 0 < blocks.waiting <= 5 * MEBIBYTE


def test_a_block_much_too_large_is_left_for_others():
    blocks = Blocks(most=2**28)
    view = blocks.view(64 * MEBIBYTE)
    del view
    gc.collect()
    small = blocks.view(MEBIBYTE)
    assert blocks.waiting == 64 * MEBIBYTE
    del small


def test_sixteen_threads_borrow_and_give_back():
    blocks = Blocks(most=2**25)

    def use(number):
        for _ in range(20):
            view = blocks.view(2 * MEBIBYTE)
            view[:8] = number.to_bytes(8, "little")
            assert int.from_bytes(view[:8], "little") == number
            del view
        return True

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(use, range(16)))


def test_the_collector_of_garbage_may_give_back_what_is_lent_at_any_time():
    """It runs finalizers in whichever thread comes along, also in one that holds the lock."""
    blocks = Blocks(most=2**25)
    view = blocks.view(2 * MEBIBYTE)
    del_it = [view]
    del view

    def collect():
        with blocks._lock:
            del_it.clear()

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive(), "it waits for itself"
    first, second = blocks.view(2 * MEBIBYTE), blocks.view(2 * MEBIBYTE)
    assert blocks.waiting == 0
    del first, second
    assert blocks.waiting == 4 * MEBIBYTE


def test_rows_apart_do_not_touch():
    rows = rows_apart(LIKE, 3, 2, 16)
    assert rows.shape == (3, 2, 16)
    assert rows.stride(0) > 32
    assert rows[0].is_contiguous()


def test_two_graphs_at_once_keep_their_own():
    """What the first forward pass kept is read after a second one has run, and read twice."""
    module = LSTM(32, 64)
    x = torch.randn(100, 60, 32)
    expected = torch.autograd.grad(module(x)[0].square().sum(), module.weight_hh_l0)[0]
    first, second = module(x)[0], module(2 * x)[0]
    second.square().sum().backward()
    for _ in range(2):
        found = torch.autograd.grad(first.square().sum(), module.weight_hh_l0, retain_graph=True)[0]
        assert torch.equal(found, expected)
