"""The tour of the commands, and what the program does with --quiet, --verbose and NO_COLOR."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from gatewise.cli import demo, follow

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "gatewise"]


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def test_its_data_are_those_of_the_examples() -> None:
    shipped = Path(demo.__file__).parent / demo.DATA
    assert shipped.read_bytes() == (ROOT / "examples" / demo.DATA).read_bytes()


def test_it_replaces_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    demo.FOLDER.mkdir()
    assert follow(["demo"]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.slow
def test_every_command_of_the_tour_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["demo"]) == 0
    out = capsys.readouterr().out
    for word in ("show", "forecast", "inspect", "export"):
        assert f"$ gatewise {word} " in out
    for name in (demo.DATA, demo.REPORT, demo.PAGE, "sensor.c", "sensor.h"):
        assert (demo.FOLDER / name).stat().st_size > 0


def test_a_stop_that_fails_ends_the_tour(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing = demo.Stop("An error", ("show", "no_such_cell"))
    outcome = demo.Outcome((failing, failing), ())
    monkeypatch.setattr(demo, "COMMAND", demo.Command(lambda _: outcome, demo.present))
    assert follow(["demo"]) == 2
    assert capsys.readouterr().out.count("An error") == 1


def test_verbose_shows_where_an_error_was_raised(capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(["--verbose", "show", "lstn"]) == 2
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "lookup.py" in shown
    assert follow(["show", "lstn"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("words", "drawn"), [([], True), (["--quiet"], False)])
def test_quiet_draws_no_bar(words: list[str], drawn: bool) -> None:
    asked = ["forecast", str(ROOT / "examples" / demo.DATA), "--horizon", "6", "--model", "naive", "--backtest", "0"]
    assert bool(on_a_terminal([*PROGRAM, *words, *asked])) is drawn


@pytest.mark.parametrize("colour", [True, False])
def test_no_color_turns_colours_off(colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from gatewise.cli.console import Screen

    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    target = StringIO()
    Screen(file=target, force_terminal=True, color_system="standard").say("words", "red")
    assert ("\x1b[31m" in target.getvalue()) is colour


def on_a_terminal(command: list[str]) -> str:
    """What a command writes to its standard error, which is a terminal."""
    terminal, stderr = pty.openpty()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=stderr, check=True)
    os.set_blocking(terminal, False)
    os.close(stderr)
    try:
        return os.read(terminal, 1 << 16).decode()
    except OSError:
        return ""  # Linux's way of saying that nothing is left
