from __future__ import annotations

import csv
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatewise.cli import follow

ROOT = Path(__file__).parents[2]
AIR = ROOT / "examples" / "air_passengers.csv"
QUICK = ["forecast", str(AIR), "--horizon", "6", "--model", "seasonal_naive", "--backtest", "0"]
PROGRAM = [sys.executable, "-c", "from gatewise.cli import main; main()"]


@pytest.fixture(autouse=True)
def empty_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder in (("HOME", "home"), ("XDG_CACHE_HOME", "cache"), ("TMPDIR", "tmp")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "words", [["--help"], ["forecast", "--help"], ["show", "--help"], ["export", "--help"], ["--version"]]
)
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys\nfrom gatewise.cli import follow\nassert follow({words}) == 0\n"
        "heavy = {'torch', 'numpy', 'pandas', 'duckdb', 'llvmlite', 'jinja2', 'statsforecast'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "gatewise" in done.stdout


def test_help_names_every_choice(capsys: pytest.CaptureFixture[str]) -> None:
    from typing import get_args

    from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
    from gatewise.tables.options import Duplicates, Fill

    assert follow(["forecast", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("auto", *CONTESTANTS, *get_args(Fill), *get_args(Duplicates)):
        assert word in text


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["forcast"], "No such command 'forcast'"),
        (["forecast"], "Missing argument"),
        (["forecast", str(AIR)], "--horizon is missing"),
        (["forecast", str(AIR), "--horizon", "0"], "--horizon"),
        (["forecast", str(AIR), "--horizon", "many"], "--horizon"),
        (["forecast", str(AIR), "--horizon", "6", "--model", "prophet"], "'prophet'"),
        (["forecast", str(AIR), "--horizon", "6", "--level", "80,x"], "'80,x'"),
        (["forecast", str(AIR), "--horizon", "6", "--level", "100"], "'100'"),
        (["forecast", str(AIR), "--horizon", "6", "--budget", "soon"], "'soon'"),
        (["forecast", str(AIR), "--horizon", "6", "--fill", "magic"], "'magic'"),
        (["forecast", str(AIR), "--horizon", "6", "--out", "none/x.csv"], "does not exist"),
        (["forecast", str(AIR), "--horizon", "6", "--out", "x", "--report", "./x"], "named twice"),
        (["forecast", str(AIR), "--horizon", "6", "--out", str(AIR)], "named twice"),
        (["forecast", str(AIR), "--load", "m", "--seed", "1"], "--seed cannot be used with --load"),
        (["forecast", str(AIR), "--load", "m", "--season", "4"], "--season cannot be used with --load"),
        (["show", "lstn"], "'lstn'"),
        (["show", "lstm", "--as", "poem"], "'poem'"),
    ],
)
def test_words_that_cannot_be_followed(words: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"gatewise: error: .+\nhint: .+\n", err)
    assert part in err


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow([]) == 2
    out, err = capsys.readouterr()
    assert "forecast" in out
    assert err == ""


