"""Translations as a task: what is held out, what is scored, and networks of equal size that keep what they say."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from sacrebleu import sentence_chrf

from gatewise.compare import Comparison, compare, translation
from gatewise.errors import InputError
from gatewise.models.compare.contestants import contestants, default
from gatewise.models.compare.footprint import parameters_of
from gatewise.models.compare.nearest import nearest_rows
from gatewise.models.compare.pairs import PairTask
from gatewise.models.compare.run import ALIKE, sized
from gatewise.models.translation.search import Beam, search

LINES = ["".join(letters) for letters in permutations("abcde", 3)]
TARGETS = [line.upper() + "." for line in LINES]
SMALL = {"models": ("gru", "transformer"), "updates": 2, "seeds": 2, "parameters": 5_000}


@pytest.fixture(scope="module")
def task() -> PairTask:
    return translation(LINES, TARGETS, units="characters")


@pytest.fixture(scope="module")
def comparison(task: PairTask) -> Comparison:
    return compare(task, **SMALL)


def test_every_source_is_in_one_part_only() -> None:
    twice = [*LINES, *LINES]
    task = translation(twice, [*TARGETS, *(line.lower() for line in LINES)], units="characters")
    source = task.vocabularies.source
    parts = [{source.decode(one) for one, _ in part} for part in (task.split.learn, task.split.validate)]
    parts.append(set(task.split.sources))
    assert sorted(map(len, parts)) == [9, 15, 36]  # a quarter of 60, and a fifth of the rest
    assert set.union(*parts) == set(LINES)
    assert len(task.split.sources) == 30


def test_no_vocabulary_is_learned_from_the_test() -> None:
    task = translation(LINES, TARGETS, units="characters", test=(["xyz", "abc", ""], ["XYZ.", "ABC.", "W"]))
    assert "x" not in task.vocabularies.source.state()["entries"]
    assert task.items == 2
    assert task.about[1:] == (
        "of `test`, 1 pair left out: a line is blank",
        "1 of 2 sources of the test are among those learned from",
    )


def test_floors_are_the_source_and_the_translation_of_the_nearest(task: PairTask) -> None:
    floors = {floor.name: floor.scores for floor in task.floors()}
    pairs = list(zip(task.split.sources, task.split.wanted, strict=True))
    assert floors["the source itself"].tolist() == [sentence_chrf(one, [wanted]).score for one, wanted in pairs]
    known = {
        task.vocabularies.source.decode(one): task.vocabularies.target.decode(other) for one, other in task.split.known
    }
    for (one, wanted), score in zip(pairs, floors["nearest source"], strict=True):
        shared = max(len(set(one) & set(other)) for other in known)
        nearest = [other for other in known if len(set(one) & set(other)) == shared]
        assert score in [sentence_chrf(known[other], [wanted]).score for other in nearest]


def test_the_nearest_row_is_that_of_the_largest_cosine_however_lines_are_dealt_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(0)
    asked, known = ([generator.integers(0, 7, size=5).tolist() for _ in range(count)] for count in (6, 40))
    counts = [np.array([np.bincount(line, minlength=7) for line in lines]) for lines in (asked, known)]
    weights = np.log(41 / (1 + (counts[1] > 0).sum(0)))
    one, other = (table * weights / np.linalg.norm(table * weights, axis=1, keepdims=True) for table in counts)
    wanted = np.round(one @ other.T, 5).argmax(1).tolist()
    assert nearest_rows(asked, known, 7) == wanted
    monkeypatch.setattr("gatewise.models.compare.nearest._AT_ONCE", 30)
    assert nearest_rows(asked, known, 7) == wanted


@pytest.mark.parametrize("shared", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_all_translators_have_the_same_number_of_parameters(task: PairTask, shared: bool) -> None:
    made = translation(LINES, TARGETS, units="subwords", vocabulary_size=300) if shared else task
    assert made.vocabularies.shared == shared
    field = contestants(None, ["mgu"], "translator")
    assert [one.name for one in field] == [*default("translator"), "mgu"]
    counts = [parameters_of(entrant.network(made, 0)) for entrant in sized(made, field, made.course.parameters)]
    assert max(counts) / min(counts) <= 1 + ALIKE


def test_a_network_is_scored_by_its_greedy_translations(task: PairTask) -> None:
    entrant = sized(task, contestants(SMALL["models"], (), "translator"), 5_000)[1]
    network = entrant.network(task, 0).eval()
    source, target = task.vocabularies
    scores = task.scores(network)
    for line, wanted, score in zip(task.split.sources, task.split.wanted, scores, strict=True):
        found = search(network, [source.encode(line)], Beam(1), task._reach.ratio, 200)[0][0]
        assert score == sentence_chrf(target.decode(found.units), [wanted]).score


def test_a_step_writes_what_the_network_writes(task: PairTask) -> None:
    for entrant in sized(task, contestants(SMALL["models"], (), "translator"), 5_000):
        network = entrant.network(task, 0).eval()
        body, head = task.stepwise(network)
        units, state = [1], None
        for _ in range(4):
            before, state = body(torch.tensor([[[float(units[-1])]]]), state)
            units.append(int(head(before[0])))
        whole, _ = body(torch.tensor(units[:4]).float()[:, None, None])
        assert head(whole[:, 0]).tolist() == units[1:]


def test_translators_are_compared(task: PairTask, comparison: Comparison) -> None:
    assert {entry.name for entry in comparison.networks} == {"gru", "transformer"}
    assert comparison.measure.name == "chrF2"
    assert {floor.name for floor in comparison.floors} == {"nearest source", "the source itself"}
    sizes = {entry.name: entry.size for entry in comparison.networks}
    width = int(next(e for e in comparison.networks if e.name == "transformer").described.split()[1][:-1])
    memory = (max(len(one) for one, _ in task.split.known) + 1) * 2 * 2 * 4 * width
    assert sizes["transformer"].growth == 2 * 2 * 4 * width  # keys and values of two layers
    assert sizes["transformer"].state == memory + task.longest * sizes["transformer"].growth
    assert sizes["gru"].growth == 0
    assert all(entry.scores.shape == (2, task.items) for entry in comparison.networks)
    assert "Board" not in comparison.to_html()


@pytest.mark.slow
def test_counted_updates_give_the_same_scores_again(task: PairTask, comparison: Comparison) -> None:
    again = compare(task, **SMALL)
    assert [entry.scores.tolist() for entry in again.entries] == [entry.scores.tolist() for entry in comparison.entries]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], ["b"]), "1 pair are too few"),
        ((["a", "b"], ["b"]), "source has 2 lines and target 1 line"),
        ((["", ""], ["b", "c"]), "no pair of which neither line is blank"),
        (("ab", ["a", "b"]), "source is a str"),
    ],
)
def test_pairs_that_cannot_be_used_are_told(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        translation(*arguments)


def test_convolutions_do_not_translate(task: PairTask) -> None:
    with pytest.raises(InputError, match="there is no translator made of 'tcn'"):
        compare(task, models=("lstm", "tcn"))
