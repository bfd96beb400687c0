"""``gatewise show``."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import USAGE, app, failing
from .choices import VIEWS, cell_names, one_of

AS = "equations, program, llvm, or diagram (SVG)."
CELL = "Such as lstm or gru, or one of your own: module:cell, or path/to/file.py:cell."


@app.command()
def show(
    context: typer.Context,
    cell: Annotated[str, typer.Argument(help=CELL, show_default=False, autocompletion=cell_names)],
    form: Annotated[str, typer.Option("--as", help=AS, autocompletion=one_of(VIEWS))] = "equations",
) -> None:
    """Show a cell: its equations, its program, the code that runs, or its picture."""
    with failing(context, USAGE):
        from ..show import show as text_of

        typer.echo(text_of(cell, form))
