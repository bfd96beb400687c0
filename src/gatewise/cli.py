"""The command line: words to functions. ``gatewise --help`` loads neither torch nor pandas nor numpy."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import typer

from .errors import GatewiseError
from .escape import visible

USAGE, DATA = 2, 1
"""Exit codes: for words that cannot be followed, and for data or files that cannot be used."""

READING, MODEL, WRITING = "How the data are read", "What is forecast", "What is written"
MODELS = "auto, lstm, naive, seasonal_naive, auto_theta, auto_ets"
WHICH, JSON = "Print the version.", "Print one JSON document in place of the tables."


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from .version import version

        typer.echo(f"gatewise {version()}")
        raise typer.Exit


@app.callback()
def gatewise(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help=WHICH)] = False,
) -> None:
    """The LSTM family for PyTorch, from equation to device."""


Text = str | None
File = Path | None


def _option(panel: str, metavar: str, words: str, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=words, rich_help_panel=panel, show_default=False, **more)


@app.command()
def forecast(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="CSV or Parquet, long or wide.", show_default=False)],
    horizon: Annotated[int | None, _option(MODEL, "N", "Steps to forecast; not needed with --load.", min=1)] = None,
    model: Annotated[Text, _option(MODEL, "WORD", f"One of {MODELS}. Default: auto.")] = None,
    level: Annotated[Text, _option(MODEL, "PERCENTS", "Central intervals. Default: 80,95.")] = None,
    backtest: Annotated[int | None, _option(MODEL, "K", "Windows to test on, 0 for none. Default: 3.", min=0)] = None,
    budget: Annotated[Text, _option(MODEL, "TIME", "Bounds the training, such as 60s or 2m.")] = None,
    seed: Annotated[int | None, _option(MODEL, "N", "Same seed, same forecast. Default: 0.", min=0)] = None,
    load: Annotated[File, _option(MODEL, "FILE", "Forecast with a saved model, training nothing.")] = None,
    out: Annotated[File, _option(WRITING, "FILE", "The forecast, as CSV.")] = None,
    report: Annotated[File, _option(WRITING, "FILE", "The report, one page of HTML that opens offline.")] = None,
    save: Annotated[File, _option(WRITING, "FILE", "The model, as safetensors.")] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON, rich_help_panel=WRITING)] = False,
    time_col: Annotated[Text, _option(READING, "NAME", "Column of times.")] = None,
    target: Annotated[Text, _option(READING, "NAME", "Column of values.")] = None,
    id_col: Annotated[Text, _option(READING, "NAME", "Column that names the series.")] = None,
    freq: Annotated[Text, _option(READING, "ALIAS", "Step between times: h, D, W, MS, 15min, ...")] = None,
    season: Annotated[int | None, _option(READING, "N", "Steps in one season, 1 for none.", min=1)] = None,
    fill: Annotated[str, _option(READING, "WORD", "Into gaps: none (default), linear, previous, zero.")] = "none",
    duplicates: Annotated[str, _option(READING, "WORD", "Equal times: refuse (default), mean, last.")] = "refuse",
    encoding: Annotated[Text, _option(READING, "CODEC", "Such as latin-1.")] = None,
    delimiter: Annotated[Text, _option(READING, "LETTER", "Between two cells; or tab.")] = None,
    decimal: Annotated[Text, _option(READING, "LETTER", "In numbers: . or ,")] = None,
) -> None:
    """Forecast every series of a table, with whichever model did best on its past."""
    with _failing(USAGE):
        from .forecast.data.options import ReadOptions
        from .forecast.presentation.command import Files, Plan, Request, check, run

        columns = time_col, target, id_col, freq, season
        request = Request(
            data,
            ReadOptions(*columns, cast(Any, fill), cast(Any, duplicates), encoding, delimiter, decimal),
            Plan(horizon, model, level, seed, budget, backtest),
            Files(out, report, save, load),
            shlex.join(["gatewise", *context.obj]),
            json,
        )
        check(request)
    with _failing(DATA):
        run(request)


@app.command()
def show(
    cell: Annotated[str, typer.Argument(help="Such as lstm or gru.", show_default=False)],
    form: Annotated[str, typer.Option("--as", help="equations, program or llvm.")] = "equations",
) -> None:
    """Show a cell: its equations, its program, or the code that runs."""
    with _failing(USAGE):
        from .show import show as text_of

        typer.echo(text_of(cell, form))


@contextmanager
def _failing(code: int) -> Generator[None]:
    """End with one message and this exit code where the block meets what it cannot use."""
    try:
        yield
    except GatewiseError as error:
        _fail(f"{error.where}: {error.what}" if error.where else error.what, error.hint, code)
    except ModuleNotFoundError as error:
        _fail(f"this command needs {error.name}", "pip install 'gatewise[forecast]'", DATA)
    except OSError as error:
        _fail(f"{error.filename or 'output'}: {error.strerror or error}", "", DATA)


def _fail(what: str, hint: str, code: int) -> NoReturn:
    _complain(what, hint)
    raise typer.Exit(code)


def _complain(what: str, hint: str) -> None:
    print(f"gatewise: error: {visible(what)}", file=sys.stderr)
    if hint:
        print(f"hint: {visible(hint)}", file=sys.stderr)


def main(words: Sequence[str] | None = None) -> NoReturn:
    """The program ``gatewise``: follow the words (those of the command line, if None) and end the process."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has gone is no error: end as Unix filters do
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no failure over a name that the terminal cannot spell
    code = follow(list(sys.argv[1:] if words is None else words))
    try:
        sys.stdout.flush()
    except OSError as error:
        _complain(f"output: {error.strerror}", "")
        code = DATA
    sys.stderr.flush()
    os._exit(code)  # everything is written; taking torch and LLVM apart would take up to a second more


def follow(words: list[str]) -> int:
    """The exit code; the words themselves are the context's ``obj``."""
    try:
        code = app(words, prog_name="gatewise", obj=words, standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        place = context.command_path if context else "gatewise"
        if what := error.format_message().rstrip("."):  # nothing where the help has been shown instead
            _complain(what, f"see {place} --help")
        return error.exit_code
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
