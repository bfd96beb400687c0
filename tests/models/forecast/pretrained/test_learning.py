"""What the network learns from: batches that know nothing of what comes, and a loss that falls."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmarks.pretraining.feed import Batches, Feed
from tests.models.forecast.pretrained.untrained import network

from gatewise.models.forecast.pretrained.learning import Batch, Network, batch_of, loss, together
from gatewise.synthetic import Mixture
from gatewise.tables.panel import Floats


def drawn(rows: int = 6, length: int = 90) -> Floats:
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.normal(size=(rows, length)), axis=1) + 4 * np.sin(np.arange(length) * np.pi / 6)
    values[0, :40] = values[1, 50] = np.nan
    return values


def batch(values: Floats, season: int = 12) -> Batch:
    return batch_of(values, season, 1, 10, np.random.default_rng(3))


def test_places_read_only_what_was_before_them():
    values = drawn()
    changed = values.copy()
    changed[:, 60:] += 7
    one, other = batch(values), batch(changed)
    same = (one.tokens == other.tokens).flatten(2).all(-1)
    assert same[1:, :5].all()
    assert not same[1:, -1].any()


def test_what_came_is_in_units_from_the_level():
    found = batch(drawn())
    assert found.actual.isfinite().all()
    assert (found.weights[found.actual != 0] > 0).all()
    # of a random walk with a season, some expert is never far
    nearest = (found.experts - found.actual[..., None]).abs().amin(-1)
    assert nearest[found.weights > 0].median() < 0.5


def test_batches_of_several_seasons_are_one():
    parts = [batch(drawn()), batch(drawn(length=60), season=4)]
    joined = together(parts, 10**6, np.random.default_rng(0))
    places = [part.series for part in parts]
    assert joined.series.tolist() == [*places[0].tolist(), *(places[1] + len(parts[0].tokens)).tolist()]
    assert len(together(parts, 7, np.random.default_rng(0)).series) == 7
    with torch.no_grad():
        each = torch.cat([network()(part) for part in parts])
        torch.testing.assert_close(network()(joined), each)


def test_the_loss_falls():
    torch.manual_seed(0)
    learner = Network(network().sizes)
    optimizer = torch.optim.Adam(learner.parameters(), lr=3e-3)
    seen, losses = batch(drawn(rows=12, length=150)), []
    for _ in range(40):
        losses.append(loss(learner, seen))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_feed_goes_on_where_it_was():
    feed = Feed(Batches(Mixture(5, points=2000)))
    for _ in range(2):
        feed.next_batch()
    state, expected = feed.state_dict(), feed.next_batch()
    again = Feed(Batches(Mixture(5, points=2000)))
    again.load_state_dict(state)
    for name, tensor in vars(again.next_batch()).items():
        assert torch.equal(tensor, vars(expected)[name])
