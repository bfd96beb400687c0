"""The pages of docs/reference and docs/concepts that are made from the code: `make docs` writes them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import typer
from tools.pages import REPOSITORY, document, table

from gatewise import errors, nn
from gatewise.cells import lstm
from gatewise.cli.app import DATA, USAGE, app
from gatewise.compare import Comparison
from gatewise.escape import json_ascii
from gatewise.estimators import Anomalies
from gatewise.export import to_c
from gatewise.forecast import Forecast
from gatewise.inspect.explain import documents
from gatewise.serve.tasks import TASKS
from gatewise.show import show

TEMPLATES = REPOSITORY / "tools" / "templates"
CODES = (
    ("0", "all went well"),
    (f"{DATA}", "data, a file or a model that cannot be used; a sum of an explanation that does not check"),
    (f"{USAGE}", "a command line that makes no sense; nothing was read"),
    ("130", "interrupted with Ctrl-C; half-written files are removed"),
    ("141", "whoever read the output has gone, as in `gatewise show lstm | head -n 1`"),
    ("128 + n", "ended by signal n, such as 143 by SIGTERM; half-written files are removed"),
)


def pages() -> dict[str, str]:
    """The text of every page, by its path below docs."""
    return {
        "concepts/one-cell.md": filled("one-cell.md", **stages()),
        "reference/commands.md": filled("commands.md", commands="\n\n".join(commands()), codes=exit_codes()),
        "reference/json.md": filled("json.md", **documents_as_json()),
        "reference/c.md": filled("c.md", header=exported()[".h"].rstrip()),
        "reference/errors.md": filled("errors.md", errors=error_classes(), codes=exit_codes()),
    }


def filled(template: str, **parts: str) -> str:
    """A template of ours with each ``{{ name }}`` replaced."""
    text = (TEMPLATES / template).read_text(encoding="utf-8").rstrip()
    for name, part in parts.items():
        text = text.replace(f"{{{{ {name} }}}}", part)
    return document(text)


def exit_codes() -> str:
    """The table of exit codes."""
    return table("code", "what it says", rows=[(f"`{code}`", plain(words)) for code, words in CODES])


# One cell


def stages() -> dict[str, str]:
    """One cell at every stage from its source to C, as text."""
    forward, backward = show(lstm, "program").strip().split("\n\n")
    source = inspect.getsource(import_module(lstm.step.__module__)).strip()
    return {
        "source": source,
        "equations": show(lstm).rpartition("\n\n")[2].rstrip(),
        "program": forward,
        "gradient": backward,
        "llvm": unindented(statements(show(lstm, "llvm").splitlines())),
        "triton": unindented(statements(show(lstm, "triton").splitlines())),
        "c": unindented(statements(exported()[".c"].splitlines())),
    }


def statements(lines: list[str]) -> list[str]:
    """From an emitted text the lines of the step: those from the input gate to the new output."""
    first = next(at for at, line in enumerate(lines) if "sigmoid(" in line.replace('"', "") and assigned(line) == "i")
    last = next(at for at in range(first, len(lines)) if assigned(lines[at]) == "h")
    return lines[first : last + 1]


def assigned(line: str) -> str:
    """Which value a line of Triton, C or LLVM defines."""
    return line.partition("=")[0].strip().split(" ")[-1].strip('%"').removeprefix("v_")


def unindented(lines: list[str]) -> str:
    """Lines without the blanks that all begin with."""
    depth = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[depth:].rstrip() for line in lines)


def exported() -> dict[str, str]:
    """The two files in C of a layer with two inputs and three units, by their endings."""
    layer = nn.LSTM(2, 3)
    for weight in layer.parameters():
        torch.nn.init.constant_(weight, 0.25)
    with TemporaryDirectory() as folder:
        to_c(layer, folder, name="tiny")
        return {path.suffix: path.read_text() for path in Path(folder).glob("tiny.*")}


# Commands


def commands() -> Iterator[str]:
    """Every command as a section: what it does, how it is called, its options."""
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
        options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
        usage = " ".join(["gatewise", name, *(called(each) for each in arguments), "[OPTIONS]"])
        yield "\n\n".join(
            [
                f"## gatewise {name}",
                inspect.cleandoc(command.help or ""),
                f"```text\n{usage}\n```",
                *explained(arguments),
                *panels(options),
            ]
        )


def explained(arguments: list[Any]) -> Iterator[str]:
    """The arguments of a command as a table, where it has any."""
    if arguments:
        yield table("argument", "what it is", rows=[(f"`{called(each)}`", plain(each.help)) for each in arguments])


def called(parameter: Any) -> str:
    """An argument, or the value of an option, as the usage names it."""
    return parameter.metavar or parameter.name.upper()


def panels(options: Iterable[Any]) -> Iterator[str]:
    """The options of each panel of the help as a table."""
    by_panel: dict[str, list[tuple[str, str]]] = {}
    for option in options:
        names = "/".join([*option.opts, *option.secondary_opts])
        signature = names if option.is_flag else f"{names} {called(option)}"
        by_panel.setdefault(option.rich_help_panel or "Options", []).append((f"`{signature}`", plain(option.help)))
    for panel, rows in by_panel.items():
        yield table(panel.lower(), "what it does", rows=rows)


def plain(words: str | None) -> str:
    """Words as a cell of a table takes them."""
    return (words or "").replace("|", "\\|")


# JSON


def documents_as_json() -> dict[str, str]:
    """What commands print with --json, and what a server is asked in plain JSON, and answers."""
    return {
        "forecast": keys(Forecast.to_json),
        "detect": keys(Anomalies.to_json),
        "inside": keys(documents.as_json),
        "compare": keys(Comparison.to_json),
        "tasks": "\n\n".join(task_section(kind, task) for kind, task in TASKS.items()),
    }


def keys(function: Any) -> str:
    """What a function's docstring says of the keys of its document."""
    paragraphs = inspect.getdoc(function).split("\n\n")
    return next(paragraph for paragraph in paragraphs if "``version``" in paragraph).replace("``", "`")


def task_section(kind: str, task: Any) -> str:
    """One question: its address, its body, its answer."""
    request, answer = (f"```json\n{indented(schema)}\n```" for schema in (task.body.schema, task.answer))
    return f"### POST {task.path}\n\n{task.summary}; of a {kind}. The body:\n\n{request}\n\nThe answer:\n\n{answer}"


def indented(schema: dict[str, Any]) -> str:
    """A schema on several lines."""
    return json.dumps(json.loads(json_ascii(schema)), indent=2)


# Errors


def error_classes() -> str:
    """Every class of error, what it says, and which of Python's own catch it."""
    classes = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.GatewiseError)
    ]
    return table("error", "raised for", "also a", rows=[error_row(kind) for kind in classes])


def error_row(kind: type[Exception]) -> tuple[str, str, str]:
    """One class as a row."""
    others = [f"`{base.__name__}`" for base in kind.__bases__ if base is not Exception]
    return f"`{kind.__name__}`", (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " "), ", ".join(others)
