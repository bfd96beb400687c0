"""The overfitting experiment: a run leaves what it says, and the page and the picture say what was found."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from benchmarks.overfitting.composer import KEYS, Composer, batch, loss
from benchmarks.overfitting.cures import CURES, NOTHING
from benchmarks.overfitting.experiment import Course, Outcome, course
from benchmarks.overfitting.panel import Frame, panel
from benchmarks.overfitting.picture import drawn
from benchmarks.overfitting.plan import QUICK
from benchmarks.overfitting.report import HEADING, page, rows
from torch.nn.functional import binary_cross_entropy_with_logits

from gatewise.pages.axes import Scale

PLAN = replace(QUICK, epochs=20, units=8)
SVG = "{http://www.w3.org/2000/svg}"


def made_up(seed, count):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(5, 12, (count,), generator=generator).tolist()
    return [(torch.rand(length, KEYS, generator=generator) < 0.05).float() for length in lengths]


DATA = {"train": made_up(1, 4), "valid": made_up(2, 3), "test": made_up(3, 3)}


def outcomes():
    def told(cure, slope):
        valid = [12 - 0.5 * epoch + slope * epoch**2 for epoch in range(PLAN.epochs)]
        courses = [
            Course([11 - 0.2 * e for e in range(PLAN.epochs)], valid, {"train": 7, "valid": 9, "test": 9 + s})
            for s in (0, 1)
        ]
        return Outcome(cure, courses)

    return [told(NOTHING, 0.03), *(told(cure, 0.01) for cure in CURES)]


def test_the_loss_is_the_mean_over_the_chords_of_chorales_without_padding():
    composer, chorales = Composer(8), DATA["train"]
    alone = [
        binary_cross_entropy_with_logits(composer(batch([chorale]))[:, 0], chorale[1:], reduction="sum")
        for chorale in chorales
    ]
    expected = sum(alone) / sum(len(chorale) - 1 for chorale in chorales)
    torch.testing.assert_close(loss(composer, batch(chorales)), expected)


def test_dropped_inputs_are_the_same_ones_at_every_step_and_none_outside_training():
    composer = Composer(8, drop_in=0.5)
    ones = torch.ones(9, 4, KEYS)
    found = composer._dropped(ones, 0.5)
    assert set(found.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(found, found[:1].expand_as(found))
    assert torch.equal(composer.eval()._dropped(ones, 0.5), ones)


# How cures end a run differs; their options of the network are tested with the modules.
ENDS = [replace(cure, options={}) for cure in (NOTHING, CURES[0], CURES[1], CURES[-1])]


@pytest.mark.parametrize("cure", ENDS, ids=lambda cure: cure.name)
def test_a_run_tells_its_curves_and_what_it_leaves(cure):
    plan = replace(PLAN, rows=2, rate=0.05)
    found = course(replace(cure, patience=cure.patience and 2), DATA, plan, seed=0)
    assert len(found.train) == len(found.valid) <= plan.epochs
    assert set(found.left) == {"train", "valid", "test"}
    left = min(found.valid) if cure.patience else found.valid[-1]
    assert found.left["valid"] == pytest.approx(left, rel=1e-5)
    assert found.valid[found.best - 1] == min(found.valid)


def test_the_page_has_a_row_for_everything_that_was_tried_and_what_it_gained():
    text = page(outcomes(), PLAN, 120.0, "pictures/here.svg")
    assert "](pictures/here.svg)" in text
    assert "2 minutes of one core's time" in text
    for outcome in outcomes()[1:]:
        assert f"| {outcome.cure.name} |" in text
        assert f"* **{outcome.cure.name}**: {outcome.cure.text}." in text
    assert all(len(row) == len(HEADING) for row in rows(outcomes()))
    assert rows(outcomes())[1] == ("early stopping", "7.00", "6.11", "9.00", "9.50", "9.00 to 10.00", "0.00")


def test_the_picture_names_every_panel_and_draws_every_seed():
    root = ElementTree.fromstring(drawn(outcomes(), PLAN))
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert [word for word in words if word == "training"] == ["training"] * 7
    assert all(outcome.cure.name.capitalize() in words for outcome in outcomes()[1:])
    assert len(list(root.iter(f"{SVG}path"))) == 2 * 2 + 6 * 3 * 2
    assert len(list(root.iter(f"{SVG}circle"))) == 2 * sum(cure.patience is not None for cure in CURES)


def test_labels_keep_a_line_between_them():
    flat = Course([8.0] * 9, [8.0] * 9, dict.fromkeys(("train", "valid", "test"), 8.0))
    both = [Outcome(cure, [flat]) for cure in (NOTHING, CURES[2])]
    labels = panel(both[1], both[0], Frame(0, 0, 100, 150), Scale(0, 9), Scale(5, 11, rising=True)).labels
    assert [round(b.y - a.y) for a, b in pairwise(labels)] == [18, 18]
