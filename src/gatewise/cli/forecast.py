"""``gatewise forecast``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from .app import DATA, JSON, READING, USAGE, WRITING, File, Text, app, failing, option
from .choices import MODELS
from .reading import Decimal, Delimiter, Duplicates, Encoding, Fill, Frequency, Target, Time

FORECAST = "What is forecast"
NAMES = f"One of {', '.join(MODELS)}. Default: auto."


@app.command()
def forecast(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="CSV or Parquet, long or wide.", show_default=False)],
    horizon: Annotated[int | None, option(FORECAST, "N", "Steps to forecast; not needed with --load.", min=1)] = None,
    model: Annotated[Text, option(FORECAST, "WORD", NAMES, choices=MODELS)] = None,
    level: Annotated[Text, option(FORECAST, "PERCENTS", "Central intervals. Default: 80,95.")] = None,
    backtest: Annotated[int | None, option(FORECAST, "K", "Windows to test on, 0 for none. Default: 3.", min=0)] = None,
    budget: Annotated[Text, option(FORECAST, "TIME", "Bounds the training, such as 60s or 2m.")] = None,
    seed: Annotated[int | None, option(FORECAST, "N", "Same seed, same forecast. Default: 0.", min=0)] = None,
    load: Annotated[File, option(FORECAST, "FILE", "Forecast with a saved model, training nothing.")] = None,
    out: Annotated[File, option(WRITING, "FILE", "The forecast, as CSV.")] = None,
    report: Annotated[File, option(WRITING, "FILE", "The report, one page of HTML that opens offline.")] = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
    json: Annotated[bool, typer.Option("--json", help=JSON, rich_help_panel=WRITING)] = False,
    time: Time = None,
    target: Target = None,
    id: Annotated[Text, option(READING, "NAME", "Column that names the series.", "--id-col")] = None,
    frequency: Frequency = None,
    season: Annotated[int | None, option(READING, "N", "Steps in one season, 1 for none.", min=1)] = None,
    fill: Fill = "none",
    duplicates: Duplicates = "refuse",
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
) -> None:
    """Forecast every series of a table, with whichever model did best on its past."""
    with failing(context, USAGE):
        from ..tables.options import ReadOptions
        from .forecast_run import Files, Plan, Request, check, run

        columns = time, target, id, frequency, season
        request = Request(
            data,
            ReadOptions(*columns, cast(Any, fill), cast(Any, duplicates), encoding, delimiter, decimal),
            Plan(horizon, model, level, seed, budget, backtest),
            Files(out, report, save, load),
            shlex.join(["gatewise", *context.obj]),
            json,
        )
        check(request)
    with failing(context, DATA):
        run(request)
