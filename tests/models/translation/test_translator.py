from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sacrebleu import corpus_bleu, corpus_chrf
from scipy.stats import spearmanr
from sklearn.base import clone

import gatewise
from gatewise.container import records
from gatewise.errors import InputError, ModelFileError
from gatewise.estimators import Translator
from gatewise.models.modelfile import ESTIMATOR_FILE
from gatewise.models.translation.alignment import rank_correlation
from gatewise.models.translation.report import render
from gatewise.models.translation.scores import edits, metrics, repeats
from gatewise.models.translation.units import END
from gatewise.training.update import PRECISIONS

LETTERS = "abcdefgh"
SMALL = {"hidden_size": 16, "embedding_size": 8, "batch_size": 200, "random_state": 0}
RANDOM = np.random.default_rng(0)
SOURCE = ["".join(RANDOM.choice(list(LETTERS), RANDOM.integers(2, 6))) for _ in range(300)]
TARGET = [line.upper() for line in SOURCE]
TINY = {"hidden_size": 4, "embedding_size": 4, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def model() -> Translator:
    """Barely trained: its translations are wrong, and differ."""
    return Translator(**SMALL, max_epochs=3, learning_rate=0.01).fit(SOURCE, TARGET)


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    made = Translator(**SMALL | {"hidden_size": 48}, max_epochs=40, learning_rate=0.01, dropout=0.1, word_dropout=0)
    made.fit(SOURCE[:250], TARGET[:250])
    scores = made.evaluate(SOURCE[250:], TARGET[250:])
    assert scores.exact > 0.8
    assert scores.unit_error < 0.1
    assert scores.nats < 0.5
    assert scores.length_ratio == pytest.approx(1, abs=0.1)
    assert made.evaluate(TARGET[250:], SOURCE[250:]).notes[0].startswith("the columns look swapped")


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "slstm"])
def test_any_cell_translates(cell: str) -> None:
    made = Translator(cell, **TINY, num_layers=1, units="characters").fit(SOURCE[:20], TARGET[:20])
    assert len(made.predict(SOURCE[:3])) == 3


def test_a_translation_has_the_bits_that_it_has_alone(model: Translator) -> None:
    together = model.translations(SOURCE[:30], n_best=3)
    assert [model.translations([line], n_best=3)[0] for line in SOURCE[:30]] == together
    assert len({found[0].text for found in together}) > 3
    assert all(found[0].score >= found[-1].score for found in together)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(model: Translator) -> None:
    again = clone(model).fit(SOURCE, TARGET)
    assert again.translations(SOURCE[:9]) == model.translations(SOURCE[:9])


def test_weights_are_averaged_over_the_end_of_the_run() -> None:
    def weights(averaging: float) -> list[float]:
        made = Translator(**TINY | {"max_epochs": 5, "learning_rate": 0.1, "averaging": averaging})
        return made.fit(SOURCE[:20], TARGET[:20]).network_.bias.tolist()

    last, late, whole = map(weights, (0, 0.4, 1))
    assert len({tuple(last), tuple(late), tuple(whole)}) == 3
    assert np.linalg.norm(whole) < np.linalg.norm(late) < np.linalg.norm(last)  # they grow from zeros


def test_odd_lines_are_answered_line_by_line(model: Translator) -> None:
    odd = ["", "  ", "abc", "\x00a\tb\x1b", "ZZZ", "\ud800", "a\nb", "🙂"]
    written = model.predict(odd)
    assert len(written) == len(odd)
    assert written[:2] == ["", ""]
    assert any(written[2:])
    assert not any("\n" in line or "\x1b" in line for line in written)


@pytest.mark.slow
def test_a_long_line_is_translated_in_parts(model: Translator) -> None:
    ((found,),) = model.translations(["abcd " * 20_000])
    assert found.parts == 100_000 // model.longest
    assert found.text


