"""The shell completes commands, options, the words that options choose from, and cells, without loading anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from gatewise.cells import CELLS
from gatewise.cli import app, follow
from gatewise.cli import options as choices
from gatewise.cli.compare import TASKS
from gatewise.export.c.write import FLAGS
from gatewise.models.detect.watch import MODELS
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS
from gatewise.show import FORMS as VIEWS
from gatewise.tables.options import Duplicates, Fill, FutureFill

MAIN = "from gatewise.cli import main; main()"


def asked(line: str) -> dict[str, str]:
    """What bash hands to the program where the cursor stands at the end of the line."""
    words = line.split(" ")
    return {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1), "_GATEWISE_COMPLETE": "complete_bash"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "gatewise ",
            [
                *(
                    "forecast",
                    "forecast-many",
                    "detect",
                    "classify",
                    "generate",
                    "translate",
                    "compare",
                    "inspect",
                    "export",
                    "serve",
                    "show",
                    "cache",
                ),
                "demo",
            ],
        ),
        ("gatewise f", ["forecast", "forecast-many"]),
        ("gatewise --vers", ["--version"]),
        ("gatewise forecast data.csv --f", ["--future", "--future-fill", "--freq", "--fill"]),
        ("gatewise forecast data.csv --fill ", [*get_args(Fill)]),
        ("gatewise forecast data.csv --fill l", ["linear"]),
        ("gatewise forecast data.csv --model ", ["auto", "lstm", *(word for word in CONTESTANTS if word != "lstm")]),
        ("gatewise inspect model data --duplicates ", [*get_args(Duplicates)]),
        ("gatewise classify data --one", ["--one-way"]),
        ("gatewise compare data --task ", [*TASKS]),
        ("gatewise export model --to ", ["c", "onnx"]),
        ("gatewise export model --to c --target cortex", ["cortex-m4", "cortex-m55"]),
        ("gatewise show ", [*CELLS]),
        ("gatewise show lstm", ["lstm", "lstm_1997"]),
        ("gatewise show lstm --as ", [*VIEWS]),
        ("gatewise forecast exam", []),  # bash then completes files
    ],
)
def test_what_is_completed(
    line: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in asked(line).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        follow([])
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    assert out.split() == words


@pytest.mark.parametrize(
    ("line", "words"), [("gatewise show ls", "lstm lstm_1997"), ("gatewise forecast data --fill l", "linear")]
)
def test_completion_loads_nothing_heavy(line: str, words: str) -> None:
    heavy = "{'torch', 'numpy', 'pandas', 'duckdb', 'llvmlite'}"
    code = f"import sys\ntry:\n    {MAIN}\nfinally:\n    assert not {heavy} & {{*sys.modules}}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | asked(line)
    )
    assert (done.returncode, done.stderr, done.stdout.split()) == (0, "", words.split())


def test_the_words_are_those_of_what_they_choose() -> None:
    assert {*choices.MODELS} == {"auto", *CONTESTANTS}
    assert get_args(Fill) == choices.FILLS
    assert get_args(FutureFill) == choices.FUTURE_FILLS
    assert get_args(Duplicates) == choices.DUPLICATES
    assert tuple(VIEWS) == choices.VIEWS
    assert {*choices.TARGETS} == {*FLAGS}
    assert choices.DETECTORS == MODELS
    assert choices.cell_names("") == sorted(CELLS)


def test_every_option_with_words_completes_them() -> None:
    """Each option whose help lists choices has a completion."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        for each in command.params:
            if getattr(each, "metavar", None) == "WORD":
                assert each._custom_shell_complete, f"gatewise {name} --{each.name}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def in_bash(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What happens where these words are typed in bash, which has a program ``gatewise``."""
    program = folder / "gatewise"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{MAIN}' \"$@\"\n")
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--norc", "-c", f"{words}; true"], capture_output=True, text=True, env=os.environ | {"PATH": path}
    )


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_completion_is_installed_and_works_in_bash(home: Path) -> None:
    done = in_bash("gatewise --install-completion", home)
    assert "bash completion installed" in done.stdout, done.stderr
    rc = (home / ".bashrc").read_text()
    script = rc.split("'")[1] if "'" in rc else rc.split()[-1]
    assert Path(script).is_file()
    typed = f"source {script}; COMP_WORDS=(gatewise show ls); COMP_CWORD=2; {{}} gatewise; echo ${{{{COMPREPLY[@]}}}}"
    done = in_bash(typed.format("$(complete -p gatewise | sed 's/.*-F //; s/ .*//')"), home)
    assert done.stdout.split() == ["lstm", "lstm_1997"], done.stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_completion_is_shown(home: Path) -> None:
    done = in_bash("gatewise --show-completion", home)
    assert "complete -o default -F _gatewise_completion gatewise" in done.stdout, done.stderr
    assert not (home / ".bashrc").exists()
