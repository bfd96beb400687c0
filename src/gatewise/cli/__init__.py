"""The command line: words to functions. ``gatewise --help`` loads neither torch nor pandas nor numpy."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

import typer

# Commands stand in the help in the order in which they are imported: the main job first.
# isort: off
from . import forecast as forecast
from . import forecast_many as forecast_many
from . import detect as detect
from . import classify as classify
from . import generate as generate
from . import translate as translate
from . import compare as compare
from . import inspect as inspect
from . import export as export
from . import serve as serve
from . import show as show
from . import cache as cache
from . import demo as demo

# isort: on
from .app import DATA, app, complain


def main(words: Sequence[str] | None = None) -> NoReturn:
    """The program ``gatewise``: follow the words (by default those of the command line) and end the process."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has gone is no error: end as Unix filters do
    for name in ("SIGTERM", "SIGHUP"):
        _end_orderly_on(getattr(signal, name, None))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no failure over a name that the terminal cannot spell
    try:
        code = follow(list(sys.argv[1:] if words is None else words))
    except _Ended as ended:
        code = 128 + ended.number
    try:
        sys.stdout.flush()
    except OSError as error:
        complain(f"output: {error.strerror}", "")
        code = DATA
    sys.stderr.flush()
    os._exit(code)  # everything is written; taking torch and LLVM apart would take up to a second more


class _Ended(BaseException):
    """A signal asks the process to end. number: of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _end_orderly_on(number: signal.Signals | None) -> None:
    """Have this signal raise `_Ended`, so that half-written files are removed; one that is ignored stays so."""
    if number is None or signal.getsignal(number) is not signal.SIG_DFL:
        return

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
        raise _Ended(number)

    signal.signal(number, end)


def follow(words: list[str]) -> int:
    """Run a command and return its exit code; the words themselves are the context's ``obj``."""
    try:
        code = app(words, prog_name="gatewise", obj=words, standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        place = context.command_path if context else "gatewise"
        if what := error.format_message().rstrip("."):  # nothing where the help has been shown instead
            complain(what, f"see {place} --help")
        return error.exit_code
    return code if isinstance(code, int) else 0
