"""The program, its exit codes, and its errors of one line."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

from ..errors import ARGUMENT, GatewiseError
from ..escape import visible
from ..extras import how_to_install

USAGE, DATA = 2, 1
"""Exit codes: of a command line that makes no sense, and of data or files that cannot be used."""

WHICH = "Print the version."
QUIET = "Show no progress; results and errors stay."
VERBOSE = "Show where in the code an error was raised."

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from ..version import version

        typer.echo(f"gatewise {version()}")
        raise typer.Exit


@app.callback()
def gatewise(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help=WHICH)] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=QUIET)] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=VERBOSE)] = False,
) -> None:
    """The LSTM family for PyTorch, from equation to device."""
    if quiet:
        from ..progress import hidden

        context.with_resource(hidden())


@contextmanager
def failing(context: typer.Context, code: int) -> Generator[None]:
    """End with one message and this exit code where the block meets what it cannot use."""
    try:
        with _traced(context):
            yield
    except GatewiseError as error:
        what = f"{error.where}: {error.what}" if error.where else error.what
        _fail(with_options(what, context), with_options(error.hint, context), code)
    except ModuleNotFoundError as error:
        _fail(f"this needs {error.name}, which is not installed", how_to_install(error.name or ""), DATA)
    except OSError as error:
        _fail(f"{error.filename or 'output'}: {error.strerror or error}", "", DATA)


@contextmanager
def _traced(context: typer.Context) -> Generator[None]:
    """With ``--verbose``, print the traceback of what the block raises before it is made one message."""
    try:
        yield
    except (GatewiseError, ModuleNotFoundError, OSError):
        if context.find_root().params.get("verbose"):
            traceback.print_exc()
        raise


def with_options(message: str, context: typer.Context) -> str:
    """The message with options in place of arguments of Python: this command's option, or else another's."""
    options = _options(context)

    def option_of(match: re.Match[str]) -> str:
        name, value = match.groups()
        if name not in options:
            return match[0]
        setting = None if value is None else ast.literal_eval(value)
        if isinstance(setting, bool):
            return _longest(options[name].opts if setting else options[name].secondary_opts)
        flag = _longest(options[name].opts)
        return flag if setting is None else f"{flag} {shlex.quote(str(setting))}"

    return ARGUMENT.sub(option_of, message)


def _options(context: typer.Context) -> dict[str, Any]:
    """The option of each argument; the running command's own take precedence."""
    group: Any = context.find_root().command
    commands = [*group.commands.values(), context.command]
    return {
        parameter.name: parameter
        for command in commands
        for parameter in command.params
        if parameter.param_type_name == "option"
    }


def _longest(names: list[str]) -> str:
    return max(names, key=len)


def _fail(what: str, hint: str, code: int) -> NoReturn:
    complain(what, hint)
    raise typer.Exit(code)


def complain(what: str, hint: str) -> None:
    """Print to standard error what is wrong and what to do."""
    print(f"gatewise: error: {visible(what)}", file=sys.stderr)
    if hint:
        print(f"hint: {visible(hint)}", file=sys.stderr)
