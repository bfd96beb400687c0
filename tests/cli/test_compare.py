from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gatewise.cli import follow
from gatewise.cli.compare import TASKS

SMALL = ["--models", "lstm,transformer", "--updates", "2", "--seeds", "1", "--parameters", "2000"]
CELL = """
from torch import tanh
from gatewise import cell

@cell(gates="candidate", state="h")
def mine(n, h):
    h = 0.5 * h + 0.5 * tanh(n)
    return h
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("gatewise.models.compare.speed._SECONDS", 0.0)
    monkeypatch.setattr("gatewise.models.compare.speed._FEWEST", 10)
    generator = np.random.default_rng(0)
    rows = [(walk, step, *generator.normal(size=2)) for walk in range(24) for step in range(4)]
    table = [f"{walk},{step},{one:.4f},{two:.4f},{walk % 2}" for walk, step, one, two in rows]
    Path("walks.csv").write_text("\n".join(["id,step,one,two,label", *table]) + "\n")
    values = [f"{walk},{step},{one:.4f},{two:.4f},{walk / 7:.3f}" for walk, step, one, two in rows]
    Path("values.csv").write_text("\n".join(["id,step,one,two,label", *values]) + "\n")


def test_models_are_compared_and_the_page_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text(CELL)
    words = ["--task", "classify", "--time-col", "step", "--cell", "mine.py:mine", "--report", "page.html"]
    assert follow(["compare", "walks.csv", *words, *SMALL]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for part in ("highest accuracy", "transformer", "mine", "nearest means", "The same for all", "24 sequences of 4"):
        assert part in out
    page = Path("page.html").read_text()
    assert "gatewise compare walks.csv --task classify" in page


WIDE = """
from torch import tanh
from gatewise import cell

@cell(gates={"write": "W x", "candidate": "U(...)"}, state="h m", widths={"w": "memory", "m": "memory"})
def wide(w, candidate, h, m):
    m = 0.5 * m + 0.5 * tanh(w)
    h = tanh(candidate(m))
    return h, m
"""


def test_widths_that_cells_name_are_told_to_those_that_have_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("wide.py").write_text(WIDE)
    words = ["walks.csv", "--task", "classify", "--time-col", "step", "--cell", "wide.py:wide", "--json", *SMALL]
    words[words.index("lstm,transformer")] = "gru,scrn"
    assert follow(["compare", *words, "--widths", "memory=5, context=7"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    told = {model["name"]: model["size"]["described"] for model in models if model["learned"]}
    assert told["wide"].endswith("units, memory 5")
    assert told["scrn"].endswith("units, context 7")
    assert told["gru"].endswith("units")
    for text, what in (
        ("memory=0", "the width 'memory' must be a whole number of at least 1, not 0"),
        ("memory=5,other=2", "--widths: no cell here has a width 'other'"),
        ("memory", "--widths is 'memory'"),
        ("memory=5,memory=6", "--widths is 'memory=5,memory=6'"),
    ):
        assert follow(["compare", *words, "--widths", text]) == 2
        assert what in capsys.readouterr().err


def test_numbers_are_regressed_and_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--task", "regress", "--time-col", "step", "--test", "values.csv", "--indifference", "0.5", "--json"]
    assert follow(["compare", "values.csv", *words, *SMALL]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["measure"]["name"] == "error"
    assert document["conditions"]["indifference"] == 0.5
    assert [model["learned"] for model in document["models"]] == [True, True, False, False]
    assert "24 to test on" in document["about"][0]


def test_forecasts_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    values = [f"{month},{50 + month % 12 + month / 7:.3f}" for month in range(72)]
    Path("series.csv").write_text("\n".join(["step,y", *values]) + "\n")
    words = ["--task", "forecast", "--horizon", "6", "--windows", "2", "--season", "12"]
    assert follow(["compare", "series.csv", *words, *SMALL]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for part in ("lowest MASE", "seasonal naive", "2 test items are too few", "undecided"):
        assert part in out


def test_pairs_of_lines_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"{number:03d}" for number in range(0, 999, 37)]
    Path("pairs.de").write_text("\n".join(words) + "\n")
    Path("pairs.en").write_text("\n".join(word[::-1] for word in words) + "\n")
    small = ["--models", "gru,transformer", "--updates", "1", "--seeds", "1", "--parameters", "4000"]
    assert follow(["compare", "pairs.de", "pairs.en", *small, "--units", "characters", "--report", "page.html"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for part in ("pairs.de and pairs.en", "highest chrF2", "nearest source", "27 pairs of lines", "in both directions"):
        assert part in out
    assert "ChrF2 against microseconds a step" in Path("page.html").read_text()
    assert "board" not in out


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["walks.csv"], "what is to be learned of a table is not said"),
        (["walks.csv", "--task", "guess"], "--task is 'guess'"),
        (["pairs.tsv", "--task", "translate", "--models", "lstm,tcn"], "there is no translator made of 'tcn'"),
        (["pairs.tsv", "--task", "translate", "--horizon", "2"], "--horizon cannot be used with --task translate"),
        (["pairs.tsv", "--task", "translate", "--skip", "2"], "pairs of lines are read by --source and --target alone"),
        (["walks.csv", "--task", "classify", "--units", "words"], "--units cannot be used with --task classify"),
        (["series.csv", "--task", "forecast", "--source", "a"], "--source cannot be used with --task forecast"),
        (["walks.csv", "--task", "classify", "--updates", "2", "--minutes", "1"], "exclude each other"),
        (["walks.csv", "--task", "classify", "--models", "lstm"], "two models"),
        (["walks.csv", "--task", "classify", "--horizon", "2"], "--horizon cannot be used with --task classify"),
        (["walks.csv", "--task", "forecast"], "--horizon is missing"),
        (["walks.csv", "--task", "forecast", "--test", "walks.csv"], "--test cannot be used with --task forecast"),
        (
            ["walks.csv", "--task", "classify", "--models", "lstm,perceptron"],
            "--models: there is no model 'perceptron'",
        ),
        (["walks.csv", "--task", "classify", "--cell", "none.py:cell"], "none.py: there is no such file"),
        (["walks.csv", "--task", "classify", "--report", "walks.csv"], "named twice"),
    ],
)
def test_requests_that_make_no_sense_end_with_code_2(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert follow(["compare", *words]) == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["none.ts"], "none.ts: there is no such file"),
        (["letters.csv", "--task", "regress"], "'a', the label of sequence 0, is not a number"),
        (["walks.csv", "--task", "classify", "--minutes", "0.001"], "--minutes: 0.001 minutes leave 0.00 s"),
        (["walks.csv", "--task", "classify", "--parameters", "20"], "--parameters: no widths give all models"),
        (["few.csv", "--task", "classify"], "few.csv: 2 sequences are too few"),
    ],
)
def test_files_that_cannot_be_used_end_with_code_1(
    words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("few.csv").write_text("id,one,label\n1,2,a\n1,3,a\n2,2,b\n2,1,b\n")
    Path("letters.csv").write_text("id,one,label\n1,2,a\n1,3,a\n2,2,b\n2,1,b\n")
    time = ["--time-col", "step"] if words[0] == "walks.csv" else []
    assert follow(["compare", *words, "--models", "lstm,rnn", *time]) == 1
    assert what in capsys.readouterr().err


def test_the_help_names_the_tasks_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom gatewise.cli import follow\nassert follow(['compare', '--help']) == 0\n"
        "heavy = {'torch', 'numpy', 'pandas'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(task in done.stdout for task in TASKS)
