"""Models side by side: sizes, splits, courses, floors, claims, and the time that is kept."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import gatewise
from gatewise.compare import Comparison, classification, compare, regression
from gatewise.errors import InputError
from gatewise.export import to_c
from gatewise.models.compare.bootstrap import Interval
from gatewise.models.compare.contestants import DEFAULT, contestants
from gatewise.models.compare.footprint import parameters_of
from gatewise.models.compare.result import Entry, claim_of, pareto
from gatewise.models.compare.run import ALIKE, sized
from gatewise.models.compare.sequences import SequenceTask
from gatewise.models.compare.training import RATES
from gatewise.models.compare.width import nearest
from gatewise.nn import LSTM, Chain

from ...tolerance import IN_PIECES

Sequences = tuple[list[np.ndarray], list[str]]
SMALL = {"models": ("lstm", "transformer", "tcn"), "updates": 4, "seeds": 2, "parameters": 2_000}


@gatewise.cell(gates="candidate", state="h")
def leaky(n, h):
    """A cell of the user's own."""
    h = 0.5 * h + 0.5 * torch.tanh(n)
    return h


@pytest.mark.parametrize("wanted", [1, 7, 50, 51, 52, 1000])
def test_the_nearest_width_is_that_of_a_search_through_all(wanted: int) -> None:
    def count(width: int) -> int:
        return width * width + 3

    widths = range(1, 40)
    assert nearest(count, wanted) == min(widths, key=lambda width: abs(count(width) - wanted))


@pytest.mark.parametrize(("parameters", "more"), [(3_000, ()), (20_000, ("mgu", "peephole_lstm", "slstm"))])
def test_all_models_have_the_same_number_of_parameters(
    task: SequenceTask, parameters: int, more: tuple[str, ...]
) -> None:
    field = contestants((*DEFAULT, *more))
    counts = [parameters_of(entrant.network(task, 0)) for entrant in sized(task, field, parameters)]
    assert max(counts) / min(counts) <= 1 + ALIKE
    assert counts == pytest.approx([parameters] * len(field), rel=0.25)  # where they meet


def test_sizes_that_do_not_meet_are_told(task: SequenceTask) -> None:
    with pytest.raises(InputError, match=r"no widths give all models the same number of parameters, 30 .* lstm "):
        sized(task, contestants(DEFAULT), 30)


@pytest.mark.parametrize("counted", [False, True])
def test_a_split_has_every_sequence_once_and_classes_in_all_parts(sequences: Sequences, counted: bool) -> None:
    walks, labels = sequences
    test = (walks[:10], labels[:10]) if counted else None
    task = classification(walks, labels, test=test)
    rows = np.concatenate(task.split)
    assert sorted(rows.tolist()) == list(range(len(walks) + (10 if counted else 0)))
    assert all(len(np.unique(task.answers.strata[part])) == 2 for part in task.split)
    if counted:
        assert task.split.test.tolist() == list(range(40, 50))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": ["a", "b"] * 2}, "4 sequences are too few"),
        ({"test": ([np.zeros((3, 1))], ["up"])}, "the test has 1 features, and the data have 2"),
        ({"test": ([np.zeros((3, 2))], ["left"])}, "the label 'left' is in the test alone"),
    ],
)
def test_data_that_cannot_be_split_are_told(sequences: Sequences, change: dict, message: str) -> None:
    walks, labels = sequences
    y = change.pop("y", labels)
    with pytest.raises(InputError, match=message):
        classification(walks[: len(y)], y, **change)


def test_floors_are_the_most_frequent_label_and_the_nearest_means(sequences: Sequences) -> None:
    walks, labels = sequences
    task = classification(walks, labels)
    known, test = task.split.known, task.split.test
    scores = {floor.name: floor.scores for floor in task.floors()}
    usual = max({"up", "down"}, key=[labels[row] for row in known].count)
    assert scores["always the same"].tolist() == [100.0 * (labels[row] == usual) for row in test]
    steps = np.concatenate([walks[row] for row in known])
    scaled = [(walk - steps.mean(0)) / steps.std(0) for walk in walks]
    about = np.array([[*walk.mean(0), *walk.std(0)] for walk in scaled])
    for score, row in zip(scores["nearest means"], test, strict=True):
        closest = known[np.argmin(((about[known] - about[row]) ** 2).sum(1))]
        assert score == 100.0 * (labels[closest] == labels[row])


def test_the_floor_of_numbers_is_their_median_in_deviations(sequences: Sequences) -> None:
    walks = sequences[0]
    values = [float(walk[-1, 0]) for walk in walks]
    task = regression(walks, values)
    known, test = (np.array([values[row] for row in rows]) for rows in (task.split.known, task.split.test))
    floor = next(floor for floor in task.floors() if floor.name == "always the same")
    wanted = np.abs(test - np.median(known)) / known.std()
    np.testing.assert_allclose(floor.scores, wanted, rtol=IN_PIECES)


@pytest.fixture(scope="module")
def comparison(task: SequenceTask) -> Comparison:
    return compare(task, cells=[leaky], **SMALL)


def entry_of(comparison: Comparison, name: str) -> Entry:
    return next(entry for entry in comparison.entries if entry.name == name)


def test_counted_updates_give_the_same_scores_again(task: SequenceTask, comparison: Comparison) -> None:
    again = compare(task, cells=[leaky], **SMALL)
    assert [entry.name for entry in comparison.entries] == [entry.name for entry in again.entries]
    for one, other in zip(comparison.entries, again.entries, strict=True):
        assert np.array_equal(one.scores, other.scores)
        assert one.behind == other.behind