def test_a_file_holds_the_translator_and_no_line_of_the_data(model: Translator, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    loaded = gatewise.load(tmp_path / "m")
    assert type(loaded) is Translator
    assert loaded.translations(SOURCE[:9], n_best=2) == model.translations(SOURCE[:9], n_best=2)
    assert (loaded.pairs_, loaded.n_iter_, loaded.loss_) == (300, 3, model.loss_)
    contents = (tmp_path / "m").read_bytes()
    assert not [line for line in SOURCE + TARGET if len(line) > 4 and line.encode() in contents]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_training_in_halves_learns_what_it_learns_in_float32(precision: str, tmp_path: Path) -> None:
    made = Translator(**TINY | {"precision": precision}).fit(SOURCE, TARGET)
    full = Translator(**TINY).fit(SOURCE, TARGET)
    assert {weight.dtype for weight in made.network_.parameters()} == {torch.float32}
    assert (made.loss_ == full.loss_) == (precision == "float32")
    assert made.loss_ == pytest.approx(full.loss_, rel=0.1)
    made.save(tmp_path / "m")
    assert Translator.load(tmp_path / "m").predict(SOURCE[:3]) == made.predict(SOURCE[:3])


@pytest.mark.slow
def test_subwords_come_back_from_a_file(tmp_path: Path) -> None:
    lines = [f"{a} sees {b} dogs" for a in ("she", "he", "the neighbour") for b in ("two", "three", "many more")]
    settings = TINY | {"units": "subwords", "vocabulary_size": 300, "subword_dropout": 0.2, "max_epochs": 2, "heads": 2}
    made = Translator(**settings).fit(lines, [line.title() for line in lines])
    again = clone(made).fit(lines, [line.title() for line in lines])
    assert again.translations(lines) == made.translations(lines)
    made.save(tmp_path / "m")
    loaded = Translator.load(tmp_path / "m")
    assert loaded.predict(lines) == made.predict(lines)
    (state,) = records(tmp_path / "m")[ESTIMATOR_FILE.key]["fitted"]["vocabularies"]
    assert (state["kind"], set(map(type, state["entries"]))) == ("subwords", {str})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vocabularies", []),
        ("vocabularies", [{"kind": "magic", "entries": ["a"]}]),
        ("vocabularies", [{"kind": "subwords", "entries": ["a\0"]}]),
        ("vocabularies", [{"kind": "words", "entries": ["a", "a"]}]),
        ("vocabularies", [{"kind": "words", "entries": ["a"]}]),
        ("ratio", 1e300),
        ("pairs", -1),
    ],
)
def test_a_file_with_a_wrong_record_is_refused(model: Translator, tmp_path: Path, name: str, value: object) -> None:
    model.save(tmp_path / "m")
    tensors, record = ESTIMATOR_FILE.read(tmp_path / "m")
    record = json.loads(json.dumps({key: value for key, value in record.items() if key not in ("format", "version")}))
    record["fitted"][name] = value
    ESTIMATOR_FILE.write(tmp_path / "m", tensors, record)
    with pytest.raises(ModelFileError):
        Translator.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"units": "syllables"}, "`units` is 'syllables'"),
        ({"vocabulary_size": 10}, "`vocabulary_size` is 10"),
        ({"beam": 0}, "`beam` is 0"),
        ({"heads": 3}, "among 3 heads"),
        ({"averaging": 2}, "`averaging` is 2"),
        ({"subword_dropout": 1.0}, "`subword_dropout` is 1.0"),
        ({"max_epochs": 0}, "`max_epochs` is 0"),
        ({"precision": "half"}, "`precision` is 'half'"),
        ({"budget": "soon"}, "`budget` is 'soon'"),
        ({"cell": "phased_lstm"}, "`cell` is 'phased_lstm'"),
        ({"options": {"bidirectional": True}}, "`options` has 'bidirectional'"),
        ({"longest": 1}, "every pair has a side of more than 1 units"),
    ],
)
def test_arguments_that_make_no_translator_are_refused(arguments: dict[str, object], what: str) -> None:
    with pytest.raises(InputError, match=what):
        Translator(**TINY | arguments).fit(SOURCE[:9], TARGET[:9])


