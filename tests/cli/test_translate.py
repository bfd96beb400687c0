from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import pytest

import gatewise
from gatewise.cli import follow, options
from gatewise.cli.lines import waiting_lines
from gatewise.models.translation.model import Translator
from gatewise.training.update import PRECISIONS

PAIRS = "".join(f"{word}{n}\t{word.upper()}{n}\n" for word in ("ab", "cde", "fgabc") for n in range(9))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    Path("pairs.tsv").write_text(PAIRS)
    Path("test.tsv").write_text(PAIRS[: PAIRS.index("ab5")] + "new\tNEW\n")


def given(monkeypatch: pytest.MonkeyPatch, contents: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(contents)))


def test_it_learns_scores_saves_and_translates_line_by_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert follow(["translate", "pairs.tsv", "--test", "test.tsv", "--epochs", "1", "--save", "m.safetensors"]) == 0
    out, err = capsys.readouterr()
    assert "pairs.tsv: 27 pairs, 27 learned from; 19 characters and 19 characters." in out
    assert "5 of the 6 sources of test.tsv are among those learned from." in out
    assert "BLEU, lowercased" in out
    assert "case:lc" in out
    assert err == ""
    words = ["--test", "test.tsv", "--json", "--report", "page.html", "--alignment", "links"]
    assert follow(["translate", "m.safetensors", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [metric["name"] for metric in document["metrics"]] == ["BLEU", "BLEU", "chrF2", "chrF2"]
    assert len(document["translations"]) == len(Path("links").read_text().splitlines()) == 6
    assert "<html" in Path("page.html").read_text()
    given(monkeypatch, b"ab0\n\nab1")
    assert follow(["translate", "m.safetensors"]) == 0
    first, blank, second = capsys.readouterr().out.split("\n")[:3]
    assert [first, blank, second] == [document["translations"][0], "", document["translations"][1]]
    given(monkeypatch, b"ab0\n\xff\n")
    assert follow(["translate", "m.safetensors"]) == 1
    assert "standard input, line 2: this is not UTF-8" in capsys.readouterr().err


@pytest.mark.slow
def test_a_test_set_inside_the_training_set_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["translate", "pairs.tsv", "--test", "pairs.tsv", "--epochs", "1"]) == 0
    assert "27 of the 27 sources of pairs.tsv are among those learned from: the scores say nothing about new" in (
        " ".join(capsys.readouterr().out.split())
    )


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["pairs.tsv"], "there is nothing to do"),
        (["pairs.tsv", "--save", "pairs.tsv"], "named twice"),
        (["m.safetensors", "--epochs", "2"], "m.safetensors is a model"),
        (["m.safetensors", "--precision", "bfloat16"], "m.safetensors is a model"),
        (["m.safetensors", "--save", "n.safetensors"], "m.safetensors is a model"),
        (["m.safetensors", "--report", "page.html"], "go with a test set"),
    ],
)
def test_requests_that_make_no_sense_end_with_code_2(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert follow(["translate", *words]) == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["none.safetensors"], "none.safetensors: it cannot be read: there is no such file"),
        (["pairs.tsv", "test.tsv", "--save", "m"], "test.tsv: it has 6 lines, and pairs.tsv has 27 lines"),
        (["pairs.tsv", "--save", "m", "--units", "syllables"], "--units is 'syllables'"),
        (["pairs.tsv", "--save", "m", "--precision", "bf16"], "--precision is 'bf16'"),
        (["pairs.tsv", "--save", "m", "--vocabulary", "5"], "--vocabulary is 5"),
        (["pairs.tsv", "--save", "m", "--budget", "soon"], "--budget is 'soon'"),
        (["pairs.tsv", "--save", "m", "--source", "de"], "--source is 'de', which is no column"),
        (["empty.tsv", "--save", "m"], "empty.tsv: there is no pair of which neither line is blank"),
    ],
)
def test_files_that_cannot_be_used_end_with_code_1(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.tsv").write_text("a\t\n\tb\n")
    assert follow(["translate", *words]) == 1
    assert what in capsys.readouterr().err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom gatewise.cli import follow\nassert follow(['translate', '--help']) == 0\n"
        "heavy = {'torch', 'numpy', 'pandas', 'sacrebleu', 'sentencepiece'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_line_is_answered_before_the_next_one_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    end, begin = os.pipe()
    with open(end, "rb") as reader:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=reader))
        lines = waiting_lines()
        with open(begin, "wb", buffering=0) as writer:
            for number, text in enumerate((b"first\n", b"\n", b"third\r\n"), 1):
                writer.write(text)
                assert next(lines) == (number, [text.decode().strip()])
        assert list(lines) == []


def test_widths_that_a_cell_names_are_told_and_saved(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["translate", "pairs.tsv", "--cell", "scrn", "--epochs", "1", "--save", "m.safetensors"]
    assert follow([*words, "--widths", "context=24"]) == 0
    capsys.readouterr()
    model = Translator.load("m.safetensors")
    assert model.options == {"widths": {"context": 24}}
    assert model.network_.bottom.weight_hh_context_l0.shape[1] == 24
    assert follow([*words, "--widths", "memory=24"]) == 1
    assert "--widths: scrn has no width 'memory'\nhint: widths that it names: context" in capsys.readouterr().err
    assert follow(["translate", "m.safetensors", "--test", "test.tsv", "--widths", "context=24"]) == 2
    assert "m.safetensors is a model" in capsys.readouterr().err


def test_the_precision_of_training_is_told_and_saved() -> None:
    words = ["pairs.tsv", "--epochs", "1", "--precision", "bfloat16", "--save", "m.safetensors"]
    assert follow(["translate", *words]) == 0
    assert gatewise.load("m.safetensors").precision == "bfloat16"
    assert options.PRECISIONS == PRECISIONS
