from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gatewise.cli import follow
from gatewise.models.language.generator import Sampling

HEADER = "@univariate true\n@classLabel true up down\n@data\n"
ROWS = "".join(f"{index % 3},{n},{n * 2}:{'up' if n > 0 else 'down'}\n" for index in range(8) for n in (1, -1))
TEXT = "the cat sat on the mat. " * 40


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("a.ts").write_text(HEADER + ROWS)
    Path("text.txt").write_text(TEXT)


def test_help_loads_nothing_heavy() -> None:
    for words in (["classify", "--help"], ["generate", "--help"]):
        code = (
            f"import sys\nfrom gatewise.cli import follow\nassert follow({words}) == 0\n"
            "heavy = {'torch', 'numpy', 'pandas', 'sklearn'} & set(sys.modules)\nassert not heavy, heavy"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_help_says_what_a_lower_temperature_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["generate", "--help"]) == 0
    assert "Lower is more predictable, 0 without chance" in " ".join(capsys.readouterr().out.replace("│", "").split())
    logits = np.array([1.0, 2.0, 0.0])
    shares = [Sampling(temperature).probabilities(logits).max() for temperature in (0, 0.5, 1, 2)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1


def test_classify_trains_judges_saves_and_judges_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["classify", "a.ts", "--test", "a.ts", "--epochs", "8", "--save", "m.safetensors", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["accuracy"] > 0.9
    assert sum(map(sum, first["confusion"])) == 16
    assert [each["sequences"] for each in first["classes"]] == [8, 8]
    assert follow(["classify", "a.ts", "--load", "m.safetensors"]) == 0
    out, err = capsys.readouterr()
    assert f"Accuracy {first['accuracy']:.2%}" in out
    assert re.search(r"class +precision +recall +F1 +sequences", out)
    assert err == ""


def test_a_saved_model_labels_sequences_without_labels(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["classify", "a.ts", "--test", "a.ts", "--epochs", "8", "--save", "m.safetensors", "--json"]) == 0
    predicted = json.loads(capsys.readouterr().out)["predicted"]
    text = Path("a.ts").read_text().replace("true up down", "false")
    Path("new.ts").write_text(text.replace(":up", "").replace(":down", ""))
    assert follow(["classify", "new.ts", "--load", "m.safetensors", "--out", "labels.csv"]) == 0
    out, err = capsys.readouterr()
    assert "16 sequences of 3 steps, no labels, 1 feature" in out
    assert "8 up, 8 down" in out
    assert err == ""
    with Path("labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == predicted
    assert [row["id"] for row in rows] == [str(number) for number in range(1, 17)]
    assert all(0.5 < float(row["probability"]) <= 1 for row in rows)
    assert follow(["classify", "new.ts", "--load", "m.safetensors", "--json"]) == 0
    labels = json.loads(capsys.readouterr().out)["labels"]
    assert [(str(row["id"]), row["label"]) for row in labels] == [(row["id"], row["label"]) for row in rows]


def test_labels_of_tables_carry_their_ids_and_no_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"=S{row},{step},{row % 2},{step * (1 - 2 * (row % 2))}" for row in range(24) for step in range(4)]
    Path("a.csv").write_text("\n".join(["id,t,label,x", *lines]) + "\n")
    words = ["--time-col", "t", "--json"]
    assert follow(["classify", "a.csv", *words, "--epochs", "1", "--test", "a.csv", "--out", "labels.csv"]) == 0
    with Path("labels.csv").open() as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert ids == [f"'=S{row}" for row in range(24)]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["classify"], "Missing argument"),
        (["classify", "a.ts"], "nothing to do"),
        (["classify", "a.ts", "--load", "m", "--test", "a.ts"], "cannot be used with --load"),
        (["classify", "a.ts", "--save", "a.ts"], "named twice"),
        (["classify", "a.ts", "--save", "none/m"], "does not exist"),
        (["classify", "a.ts", "--save", "m", "--out", "labels.csv"], "--out needs --test or --load"),
        (["classify", "a.ts", "--test", "a.ts", "--out", "a.ts"], "named twice"),
        (["classify", "a.ts", "--test", "a.ts", "--epochs", "0"], "--epochs"),
        (["generate"], "either a text to learn from"),
        (["generate", "text.txt", "--load", "m"], "either a text to learn from"),
        (["generate", "text.txt", "--temperature", "-1"], "--temperature is -1"),
        (["generate", "text.txt", "--top-p", "2"], "--top-p is 2"),
        (["generate", "text.txt", "--prompt", ""], "prompt is empty"),
        (["generate", "text.txt", "--save", "text.txt"], "named twice"),
    ],
)
def test_words_that_cannot_be_followed(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"gatewise: error: .+\nhint: .+\n|gatewise: error: .+\nhint: see .+\n", err)
    assert part in err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["classify", "none.ts", "--test", "a.ts"], "none.ts: there is no such file"),
        (["classify", "a.ts", "--test", "bad.ts"], "bad.ts, line 4: the label 'left'"),
        (["classify", "a.ts", "--load", "text.txt"], "text.txt: it is not a safetensors file"),
        (["generate", "none.txt"], "none.txt: there is no such file"),
        (["generate", "text.txt", "--prompt", "€"], "'€' of the prompt"),
        (["generate", "tiny.txt", "--prompt", "a"], "tiny.txt: "),
        (["generate", "--load", "a.ts"], "a.ts: it is not a safetensors file"),
    ],
)
def test_data_that_cannot_be_used(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.ts").write_text(HEADER + "1,2:left\n")
    Path("tiny.txt").write_text("abc")
    assert follow(words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"gatewise: error: .+\n(hint: .+\n)?", err)
    assert part in err


def test_generate_learns_measures_writes_and_writes_the_same_again(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--prompt", "the", "--length", "30", "--seed", "3", "--json"]
    assert follow(["generate", "text.txt", "--epochs", "1", "--save", "m.safetensors", *words]) == 0
    first = json.loads(capsys.readouterr().out)
    assert len(first["text"]) == 30
    assert first["held_out"] == 48
    assert first["nats"] > 0
    assert follow(["generate", "--load", "m.safetensors", *words]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == first["text"]


def test_what_is_written_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.txt").write_text("\x1b[31m" * 400)
    assert follow(["generate", "text.txt", "--epochs", "1", "--prompt", "\x1b", "--length", "50"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_an_empty_text_is_called_empty(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.txt").write_text("")
    assert follow(["generate", "empty.txt"]) == 1
    assert capsys.readouterr().err == "gatewise: error: empty.txt: the file is empty\nhint: give a text to learn from\n"
