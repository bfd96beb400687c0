"""Windows cut by index arithmetic are those a plain loop would cut."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.models.forecast.network.windows import Store
from gatewise.tables.panel import Frequency, Panel


def panel_of(*lengths: int) -> Panel:
    values = tuple(100.0 * row + np.arange(1.0, length + 1.0) for row, length in enumerate(lengths, start=1))
    ids = tuple(f"s{row}" for row in range(len(lengths)))
    return Panel(ids, tuple(np.arange(length) for length in lengths), values, Frequency("1"), 1)


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    look_back=st.integers(1, 12),
    horizon=st.integers(1, 6),
    data=st.data(),
)
def test_windows_are_slices(lengths: list[int], look_back: int, horizon: int, data: st.DataObject) -> None:
    panel = panel_of(*lengths)
    row = data.draw(st.integers(0, len(lengths) - 1))
    origin = data.draw(st.integers(0, lengths[row]))
    cut = Store(panel, 1).windows(torch.tensor([row]), torch.tensor([origin]), look_back, horizon)
    past = panel.values[row][max(0, origin - look_back) : origin]
    future = panel.values[row][origin : origin + horizon]
    space = Store(panel, 1).spaces[row]
    np.testing.assert_array_equal(cut.past[0][cut.seen[0]].numpy(), space.enter(past))
    np.testing.assert_array_equal(cut.future[0][cut.known[0]].numpy(), space.enter(future))
    assert cut.seen[0].tolist() == [False] * (look_back - len(past)) + [True] * len(past)
    assert cut.known[0].tolist() == [True] * len(future) + [False] * (horizon - len(future))
    assert cut.steps[0].tolist() == list(range(origin, origin + horizon))


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5), horizon=st.integers(1, 8))
def test_draws_stay_inside(lengths: list[int], horizon: int) -> None:
    needs = 3
    lengths = [*lengths, 5]
    store = Store(panel_of(*lengths), 1)
    rows, origins = store.draw(200, needs, horizon, torch.Generator().manual_seed(0))
    length = torch.tensor(lengths)[rows]
    assert (origins >= needs).all()
    assert (origins < length).all()
    roomy = length >= needs + horizon
    assert (origins + horizon <= length)[roomy].all()


def test_every_origin_of_a_series_comes_up() -> None:
    rows, origins = Store(panel_of(20), 1).draw(2000, 3, 5, torch.Generator().manual_seed(0))
    assert set(origins.tolist()) == set(range(3, 16))
    assert set(rows.tolist()) == {0}


def test_last_windows_end_with_the_series() -> None:
    panel = panel_of(9, 4)
    cut = Store(panel, 1).last(torch.arange(2), 5, 2)
    assert cut.seen.sum(1).tolist() == [5, 4]
    assert not cut.known.any()
