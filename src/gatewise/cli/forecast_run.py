"""The flow of ``gatewise forecast``: read, train or load, forecast, write, show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError, argument
from ..files import atomic_write
from ..models.forecast.estimator import Forecaster
from ..models.forecast.evaluation.backtest import TooShortError
from ..models.forecast.outcome import Outcome
from ..models.forecast.results import Backtest, central_levels
from ..progress import OnProgress, Stages, progress_bar
from ..tables.panel import Panel
from ..tables.reading import load_panel
from ..words import capital
from .forecast_request import Files, Plan, Request, check

__all__ = ["Files", "Plan", "Request", "check", "run"]


def run(request: Request) -> None:
    """Do what was asked: files first, then stdout. Raises GatewiseError, and then leaves no half-written file."""
    with progress_bar("reading") as progress:
        forecaster, outcome = carry_out(request, progress)
    _write(request.files, forecaster, outcome)
    _show(outcome, json=request.json)


def carry_out(request: Request, progress: OnProgress | None = None) -> tuple[Forecaster, Outcome]:
    """Read, train or load, and forecast."""
    from ..version import version

    panel = load_panel(request.data, request.reading)
    ready = _loaded(request.files.load, request.plan.horizon) if request.files.load else None
    ready = ready or _trained(request.plan, panel, progress)
    panel = replace(panel, season=ready.forecaster.schema_.season)
    quantiles = ready.forecaster.predict_quantiles(panel)
    return ready.forecaster, Outcome(
        panel=panel,
        quantiles=quantiles,
        levels=central_levels(quantiles.levels),
        backtest=ready.backtest,
        notes=tuple(dict.fromkeys((*panel.notes, *ready.notes, *quantiles.notes))),
        source=request.data.name,
        command=request.command,
        version=version(),
    )


@dataclass(frozen=True)
class _Ready:
    """A fitted forecaster, its test, and what there is to say about both."""

    forecaster: Forecaster
    backtest: Backtest | None
    notes: tuple[str, ...]


def _trained(plan: Plan, panel: Panel, progress: OnProgress | None) -> _Ready:
    if plan.auto:
        forecaster = plan.forecaster(progress).fit(panel, windows=plan.windows)
        return _Ready(forecaster, forecaster.backtest_, forecaster.notes_)
    if not plan.windows:
        return _Ready(plan.forecaster(progress).fit(panel), None, ())
    stages = Stages(progress, 2.0)
    forecaster = plan.forecaster(stages, share=0.5)
    with stages.stage(1.0, "backtest"):
        backtest, notes = _tested(forecaster, panel, plan.windows)
    with stages.stage(1.0, "training"):
        forecaster.fit(panel)
    return _Ready(forecaster, backtest, notes)


def _tested(forecaster: Forecaster, panel: Panel, windows: int) -> tuple[Backtest | None, tuple[str, ...]]:
    try:
        backtest = forecaster.backtest(panel, windows)
    except TooShortError as short:
        return None, (capital(f"{short.what}: the forecast is untested."),)
    return backtest, backtest.notes


def _loaded(path: Path, horizon: int | None) -> _Ready:
    forecaster = Forecaster.load(path)
    if horizon not in (None, forecaster.horizon):
        raise InputError(
            f"the saved model forecasts {forecaster.horizon} steps, not {horizon}",
            where=str(path),
            hint=f"drop {argument('horizon')}, or train a new model without {argument('load')}",
        )
    return _Ready(forecaster, None, (f"The model comes from {path} and learned nothing from these data.",))


def _write(files: Files, forecaster: Forecaster, outcome: Outcome) -> None:
    if files.save:
        forecaster.save(files.save)
    if files.out:
        from ..models.forecast.document import as_csv

        atomic_write(files.out, as_csv(outcome))
    if files.report:
        from ..models.forecast.report import render, shown_first
        from ..models.forecast.report.report import embedded_page

        atomic_write(files.report, render(outcome, embedded_page(forecaster, outcome.panel, shown_first(outcome))))


def _show(outcome: Outcome, *, json: bool) -> None:
    if json:
        from ..models.forecast.document import as_json

        print(as_json(outcome))
        return
    from rich.console import Console

    from .forecast_present import present

    present(outcome, Console(highlight=False, markup=False, emoji=False))
