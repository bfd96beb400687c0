"""``gatewise generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import DATA, JSON, MODEL, USAGE, WRITING, File, app, failing, option

SAMPLING = "How it is written"


@app.command()
def generate(
    context: typer.Context,
    text: Annotated[File, typer.Argument(metavar="TEXT", help="What to learn from, UTF-8, also as .gz.")] = None,
    prompt: Annotated[str, option(SAMPLING, "TEXT", "What to go on from. Default: a new line.")] = "\n",
    length: Annotated[int, option(SAMPLING, "N", "Characters to write. Default: 500.", min=0)] = 500,
    temperature: Annotated[
        float, option(SAMPLING, "X", "Lower is more predictable, 0 without chance. Default: 1.")
    ] = 1.0,
    top_p: Annotated[float, option(SAMPLING, "X", "Share of the probability to draw from. Default: 1.")] = 1.0,
    seed: Annotated[int, option(SAMPLING, "N", "Same seed, same model and text. Default: 0.", min=0)] = 0,
    epochs: Annotated[int | None, option(MODEL, "N", "Passes over the text. Default: 8.", min=1)] = None,
    load: Annotated[File, option(MODEL, "FILE", "Write with a saved model, training nothing.")] = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON, rich_help_panel=WRITING)] = False,
) -> None:
    """Learn to write from a text, measure it on the last 5 %, and write."""
    with failing(context, USAGE):
        from .generate_run import Request, check, run

        request = Request(text, prompt, length, temperature, top_p, seed, epochs, save, load, json)
        check(request)
    with failing(context, DATA):
        run(request)
