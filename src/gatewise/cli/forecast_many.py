"""``gatewise forecast-many``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, argument
from .app import app
from .command import Command, carry_out
from .forecast import levels
from .options import (
    FORECAST,
    WRITING,
    Dates,
    Decimal,
    Delimiter,
    Duplicates,
    Encoding,
    Fill,
    Frequency,
    Horizon,
    Id,
    Ignore,
    Json,
    Level,
    Load,
    Maximum,
    Minimum,
    Missing,
    Model,
    Seasons,
    Seed,
    Skip,
    Target,
    Time,
    Whole,
    option,
    read_options,
)

if TYPE_CHECKING:
    from ..models.forecast.many.outcome import ManyForecasts
    from ..tables.options import ReadOptions
    from .console import Screen

_DATA = "A folder of Parquet files, or a CSV or Parquet file."
_OUT = "Folder of the forecasts; where a run in it was interrupted, it goes on."


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise forecast-many``: the arguments of `forecast_many`."""

    data: Path
    out: Path
    read: ReadOptions
    horizon: int | None = None
    model: str | None = None
    level: str | None = None
    seed: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    total: bool = False
    load: Path | None = None
    workers: int | None = None


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the data are."""
    from ..models.arguments import settled

    levels(request.level)
    if request.load:
        own = {name: getattr(request, name) for name in ("model", "level", "seed", "minimum", "maximum")}
        settled({**own, "whole": request.whole or None, "season": request.read.season})
    if request.out.resolve() == request.data.resolve():
        raise InputError("the forecasts would stand among the data", where=argument("out"), hint="name another folder")


def run(request: Request) -> ManyForecasts:
    """Forecast into the folder. Raises GatewiseError, and then leaves what is done to be gone on with."""
    from ..models.forecast.many.run import forecast_many
    from ..progress import progress_bar

    with progress_bar("reading") as progress:
        return forecast_many(
            request.data,
            request.out,
            request.horizon,
            model=request.model,
            levels=levels(request.level),
            seed=request.seed,
            minimum=request.minimum,
            maximum=request.maximum,
            whole=request.whole,
            total=request.total,
            load=request.load,
            read=request.read,
            workers=request.workers,
            progress=progress,
        )


def present(outcome: ManyForecasts, screen: Screen) -> None:
    """Print what was forecast, what was set aside, and what was inferred."""
    from ..words import count, sentence

    screen.say(f"{outcome}.", "bold")
    screen.say(f"{count(len(outcome.parts), 'part')} in {outcome.folder}, sha256 {outcome.sha256[:16]}")
    if outcome.totals:
        screen.say(f"Totals of the horizon in {outcome.totals[0].parent}")
    for head, reasons in (("Refused", outcome.refused), ("Forecast by another model", outcome.fell_back)):
        if reasons:
            screen.head(f"{head}; their ids are in {outcome.set_aside.name}")
            screen.columns([("series", [f"{many:,}" for many in reasons.values()]), ("because of", list(reasons))])
    screen.head("What was inferred")
    for note in outcome.notes:
        screen.bullet(sentence(note))


def as_json(outcome: ManyForecasts) -> str:
    """The document of ``--json``: the fields of `ManyForecasts`."""
    from ..escape import json_ascii

    return json_ascii(outcome.to_json())


COMMAND = Command(run, present, as_json, check)


@app.command("forecast-many")
def forecast_many(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help=_DATA, show_default=False)],
    out: Annotated[Path, option(WRITING, "FOLDER", _OUT)],
    horizon: Horizon = None,
    model: Model = None,
    level: Level = None,
    seed: Seed = None,
    minimum: Minimum = None,
    maximum: Maximum = None,
    whole: Whole = False,
    load: Load = None,
    total: Annotated[bool, option(FORECAST, None, "Also what all steps add up to.", "--total")] = False,
    workers: Annotated[int | None, option(FORECAST, "N", "Processes. Default: one for each core.", min=1)] = None,
    json: Json = False,
    time: Time = None,
    target: Target = None,
    id: Id = None,
    frequency: Frequency = None,
    season: Seasons = None,
    fill: Fill = "none",
    duplicates: Duplicates = "refuse",
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    skip: Skip = None,
    decimal: Decimal = None,
    dates: Dates = None,
    missing: Missing = None,
    ignore: Ignore = None,
) -> None:
    """Forecast more series than fit into memory, from a folder into a folder; go on after a kill."""
    carry_out(
        context,
        COMMAND,
        lambda: Request(
            data=data,
            out=out,
            read=read_options(context),
            horizon=horizon,
            model=model,
            level=level,
            seed=seed,
            minimum=minimum,
            maximum=maximum,
            whole=whole,
            load=load,
            total=total,
            workers=workers,
        ),
        json=json,
    )
