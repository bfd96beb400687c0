"""The one shape of a command: a request is checked, carried out, and its outcome shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import typer

from ..errors import InputError
from ..files import check_writable
from .app import DATA, USAGE, failing

if TYPE_CHECKING:
    from .console import Screen

Request = TypeVar("Request")
Outcome = TypeVar("Outcome")


def _accept(request: object) -> None:
    """The check of a command whose requests can only be judged by carrying them out."""


@dataclass(frozen=True)
class Command(Generic[Request, Outcome]):
    """The parts of a command.

    Attributes:
        run: Does what was asked and writes the files; prints nothing. Raises GatewiseError.
        present: Prints the outcome for a reader at a terminal.
        as_json: The outcome as one line of JSON with stable keys; None where the command has no ``--json``.
        check: Raises InputError for a request that cannot be carried out, whatever the files hold. Nothing is read.
        failure: The exit code where ``run`` raises.
    """

    run: Callable[[Request], Outcome]
    present: Callable[[Outcome, Screen], None]
    as_json: Callable[[Outcome], str] | None = None
    check: Callable[[Request], None] = _accept
    failure: int = DATA


def carry_out(
    context: typer.Context, command: Command[Request, Outcome], ask: Callable[[], Request], *, json: bool = False
) -> Outcome:
    """Check, run and show; end the process with one message and an exit code where that fails.

    ask: builds the request, which may itself raise InputError.
    """
    with failing(context, USAGE):
        request = ask()
        command.check(request)
    with failing(context, command.failure):
        outcome = command.run(request)
        if json and command.as_json:
            print(command.as_json(outcome))
        else:
            from .console import Screen

            command.present(outcome, Screen())
    return outcome


def check_files(
    *,
    reads: Iterable[Path | None],
    writes: Iterable[Path | None],
    page: Path | None = None,
    what: str = "this file is named twice",
    hint: str = "give each output a name of its own",
) -> None:
    """Raise InputError for a file that could not be written, or that would replace one that is read or written too.

    None stands for a file that is not asked for. page: a file of HTML that is written; ModuleNotFoundError where what
    writes it is not installed, now rather than after the training.
    """
    taken = {path.resolve() for path in reads if path}
    for path in (*writes, page):
        if path:
            check_writable(path)
            if path.resolve() in taken:
                raise InputError(what, where=str(path), hint=hint)
            taken.add(path.resolve())
    if page:
        import_module("jinja2")