@pytest.mark.parametrize(
    ("text", "part"),
    [(None, "there is no such file"), ("", "empty"), ("ds,y\n2024-01-01,1\n2024-01-02,x\n2024-01-03,2\n", "row 3")],
)
def test_data_that_cannot_be_used(text: str | None, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    if text is not None:
        Path("data.csv").write_text(text)
    assert follow(["forecast", "data.csv", "--horizon", "2", "--out", "out.csv"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"gatewise: error: data\.csv.+\n(hint: .+\n)?", err)
    assert part in err
    assert not Path("out.csv").exists()


def test_outputs_are_checked_before_the_data_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from gatewise.tables import reading

    def never(*_: object) -> None:
        raise AssertionError("the data were read")

    monkeypatch.setattr(reading, "load_panel", never)
    Path("folder").mkdir()
    for option in ("--out", "--report", "--save"):
        assert follow([*QUICK, option, "folder"]) == 2


def test_writes_what_is_named_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow([*QUICK, "--out", "f.csv", "--report", "r.html", "--save", "m.safetensors"]) == 0
    assert written(tmp_path) == {"work/f.csv", "work/r.html", "work/m.safetensors"}
    out, err = capsys.readouterr()
    assert err == ""
    for part in ("air_passengers.csv: 1 series, 144 observations", "Not tested", "1961-06-01", "80 % interval"):
        assert part in out
    rows = list(csv.reader(Path("f.csv").read_text().splitlines()))
    name = "SeasonalNaive"
    assert rows[0] == ["unique_id", "ds", name, *(f"{name}-{side}-{p}" for p in (80, 95) for side in ("lo", "hi"))]
    assert [row[1] for row in rows[1:]] == [f"1961-0{month}-01" for month in range(1, 7)]
    assert "gatewise forecast" in Path("r.html").read_text()


def test_a_saved_model_gives_the_same_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow([*QUICK, "--json", "--save", "m.safetensors"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert follow(["forecast", str(AIR), "--load", "m.safetensors", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert second["forecast"] == first["forecast"]
    assert any("m.safetensors" in note for note in second["notes"])
    assert follow(["forecast", str(AIR), "--load", "m.safetensors", "--horizon", "7"]) == 1


def test_json_is_one_document_with_the_backtest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatewise.models.forecast.evaluation import backtest, contestants

    baselines = {word: contestant for word, contestant in contestants.CONTESTANTS.items() if not contestant.learns}
    monkeypatch.setattr(
        backtest.compare, "__kwdefaults__", {**backtest.compare.__kwdefaults__, "contestants": baselines}
    )
    assert follow([*QUICK[:-2], "--backtest", "2", "--step", "4", "--level", "50,90", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert out.count("\n") == 1
    assert document["levels"] == [50, 90]
    assert document["backtest"]["windows"] == 2
    assert {score["model"] for score in document["backtest"]["scores"]} >= {"Naive", "SeasonalNaive"}
    assert set(document["forecast"][0]) == {"unique_id", "ds", "forecast", "lo-50", "hi-50", "lo-90", "hi-90"}


def test_names_from_the_data_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["\x1b]0;owned\x07", "[red]x[/red]", "=1+1"]
    rows = [f"{name},2024-01-{day:02},{day % 7}" for name in names for day in range(1, 31)]
    Path("data.csv").write_text("\n".join(["unique_id,ds,y", *rows]))
    words = ["forecast", "data.csv", "--horizon", "2", "--model", "naive", "--backtest", "0", "--out", "f.csv"]
    assert follow(words) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert r"\x1b]0;owned\x07" in out
    assert "[red]x[/red]" in out
    text = Path("f.csv").read_text()
    assert """"'=1+1","2024-01-31",""" in text
    assert text.replace("\n", "").isprintable()


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    from gatewise.show import show

    assert follow(["show", "gru"]) == 0
    assert capsys.readouterr().out.strip() == show("gru").strip()


def test_interrupt_ends_quietly_and_leaves_nothing(tmp_path: Path) -> None:
    terminal, stderr = pty.openpty()
    words = ["forecast", str(AIR), "--horizon", "12", "--model", "lstm", "--out", "f.csv", "--save", "m.safetensors"]
    with subprocess.Popen([*PROGRAM, *words], stdout=subprocess.PIPE, stderr=stderr) as running:
        os.close(stderr)
        said = until(terminal, "backtest", 60)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
        assert running.stdout
        assert running.stdout.read() == b""
        said += rest(terminal)
    assert "Traceback" not in said
    assert written(tmp_path / "work") == set()


def test_reader_that_goes_away_ends_it_quietly() -> None:
    with subprocess.Popen([*PROGRAM, *QUICK], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == -signal.SIGPIPE  # a shell reports 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_under_stdout_is_one_message() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, *QUICK, "--json"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "gatewise: error: output: No space left on device\n")


def until(terminal: int, word: str, seconds: float) -> str:
    """What appears on the terminal until the word does."""
    said, end = "", time.monotonic() + seconds
    while word not in said:
        assert time.monotonic() < end, said
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 4096).decode(errors="replace")
    return said


def rest(terminal: int) -> str:
    """What is left to read from the terminal of a process that has ended."""
    said = ""
    try:
        while select.select([terminal], [], [], 0.2)[0]:
            said += os.read(terminal, 4096).decode(errors="replace")
    except OSError:
        pass  # Linux's way of saying that the other side is closed
    os.close(terminal)
    return said


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_process_that_is_asked_to_end_leaves_nothing_half_written(name: str, tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom gatewise import cli, files\n"
        "files.os.replace = lambda *_: (print(flush=True), time.sleep(60))\n"
        "cli.follow = lambda words: files.atomic_write(words[0], 'new')\n"
        "cli.main()"
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("old")
    with subprocess.Popen([sys.executable, "-c", script, folder / "file"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.Signals[name])
        assert process.wait(20) == 128 + signal.Signals[name]
    assert [path.read_text() for path in folder.iterdir()] == ["old"]
