"""``gatewise forecast``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, argument
from .app import app
from .command import Command, carry_out, check_files
from .options import (
    FORECAST,
    FUTURE_FILLS,
    WRITING,
    Dates,
    Decimal,
    Delimiter,
    Duplicates,
    Encoding,
    File,
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
    Text,
    Time,
    Whole,
    covariate_options,
    listed,
    option,
    read_options,
)

if TYPE_CHECKING:
    from ..models.forecast.estimator import Forecaster
    from ..models.forecast.forecast import Forecast
    from ..models.forecast.results import Outcome, Quantiles
    from ..progress import OnProgress
    from ..tables.options import CovariateOptions, ReadOptions
    from ..tables.panel import Panel
    from .console import Screen

BESIDE = "What is known besides the past"
FUTURE_HELP = f"Into missing cells of the future: {listed(FUTURE_FILLS)}."

_FEW_SERIES, _MOST_STEPS, _FEW_STEPS, _SLACK, _MOST_TOTALS = 3, 48, 12, 3, 20


def _no_covariates() -> CovariateOptions:
    from ..tables.options import NO_COVARIATES

    return NO_COVARIATES


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise forecast``; None leaves it to the default, or to the loaded model.

    data: the table, and ``read`` how it is read. covariates: what is read beside the target, and ``future`` the table
    of it after the end of the data. backtest: how many windows; step, refit: as of `Forecaster.fit`. total: whether
    the sums of the horizon are forecast too. new: names of series without a history. load, out, totals, report, save:
    files, of which no other is written; totals asks for the sums too. command: the words that ask for this, for readers
    who want to repeat it.
    """

    data: Path
    read: ReadOptions
    horizon: int | None = None
    model: str | None = None
    level: str | None = None
    seed: int | None = None
    budget: str | None = None
    tune: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    backtest: int | None = None
    step: int | None = None
    refit: bool = False
    covariates: CovariateOptions = field(default_factory=_no_covariates)
    future: Path | None = None
    load: Path | None = None
    total: bool = False
    new: str | None = None
    out: Path | None = None
    totals: Path | None = None
    report: Path | None = None
    save: Path | None = None
    command: str = ""

    @property
    def windows(self) -> int:
        """Windows to test on, end to end. Raises InputError where they cannot be laid out."""
        from ..models.forecast.evaluation.design import Design

        assert self.horizon is not None
        return 0 if self.backtest == 0 else Design.of(self.horizon, self.backtest, self.step).windows

    def forecaster(self, progress: OnProgress | None) -> Forecaster:
        """An unfitted forecaster. Raises InputError for arguments that it refuses."""
        from ..models.forecast.estimator import Forecaster

        if self.horizon is None:
            raise InputError(
                f"{argument('horizon')} is missing",
                hint=f"give the number of steps to forecast, such as {argument('horizon', 12)}",
            )
        settings: dict[str, Any] = {
            "model": self.model,
            "levels": levels(self.level),
            "seed": self.seed,
            "budget": self.budget,
            "tune": self.tune,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "whole": self.whole or None,
        }
        chosen = {name: value for name, value in settings.items() if value is not None}
        return Forecaster(self.horizon, progress=progress, **chosen)


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the data are."""
    if request.load:
        _check_load(request)
    else:
        request.forecaster(None)
    reads = (request.data, request.load, request.future)
    check_files(reads=reads, writes=(request.out, request.totals, request.save), page=request.report)


def _check_load(request: Request) -> None:
    from ..models.arguments import settled

    names = ("model", "level", "seed", "budget", "tune", "minimum", "maximum", "backtest", "step")
    beside = {"covariates": request.covariates.covariates, "holidays": request.covariates.holidays}
    flags = {"refit": request.refit or None, "whole": request.whole or None}
    settled({**{name: getattr(request, name) for name in names}, **beside, **flags, "season": request.read.season})


def levels(text: str | None) -> tuple[int, ...] | None:
    """Central intervals in percent, out of words such as ``80,95``; None for the default. Raises InputError."""
    from ..models.arguments import percents

    try:
        return None if text is None else percents("level", [int(word) for word in text.split(",")])
    except ValueError as error:  # InputError is one
        raise InputError(
            f"{argument('level')} is {text!r}", hint="give whole percents from 1 to 99, such as 80,95"
        ) from error


def run(request: Request) -> Forecast:
    """Read, train or load, forecast, and write. Raises GatewiseError, and then leaves no half-written file."""
    from ..models.forecast.evaluation.apart import workers
    from ..progress import progress_bar

    with progress_bar("reading") as progress, workers():
        if request.load:
            forecaster = _continued(request)
        else:
            forecaster = request.forecaster(progress)
            forecaster.fit(
                _panel(request, request.covariates, forecaster.horizon),
                windows=request.windows,
                step=request.step,
                refit=request.refit,
                future_fill=request.covariates.future_fill,
            )
        forecast = forecaster.forecast(
            title=request.data.name, total=request.total or bool(request.totals), new=request.new
        )
    forecast = replace(forecast, command=request.command)
    if request.save:
        forecaster.save(request.save)
    if request.out:
        forecast.to_csv(request.out)
    if request.totals:
        forecast.totals_to_csv(request.totals)
    if request.report:
        forecast.to_html(request.report)
    return forecast


def _panel(request: Request, wanted: CovariateOptions, horizon: int) -> Panel:
    """The series, whose covariates of which nothing tells are taken as known only in the past."""
    from ..tables.supplied import panel_with_covariates

    future, data = request.future, request.data
    return panel_with_covariates(data, request.read, wanted, future, horizon=horizon, otherwise="past")


def _continued(request: Request) -> Forecaster:
    """The loaded model with the data as its history; it knows which covariates it takes."""
    assert request.load is not None
    forecaster, asked = _loaded(request.load, request.horizon), request.covariates
    forecaster.wanted_ = replace(forecaster.wanted_, static=asked.static, future_fill=asked.future_fill)
    return forecaster.update(_panel(request, forecaster.known_covariates, forecaster.horizon))


def _loaded(path: Path, horizon: int | None) -> Forecaster:
    from ..models.forecast.estimator import Forecaster

    forecaster = Forecaster.load(path)
    if horizon not in (None, forecaster.horizon):
        raise InputError(
            f"the saved model forecasts {forecaster.horizon} steps, not {horizon}",
            where=str(path),
            hint=f"drop {argument('horizon')}, or train a new model without {argument('load')}",
        )
    return forecaster


def present(outcome: Outcome, screen: Screen) -> None:
    """Print the verdict, the leaderboard, the forecast of the first series, and what was inferred."""
    from ..models.forecast.document import effect_columns, score_columns
    from ..words import count, sentence

    screen.say(f"{outcome.source}: {_size(outcome)}", "bold")
    screen.say(outcome.verdict)
    if backtest := outcome.backtest:
        trial = f"{count(len(backtest.windows), 'window')} of {count(backtest.horizon, 'step')}"
        screen.head(f"Backtest, {trial}; ratio: error over that of {backtest.judgement.reference}")
        screen.columns(score_columns(backtest))
        if backtest.worth and backtest.worth.effects:
            screen.head(f"The error of {backtest.worth.model} with a covariate's values of other times")
            screen.columns(effect_columns(backtest.worth))
    for row in range(min(len(outcome.panel), _FEW_SERIES)):
        _present_series(outcome, row, screen)
    hidden = len(outcome.panel) - _FEW_SERIES
    if hidden > 0:
        screen.say(f"... and {count(hidden, 'more series', 'more series')}; --out FILE.csv writes them all", "dim")
    if outcome.newcomers:
        panel, quantiles = outcome.newcomers
        for row in range(min(len(panel), _FEW_SERIES)):
            _present_series(replace(outcome, panel=panel, quantiles=quantiles), row, screen, "without a history")
    if outcome.totals:
        _present_totals(outcome, outcome.totals, screen)
    if outcome.notes:
        screen.head("What was inferred")
        for note in outcome.notes:
            screen.bullet(sentence(note))


def _present_totals(outcome: Outcome, totals: Quantiles, screen: Screen) -> None:
    from ..models.forecast.document import total_columns
    from ..words import count, steps

    screen.head(f"Total of the next {steps(outcome.horizon, outcome.panel.frequency.alias)}")
    screen.columns([(head, cells[:_MOST_TOTALS]) for head, cells in total_columns(outcome, totals)])
    hidden = len(outcome.panel) - _MOST_TOTALS
    if hidden > 0:
        screen.say(f"... and {count(hidden, 'more series', 'more series')}; --totals FILE.csv writes them all", "dim")


def _present_series(outcome: Outcome, row: int, screen: Screen, remark: str = "") -> None:
    from ..models.forecast.document import forecast_columns
    from ..words import count, steps

    panel, horizon = outcome.panel, outcome.horizon
    named = f"{panel.ids[row]}, {remark}" if remark else panel.ids[row] if len(panel) > 1 else ""
    name = f"{named}: " if named else ""
    screen.head(f"{name}{outcome.model}, the next {steps(horizon, panel.frequency.alias)}")
    if not remark:
        screen.sparkline(panel.values[row][-max(3 * horizon, 2 * panel.season) :], outcome.quantiles.median[row])
    most = _MOST_STEPS if len(panel) == 1 and not remark else _FEW_STEPS
    shown = horizon if horizon <= most + _SLACK else _FEW_STEPS
    screen.columns([(head, cells[:shown]) for head, cells in forecast_columns(outcome, row)])
    if horizon > shown:
        screen.say(f"... and {count(horizon - shown, 'more step')}; --out FILE.csv writes them all", "dim")


def _size(outcome: Outcome) -> str:
    from ..words import count, stamps

    panel = outcome.panel
    series = count(len(panel), "series", "series")
    first, last = stamps(outcome.span)
    return f"{series}, {count(int(panel.lengths.sum()), 'observation')}, {first} to {last}"


def as_json(outcome: Forecast) -> str:
    """The document of ``--json``; its keys are listed in `Forecast.to_json`."""
    return outcome.to_json()


COMMAND = Command(run, present, as_json, check)


@app.command()
def forecast(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="CSV or Parquet, long or wide.", show_default=False)],
    horizon: Horizon = None,
    model: Model = None,
    level: Level = None,
    backtest: Annotated[int | None, option(FORECAST, "K", "Horizons to test on, 0 for none; else 3.", min=0)] = None,
    step: Annotated[int | None, option(FORECAST, "N", "Steps between windows. Default: horizon / 4.", min=1)] = None,
    refit: Annotated[bool, option(FORECAST, None, "Train before each window, not only the first.", "--refit")] = False,
    budget: Annotated[Text, option(FORECAST, "TIME", "Time limit of the training, such as 60s or 2m.")] = None,
    tune: Annotated[Text, option(FORECAST, "TIME", "Train the pretrained network on DATA for so long.")] = None,
    seed: Seed = None,
    minimum: Minimum = None,
    maximum: Maximum = None,
    whole: Whole = False,
    load: Load = None,
    total: Annotated[bool, option(FORECAST, None, "Also what all steps add up to.", "--total")] = False,
    covariates: Annotated[Text, option(BESIDE, "NAMES", "Columns known besides the target, or none.")] = None,
    future: Annotated[File, option(BESIDE, "FILE", "Their values after the end of DATA.")] = None,
    static: Annotated[File, option(BESIDE, "FILE", "A row for each series that describes it.")] = None,
    holidays: Annotated[Text, option(BESIDE, "CC[-SUB]", "Such as DE-BY, or a table with ds and name.")] = None,
    new: Annotated[Text, option(BESIDE, "NAMES", "Series without a history, by those alike in --static.")] = None,
    future_fill: Annotated[str, option(BESIDE, "WORD", FUTURE_HELP, "--future-fill", choices=FUTURE_FILLS)] = "none",
    out: Annotated[File, option(WRITING, "FILE", "The forecast, as CSV.")] = None,
    totals: Annotated[File, option(WRITING, "FILE", "The totals of --total, as CSV.")] = None,
    report: Annotated[File, option(WRITING, "FILE", "The report, one page of HTML that opens offline.")] = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
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
    """Forecast every series of a table, with the one model that their past speaks for."""
    carry_out(
        context,
        COMMAND,
        lambda: Request(
            data=data,
            read=read_options(context),
            covariates=covariate_options(context),
            future=future,
            horizon=horizon,
            model=model,
            level=level,
            seed=seed,
            budget=budget,
            tune=tune,
            minimum=minimum,
            maximum=maximum,
            whole=whole,
            backtest=backtest,
            step=step,
            refit=refit,
            load=load,
            total=total,
            new=new,
            out=out,
            totals=totals,
            report=report,
            save=save,
            command=shlex.join(["gatewise", *context.obj]),
        ),
        json=json,
    )
