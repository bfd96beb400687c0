"""The shares of saturated steps are those one counts by hand, and the trail keeps them over a training."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch
from torch import nn

from gatewise import record
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.inspect.memory.saturation import SaturationTrail, saturation, unit_gates
from gatewise.nn import GRU, JANET, LSTM, RNN
from gatewise.training import Drawn, Trainer

from ..matrix import ALL_CELLS

LENGTHS = [7, 0, 4]


def wild(module: nn.Module, scale: float = 8.0) -> nn.Module:
    """Weights so large that gates saturate."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(scale)
    return module


def test_shares_are_those_counted_by_hand_without_padding():
    module = wild(LSTM(3, [4, 5], num_layers=2, bidirectional=True))
    seen = record(module, torch.randn(7, 3, 3), lengths=LENGTHS)
    found = saturation(seen)
    assert found.steps == 11
    assert list(found.left) == ["input", "forget", "output"]
    for layer, direction, place in seen.layers():
        for name in found.left:
            steps = torch.cat([place.gates[name][:length, b] for b, length in enumerate(LENGTHS)])
            left, right = found.left[name][layer][direction], found.right[name][layer][direction]
            assert left.tolist() == pytest.approx([float((unit < 0.1).double().mean()) for unit in steps.t()])
            assert right.tolist() == pytest.approx([float((unit > 0.9).double().mean()) for unit in steps.t()])
            assert 0 < float(left.sum()) < len(left)


def test_one_tensor_holds_layers_of_one_size():
    found = saturation(record(GRU(3, 4, num_layers=2, bidirectional=True), torch.randn(5, 2, 3)))
    assert found.left["update"].shape == found.right["reset"].shape == (2, 2, 4)
    table = found.to_pandas()
    assert len(table) == 2 * 2 * 2 * 4
    row = table[(table.gate == "reset") & (table.layer == 1) & (table.direction == 0) & (table.unit == 3)]
    assert row.left.item() == float(found.left["reset"][1, 0, 3])


def test_gates_are_told_by_their_range_not_by_their_names():
    expected = {"lstm": ["input", "forget", "output"], "gru": ["reset", "update"], "rnn": [], "rnn_relu": []}
    expected |= {"lstm_1997": ["input", "output"], "janet": ["forget"], "deep": ["decay"]}
    assert {name: unit_gates(ALL_CELLS[name]) for name in expected} == expected
    assert "output" in unit_gates(CELLS["slstm"])


def test_a_cell_without_gates_is_refused_by_name():
    with pytest.raises(InputError, match="no gate of rnn lies between 0 and 1"):
        saturation(record(RNN(3, 4), torch.randn(5, 2, 3)))


def test_the_trail_looks_every_few_updates_and_leaves_the_training_as_it_was():
    module = LSTM(2, 3, num_layers=2, dropout=0.5)
    x = torch.randn(6, 4, 2)

    def trained(*callbacks: SaturationTrail) -> list[torch.Tensor]:
        torch.manual_seed(1)
        module.reset_parameters()
        optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
        source = Drawn(lambda generator: x + torch.randn(x.shape, generator=generator), seed=0)
        Trainer(module, lambda m, batch: m(batch)[0].square().mean(), source, optimizer, callbacks=callbacks).run(
            steps=5
        )
        return [weight.detach().clone() for weight in module.parameters()]

    alone, trail = trained(), SaturationTrail(x, every=2)
    assert all(torch.equal(a, b) for a, b in zip(alone, trained(trail), strict=True))
    assert [step for step, _ in trail.seen] == [0, 2, 4]


def test_looking_leaves_every_part_in_its_own_mode():
    model = nn.Sequential(nn.Dropout(0.5), wild(LSTM(2, 3, num_layers=2, dropout=0.5)))
    model[0].eval()
    trail = SaturationTrail(torch.randn(30, 4, 2))
    trail.measure(model, 0)
    trail.measure(model, 1)
    assert [part.training for part in model.modules()] == [True, False, True]
    first, second = (each.left["forget"] for _, each in trail.seen)
    assert first[1].gt(0).any()
    assert torch.equal(first, second)  # no dropout while looking


def test_the_trail_goes_on_from_what_it_kept():
    first, again = SaturationTrail(torch.randn(6, 4, 2)), SaturationTrail(torch.randn(6, 4, 2))
    first.measure(LSTM(2, 3), 100)
    again.load_state_dict(first.state_dict())
    assert [step for step, _ in again.seen] == [100]
    assert again.picture() == first.picture()


def test_the_picture_is_one_svg_with_a_mark_and_a_trail_for_each_unit_and_gate():
    trail = SaturationTrail(4 * torch.randn(9, 4, 2))
    module = JANET(2, [3, 4], num_layers=2, bidirectional=True)
    for step in range(3):
        trail.measure(wild(module, 1.5), step)
    picture = ET.fromstring(trail.picture())
    tips = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")][1:]
    assert len(tips) == 2 * (3 + 4)
    left, right = (float(kept["forget"][1][1, 2]) for kept in (trail.seen[-1][1].left, trail.seen[-1][1].right))
    assert f"layer 1, backward, unit 2: {left:.0%} of steps below .1, {right:.0%} above .9" in tips
    assert trail.picture().count('class="trail') == len(tips)
    assert trail.seen[-1][1].picture().count('class="trail') == 0


def test_nothing_seen_is_no_picture_and_no_number_of_updates_is_refused():
    with pytest.raises(InputError, match="nothing has been measured"):
        SaturationTrail(torch.randn(3, 1, 2)).picture()
    with pytest.raises(InputError, match="every=0"):
        SaturationTrail(torch.randn(3, 1, 2), every=0)
