"""What a user asks of ``gatewise forecast``, and what can be refused before the data are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import InputError, argument
from ..files import check_writable
from ..models.arguments import percents, seconds
from ..models.forecast.estimator import AUTO, WINDOWS, Forecaster
from ..progress import OnProgress
from ..tables.options import ReadOptions


@dataclass(frozen=True)
class Plan:
    """How to forecast; None leaves it to the default, or to the loaded model. backtest: how many windows."""

    horizon: int | None = None
    model: str | None = None
    level: str | None = None
    seed: int | None = None
    budget: str | None = None
    backtest: int | None = None

    @property
    def windows(self) -> int:
        """Windows to test on."""
        return WINDOWS if self.backtest is None else self.backtest

    @property
    def auto(self) -> bool:
        """Whether the backtest chooses the model."""
        return self.model in (None, AUTO)

    def forecaster(self, progress: OnProgress | None, share: float = 1.0) -> Forecaster:
        """An unfitted forecaster with ``share`` of the budget. Raises InputError for what it cannot take."""
        if self.horizon is None:
            raise InputError(
                f"{argument('horizon')} is missing",
                hint=f"give the number of steps to forecast, such as {argument('horizon', 12)}",
            )
        given: dict[str, Any] = {"model": self.model, "levels": _levels(self.level), "seed": self.seed}
        budget = seconds(self.budget)
        return Forecaster(
            self.horizon,
            budget=budget and share * budget,
            progress=progress,
            **{name: value for name, value in given.items() if value is not None},
        )


@dataclass(frozen=True)
class Files:
    """The files named on the command line: no other is written."""

    out: Path | None = None
    report: Path | None = None
    save: Path | None = None
    load: Path | None = None


@dataclass(frozen=True)
class Request:
    """One call of the command. command: its words, for whoever wants to repeat it."""

    data: Path
    reading: ReadOptions
    plan: Plan
    files: Files
    command: str
    json: bool = False


def check(request: Request) -> None:
    """Raise InputError for words that cannot be followed, whatever the data are."""
    plan = request.plan
    if request.files.load:
        _check_load(request)
    else:
        plan.forecaster(None)
        if plan.auto and plan.windows == 0:
            raise InputError(
                "without a backtest there is nothing to choose a model by",
                hint=f"add {argument('model', 'lstm')}, or drop {argument('backtest', 0)}",
            )
    _check_files(request)
    if request.files.report:
        import_module("jinja2")  # better missed now than after the training


def _check_load(request: Request) -> None:
    asked = {**asdict(request.plan), "season": request.reading.season, "horizon": None}
    for name, value in asked.items():
        if value is not None:
            raise InputError(
                f"{argument(name)} cannot be used with {argument('load')}: the saved model has settled it",
                hint=f"drop {argument(name)}, or train a new model without {argument('load')}",
            )


def _check_files(request: Request) -> None:
    files = request.files
    taken = {path.resolve() for path in (request.data, files.load) if path}
    for path in (files.out, files.report, files.save):
        if path:
            check_writable(path)
            if path.resolve() in taken:
                raise InputError("this file is named twice", where=str(path), hint="give each output a name of its own")
            taken.add(path.resolve())


def _levels(text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else percents([int(word) for word in text.split(",")])
    except ValueError as error:  # InputError is one
        raise InputError(
            f"{argument('level')} is {text!r}", hint="give whole percents from 1 to 99, such as 80,95"
        ) from error
