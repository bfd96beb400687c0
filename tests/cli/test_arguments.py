"""Errors name arguments of Python; the command line alone turns them into its options."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gatewise
from gatewise import compare as comparing
from gatewise import estimators, export, nn, serve
from gatewise.cli import app as program
from gatewise.cli import classify, compare, follow, forecast, forecast_many, generate, translate
from gatewise.cli import export as exporting
from gatewise.errors import ARGUMENT, argument
from gatewise.forecast import Forecaster, ReadOptions
from gatewise.models.kind import Question
from gatewise.tables import columns
from gatewise.tables.labelled import load_labelled

SOURCES = Path(gatewise.__file__).parent
COMMANDS = (
    *(forecast.Request, forecast_many.Request, classify.Request, generate.Request, translate.Request),
    *(Question, exporting.Request, compare.Request),
)
PUBLIC = (
    *(Forecaster, Forecaster.fit, Forecaster.subject, ReadOptions, load_labelled),
    *(getattr(estimators, name) for name in estimators.__all__),
    *(estimators.SequenceClassifier.subject, estimators.LanguageModel.generate),
    *(export.to_c, export.to_onnx, nn.LSTM, nn.Recurrent, serve.run),
    *(comparing.compare, comparing.classification, comparing.forecasting),
    *COMMANDS,
)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCES.rglob("*.py")):
        yield str(path.relative_to(SOURCES)), ast.parse(path.read_text())


CHOSEN_AS_IT_RUNS = {
    "cli/classify.py": {"test", "save", "epochs"},
    "cli/compare.py": {"test", "seed", "horizon", "windows"},
    "cli/export.py": {"dtype", "target", "calibration"},
    "cli/translate.py": {"save", "epochs", "units"},
    "cli/forecast.py": {"model", "level", "seed", "budget", "tune", "backtest", "season"},
    "models/forecast/bounds.py": {"minimum", "maximum"},
    "models/forecast/foreign.py": {"future", "static", "covariates", "holidays"},
    "models/arguments.py": {"horizon", "model", "season", "seed", "budget", "level", "length", "temperature", "top_p"},
    "tables/columns.py": {*columns.CALLED, "label"},
    "tables/long_table.py": {"target", "frequency", "season", "fill", "duplicates"},
    "tables/options.py": {field.name for field in dataclasses.fields(ReadOptions)},
    "tables/parallel.py": {"source", "target"},
    "tables/panels.py": {"encoding", "delimiter"},
    "tables/sequences.py": {"id_column", "time_column"},
}
"""What files name that do not write the name where they call `argument`."""


OF_PYTHON = {"id_column", "time_column", "heads", "options", "tokenizer"}
"""Parameters of the estimators that no command has: those of a frame, which none reads, and of a network's form, and an
object that only Python can give."""


def mentions() -> dict[str, str]:
    """Every argument that an error of the library names, and a file that does."""
    found = {name: path for path, names in CHOSEN_AS_IT_RUNS.items() for name in names}
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "argument":
                if isinstance(node.args[0], ast.Constant):
                    found[str(node.args[0].value)] = path
                else:
                    assert path in CHOSEN_AS_IT_RUNS
    return found


def texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a file that are no docstrings."""
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def of_python(thing: Any) -> set[str]:
    known = {field.name for field in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set[str]()
    return known | {*inspect.signature(thing).parameters}


def of_the_shell() -> dict[str, set[str]]:
    """The options of each command, by the argument that they stand for."""
    import typer

    group: Any = typer.main.get_command(program)
    return {
        name: {each.name for each in command.params if each.param_type_name == "option"}
        for name, command in group.commands.items()
    }


def test_every_argument_that_an_error_names_is_there_in_python() -> None:
    known = set[str]().union(*map(of_python, PUBLIC))
    assert {name: path for name, path in mentions().items() if name not in known} == {}
    assert len(mentions()) > 20


def test_every_argument_that_an_error_names_is_an_option_of_a_command() -> None:
    known = set[str]().union(OF_PYTHON, *of_the_shell().values())
    assert {name: path for name, path in mentions().items() if name not in known} == {}


def test_what_the_shell_can_say_of_a_table_python_can() -> None:
    fields = of_python(ReadOptions)
    assert fields <= of_the_shell()["forecast"]
    assert fields - {"season"} <= of_the_shell()["inspect"]


def test_no_option_of_the_shell_is_named_outside_of_it() -> None:
    found = [
        (path, text)
        for path, tree in sources()
        if not path.startswith("cli/")
        for text in texts(tree)
        if re.search(r"(^|[^\w-])--[a-z]", text) and not re.search(r"[{;:]\s*\n|<svg|var\(--|for \(;", text)
    ]
    assert found == []


def test_what_the_shell_runs_speaks_of_arguments_in_the_one_form() -> None:
    """As ``name=value`` a command could not turn them into its options."""
    packages = ("cli/", "models/", "tables/", "export/")
    found = [
        (path, text)
        for path, tree in sources()
        if path.startswith(packages)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Error")
        for text in texts(node)
        if re.search(r"\b[a-z_]+=(?!=)", text) and "(shape=(" not in text  # scikit-learn asks for these words
    ]
    assert found == []


VALUES = [
    "linear",
    "two words",
    ",",
    ";",
    "'",
    '"',
    "\\",
    "a`b",
    "é",
    "\n",
    "\u2028",
    "{x}",
    "",
    "1",
    12,
    0,
    -3,
    True,
    False,
]


@pytest.mark.parametrize("value", VALUES)
def test_an_argument_is_found_in_a_message_whatever_its_value(value: str | int) -> None:
    match = ARGUMENT.search(f"use {argument('fill', value)}, or nothing")
    assert match
    assert match[1] == "fill"
    assert ast.literal_eval(match[2]) == value
    assert match.end() == len(f"use {argument('fill', value)}")


def test_what_a_user_called_so_is_left_alone() -> None:
    for text in ("the column '`fill`'", "`fill", "a `b c`", "`fill=linear`", "x`fill`"):
        assert not ARGUMENT.search(text)
    assert ARGUMENT.fullmatch(argument("fill"))


GAP = "ds,y\n2024-01-01,1\n2024-01-02,\n2024-01-03,4\n"
TWO = "my id,my time,other time,y\na,2024-01-01,2024-01-01,1\na,2024-01-02,2024-01-02,2\n"
STEPS = "id,t,x,label\n1,0,1,a\n1,1,2,a\n2,0,1,b\n2,1,3,b\n"
SAID = [
    (GAP, ["forecast", "--horizon", "1"], "use --fill linear, --fill previous or --fill zero, or put the values in"),
    (TWO, ["forecast", "--horizon", "1"], "name one, for instance --time-col 'my time'"),
    (GAP.replace(",", ";").replace("4", "4,123"), ["forecast", "--horizon", "1"], "use --decimal , if the comma"),
    (
        GAP.replace(",\n", ",2\n"),
        ["forecast", "--horizon", "1", "--freq", "often"],
        "--freq: 'often' is not a frequency",
    ),
    (GAP, ["forecast", "--horizon", "1", "--delimiter", "ab"], "--delimiter: 'ab' cannot separate cells"),
    (GAP, ["forecast", "--horizon", "1", "--id-col", "z"], "give --id-col one of these names"),
    (GAP, ["forecast"], "--horizon is missing"),
    (GAP, ["forecast"], "such as --horizon 12"),
    (GAP, ["forecast", "--load", "m", "--level", "80"], "--level cannot be used with --load"),
    (STEPS, ["classify", "--test", "data.csv", "--id-col", "z"], "give --id-col one of these names"),
    (STEPS, ["classify", "--test", "data.csv"], "use --time-col t, or rename it"),
    (STEPS, ["classify", "--load", "m", "--one-way"], "--test, --save, --epochs and --one-way cannot be used with"),
    (STEPS, ["generate", "--load", "m"], "give either a text to learn from, or --load"),
    (STEPS, ["export", "--to", "onnx", "--dtype", "int8"], "--dtype applies to C only"),
    (STEPS, ["export", "--to", "onnx", "--dtype", "int8"], "use --to c"),
]


@pytest.mark.parametrize(("table", "words", "part"), SAID)
def test_the_shell_prints_options(
    table: str, words: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(table)
    assert follow([words[0], "data.csv", *words[1:]]) in (1, 2)
    said = capsys.readouterr().err
    assert part in said
    assert not ARGUMENT.search(said)
    assert not re.search(r"\b[a-z_]+=", said)
