"""``gatewise show``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from .app import USAGE, app
from .command import Command, carry_out
from .options import VIEWS, cell_names, one_of

if TYPE_CHECKING:
    from .console import Screen

FORM = "equations, program, llvm, triton, or diagram (SVG)."
CELL = "Such as lstm or gru, or one of your own: module:cell, or path/to/file.py:cell."


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise show``: a cell, as words, and the form in which to show it."""

    cell: str
    form: str = "equations"


@dataclass(frozen=True)
class Outcome:
    """The cell in that form."""

    text: str


def run(request: Request) -> Outcome:
    """Raises CellError for a cell or form that does not exist."""
    from ..show import show as text_of

    return Outcome(text_of(request.cell, request.form))


def present(outcome: Outcome, screen: Screen) -> None:
    """Print the text as it is, ready to be redirected to a file."""
    screen.raw(outcome.text)


COMMAND = Command(run, present, failure=USAGE)  # all there is to go wrong is the cell and the form


@app.command()
def show(
    context: typer.Context,
    cell: Annotated[str, typer.Argument(help=CELL, show_default=False, autocompletion=cell_names)],
    form: Annotated[str, typer.Option("--as", help=FORM, autocompletion=one_of(VIEWS))] = "equations",
) -> None:
    """Show a cell: its equations, its program, the code that runs, or its picture."""
    carry_out(context, COMMAND, lambda: Request(cell, form))