def test_every_model_is_trained_as_it_was_asked(task: SequenceTask, comparison: Comparison) -> None:
    assert {entry.name for entry in comparison.networks} == {"lstm", "transformer", "tcn", "leaky"}
    for entry in comparison.networks:
        assert entry.training is not None
        assert entry.training.updates == (4, 4)
        assert tuple(entry.training.validation) == RATES
        assert entry.training.rate == min(RATES, key=entry.training.validation.__getitem__)
        assert entry.scores.shape == (2, task.items)
    document = json.loads(comparison.to_json())
    assert [model["name"] for model in document["models"]] == [entry.name for entry in comparison.entries]
    assert document["verdict"] == comparison.verdict
    assert document["conditions"]["updates"] == 4


def test_states_and_files_are_those_of_the_networks(task: SequenceTask, comparison: Comparison, tmp_path: Path) -> None:
    lstm, transformer = entry_of(comparison, "lstm"), entry_of(comparison, "transformer")
    assert lstm.size is not None
    assert transformer.size is not None
    units, width = int(lstm.described.split()[0]), int(transformer.described.split()[1][:-1])
    written = to_c(Chain(LSTM(task.width, units), nn.Linear(units, 2)), tmp_path).sizes
    assert (lstm.size.state, lstm.size.growth) == (2 * 4 * units, 0)
    assert (lstm.size.flash, lstm.size.ram) == (written.flash, written.ram + written.stack)
    assert lstm.size.board == "cortex-m0"
    assert transformer.size.growth == 2 * 2 * 4 * width  # keys and values of two layers
    assert transformer.size.state == task.longest * transformer.size.growth
    assert (transformer.size.flash, transformer.size.board) == (None, "")
    assert all(size.file > 4 * size.parameters for size in (lstm.size, transformer.size))


@pytest.mark.slow
def test_the_time_is_kept_and_the_same_for_all(task: SequenceTask) -> None:
    begun = time.monotonic()
    comparison = compare(task, models=("lstm", "rnn"), minutes=0.6, seeds=2, parameters=2_000)
    assert time.monotonic() - begun <= 36
    assert comparison.seconds <= 36
    for entry in comparison.networks:
        assert entry.training is not None
        assert comparison.conditions.seconds is not None
        assert min(entry.training.seconds) >= comparison.conditions.seconds


def test_too_short_a_time_is_told_before_any_training(task: SequenceTask) -> None:
    with pytest.raises(InputError, match=r"0\.01 minutes leave .* trainings") as refused:
        compare(task, models=("lstm", "rnn"), minutes=0.01, seeds=2, parameters=2_000)
    assert "or fewer models or seeds" in refused.value.hint


def test_a_training_that_leaves_the_finite_numbers_is_told_and_its_rate_not_chosen(
    task: SequenceTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatewise.models.compare.run.RATES", (1e-3, 1e30))
    monkeypatch.setattr("gatewise.models.compare.training.WEIGHT_DECAY", 0.0)
    comparison = compare(task, **SMALL)
    assert all(entry.training.rate == 1e-3 for entry in comparison.networks)
    assert any("left the finite numbers" in note for note in comparison.notes)
    assert "null" in comparison.to_json()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ("lstm", "perceptron")}, "there is no model 'perceptron'"),
        ({"models": ("lstm", "LSTM")}, "'lstm' is named twice"),
        ({"models": ("lstm",)}, "a comparison needs two models"),
        ({"models": ("lstm", "t_lstm")}, "t_lstm reads"),
        ({"seeds": 0}, "`seeds` is 0"),
        ({"minutes": 0}, "`minutes` is 0"),
        ({"indifference": -1}, "`indifference` is -1"),
        ({"updates": 0}, "`updates` is 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(task: SequenceTask, arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(task, **{"models": ("rnn", "gru"), "parameters": 2_000, **arguments})


@pytest.mark.parametrize(
    ("low", "high", "claim"),
    [
        (1.1, 3, "worse"),
        (-3, -1.1, "better"),
        (-1, 1, "as good"),
        (0, 0, "as good"),
        (0.9, 1.1, "undecided"),
        (-2, 2, "undecided"),
        (-1.1, 0.5, "undecided"),
    ],
)
def test_a_claim_follows_from_interval_and_region(low: float, high: float, claim: str) -> None:
    assert claim_of(Interval(low, high), 1.0, items=6) == claim
    assert claim_of(Interval(low, high), 1.0, items=5) == "undecided"


def test_the_front_is_that_of_comparing_all_with_all() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        costs, gains = generator.integers(0, 6, size=(2, 8)).astype(float)
        points = list(zip(costs, gains, strict=True))

        def surpassed(point: tuple[float, float], points: list[tuple[float, float]] = points) -> bool:
            return any(x <= point[0] and y >= point[1] and (x, y) != point for x, y in points)

        wanted = sorted({point for point in points if not surpassed(point)})
        assert [points[at] for at in pareto(costs, gains)] == wanted


def test_the_page_has_all_of_it_and_reaches_nothing(comparison: Comparison, tmp_path: Path) -> None:
    page = comparison.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page
    for words in (comparison.networks[0].name, "nearest means", "The same for all", "microseconds a step", "behind"):
        assert words in page
    assert page.count('class="dot series-') == len(comparison.networks)
    assert 'transform="scale(2.60)"' in page  # the dot of the largest state
    assert "default-src 'none'" in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<table>" in comparison._repr_html_()