def test_what_cannot_be_translated_is_refused(model: Translator) -> None:
    with pytest.raises(InputError, match="source is a str"):
        model.predict("abc")
    with pytest.raises(InputError, match=r"row 1 .*source holds a NoneType"):
        model.predict(["a", None])
    with pytest.raises(InputError, match="source has 1 line and target 2 lines"):
        model.score(["a"], ["b", "c"])
    with pytest.raises(InputError, match="n_best"):
        model.translations(["a"], n_best=6)
    with pytest.raises(InputError, match="target has 0 units"):
        model.align("abc", " ")
    with pytest.raises(InputError, match="not fitted"):
        Translator().predict(["a"])


def test_training_ends_in_time() -> None:
    made = Translator(**SMALL, budget=0.01).fit(SOURCE, TARGET)
    assert made.n_iter_ == 1
    assert math.isfinite(made.loss_)


def test_scores_are_those_of_sacrebleu() -> None:
    written, wanted = ["the cat sat on a mat .", "It is so"], ["The cat sat on the mat .", "it is so"]
    bleu, lowercased, chrf, _ = metrics(written, wanted)
    assert bleu.value == corpus_bleu(written, [wanted]).score
    assert lowercased.value == corpus_bleu(written, [wanted], lowercase=True).score > bleu.value
    assert chrf.value == corpus_chrf(written, [wanted]).score
    assert bleu.low is not None
    assert bleu.high is not None
    assert bleu.low <= bleu.value <= bleu.high
    assert "case:mixed" in bleu.signature
    assert "case:lc" in lowercased.signature


def test_one_pair_has_a_score_and_no_interval() -> None:
    bleu = metrics(["a b c d"], ["a b c d"])[0]
    assert bleu.value == pytest.approx(100)
    assert (bleu.low, bleu.high) == (None, None)


def test_edits_and_repetitions_are_counted() -> None:
    assert [edits(list(a), list(b)) for a, b in (("", "abc"), ("kitten", "sitting"), ("ab", "ab"))] == [3, 3, 0]
    assert repeats([1, 2, 1, 2, 1, 2])
    assert repeats([5, 7, 7, 7])
    assert not repeats([1, 2, 1, 2, 3, 1, 2])
    assert not repeats([])


@pytest.mark.slow
def test_one_translation_for_everything_is_noted(model: Translator) -> None:
    made = Translator(**TINY | {"learning_rate": 1e-9}, beam=1).fit(SOURCE, TARGET)
    made.network_.bias.data[END] = 1e3
    assert any("the same translation" in note for note in made.evaluate(SOURCE[:2], TARGET[:2]).notes)


def test_attention_sums_to_one_and_is_held_against_what_is_lost(model: Translator) -> None:
    alignment = model.align("abca", "ABCA")
    assert alignment.weights.shape == (4, 5)
    assert alignment.weights.sum(1) == pytest.approx(1)
    assert (alignment.source, alignment.target) == ((*"abca", "(end)"), tuple("ABCA"))
    expected = spearmanr(alignment.weights[:, :-1].ravel(), alignment.falls.ravel()).statistic
    assert alignment.agreement == pytest.approx(expected)
    assert all(0 <= source < 4 and 0 <= target < 4 for source, target in alignment.links())
    assert alignment.moses() == " ".join(f"{source}-{target}" for source, target in sorted(alignment.links()))


def test_a_rank_correlation_of_ties_and_of_constants() -> None:
    one, other = np.array([1.0, 1.0, 2.0, 5.0]), np.array([0.0, 3.0, 3.0, 9.0])
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(rank_correlation(one, np.zeros(4)))


def test_a_page_shows_scores_and_alignments_and_escapes_what_it_shows(model: Translator) -> None:
    source, target = ["abc", "", "<b>ab"], ["ABC", "X", "AB"]
    page = render(model, model.evaluate(source, target), source, target, "<i>test</i>")
    assert page.count('class="align"') == 2
    assert "case:lc" in page
    assert "<i>" not in page
    assert "<b>ab" not in page
    assert "http" not in page.replace("http-equiv", "")
