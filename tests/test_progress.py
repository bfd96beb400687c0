"""The progress bar, the spinner, and one progress made of several."""

from __future__ import annotations

import sys

import pytest

from gatewise.errors import InputError
from gatewise.progress import Stages, busy, progress_bar


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard error say that it is a terminal."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("RANK", raising=False)


def test_nothing_is_shown_where_standard_error_is_no_terminal(capsys):
    with progress_bar("reading") as bar, busy("looking"):
        assert bar is None
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_the_words_as_they_are_without_what_would_command_it(monkeypatch, capsys):
    on_terminal(monkeypatch)
    with progress_bar("reading", transient=False) as bar:
        assert bar is not None
        bar(0.5, "[red]sales\x1b[2J")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "[red]sales\\x1b[2J" in shown.err


def test_a_terminal_shows_a_spinner_with_its_words(monkeypatch, capsys):
    on_terminal(monkeypatch)
    with busy("looking [inside]"):
        pass
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "looking [inside]" in shown.err


def test_what_cannot_be_called_is_refused_before_work_begins():
    with pytest.raises(InputError, match=r"(?s)progress is True.*function of the fraction done"):
        Stages(True)  # type: ignore[arg-type]


def test_of_several_processes_only_the_first_shows_its_progress(monkeypatch, capsys):
    on_terminal(monkeypatch)
    monkeypatch.setenv("RANK", "1")
    with progress_bar("reading") as bar, busy("looking"):
        assert bar is None
    assert capsys.readouterr() == ("", "")


def test_stages_share_one_progress():
    calls: list[tuple[float, str]] = []
    stages = Stages(lambda done, words: calls.append((done, words)), total=4.0)
    with stages.stage(1.0, "first"):
        stages(0.5, "half")
    with stages.stage(3.0, "second"):
        pass
    stages.rest()
    stages(0.5, "later")
    assert calls == [(0, "first"), (0.125, "half"), (0.25, "first"), (0.25, "second"), (1, "second"), (0.5, "later")]
