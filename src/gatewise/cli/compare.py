"""``gatewise compare``."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, argument, located
from .app import app
from .command import Command, carry_out, check_files
from .options import (
    APART,
    MODEL,
    READING,
    SORTED,
    UNITS,
    WRITING,
    Dates,
    Decimal,
    Delimiter,
    Duplicates,
    Encoding,
    File,
    Fill,
    Frequency,
    Json,
    Missing,
    Season,
    Skip,
    Text,
    Widths,
    option,
    read_options,
    widths_in,
)

if TYPE_CHECKING:
    from ..models.compare.comparison import Comparison
    from ..models.compare.task import Task
    from ..tables.options import ReadOptions
    from ..tables.sequences import Labelled
    from .console import Screen

FORMS = "Labelled sequences: .ts, or a long table in CSV or Parquet; a table of series; or pairs of lines."
SECOND = "Where DATA holds sources alone, line by line: their translations."
TASKS = ("classify", "regress", "forecast", "translate")
NETWORKS = "Of lstm, gru, rnn or any cell, tcn, transformer; with commas between. Default: these."
OWN = "A cell of your own beside them: module:cell, or path/to/file.py:cell. May be given again."
TIME = "Time for the whole. Default: 5."
COUNTED = "Updates of every training, in place of time: the same scores again."
INDIFFERENT = "Difference of scores that matters to nobody."
FAIR = "The same for all"

_LABEL = "label"
_TS = (".ts", ".ts.gz")
_OF_PAIRS = ("translations", "references", "source", "units", "vocabulary_size")
_UNUSED = {"forecast": ("test", "seed", *_OF_PAIRS), "translate": ("horizon", "windows")}
"""What a task does not take; of those that are not named, all that belongs to these two."""


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise compare``; None leaves it to the default.

    data: to learn from, and to hold a part of out where there is no ``test``. task: of `TASKS`; None where the file
    says it. models: words. cells: further cells, in words. conditions: arguments of `gatewise.compare.compare`, of
    those that were given. seed: of what is held out. horizon, windows: of forecasts. command: the words that ask for
    this, for readers who want to repeat it. translations, references: of ``data`` and ``test``, where they hold sources
    alone. source: the column of sources; that of translations is ``read.target``. units, vocabulary_size: of lines.
    """

    data: Path
    read: ReadOptions
    task: str | None = None
    label: str = _LABEL
    test: Path | None = None
    models: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seed: int | None = None
    horizon: int | None = None
    windows: int | None = None
    translations: Path | None = None
    references: Path | None = None
    source: str | None = None
    units: str | None = None
    vocabulary_size: int | None = None
    report: Path | None = None
    command: str = ""

    @property
    def word(self) -> str:
        """The task. Raises InputError for one that is unknown, and where nothing says it."""
        if self.task is None:
            if self.translations is not None:
                return "translate"
            if self.data.name.lower().endswith(_TS):
                return "classify"
            what = "what is to be learned of a table is not said"
            raise InputError(what, hint=f"add {argument('task')} with one of {', '.join(TASKS)}")
        if self.task not in TASKS:
            raise InputError(f"{argument('task')} is {self.task!r}", hint=f"choose one of {', '.join(TASKS)}")
        return self.task


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the data are."""
    from ..models.compare.contestants import contestants

    if {"updates", "minutes"} <= request.conditions.keys():
        raise InputError(f"{argument('updates')} and {argument('minutes')} exclude each other", hint="drop one of them")
    _check_task(request)
    around = "translator" if request.word == "translate" else "body"
    contestants(request.models or None, request.cells, around, request.conditions.get("widths"))
    reads = (request.data, request.translations, request.test, request.references)
    check_files(reads=reads, writes=(), page=request.report)


def _check_task(request: Request) -> None:
    """Raise InputError for what the task does not take, and for a horizon that it lacks."""
    word = request.word
    for name in _UNUSED.get(word, (*_UNUSED["translate"], *_OF_PAIRS)):
        if getattr(request, name) is not None:
            what = f"{argument(name)} cannot be used with {argument('task', word)}"
            tested_at_the_end = word == "forecast" and name not in _OF_PAIRS
            raise InputError(
                what, hint="forecasts are tested on the last steps" if tested_at_the_end else "leave it out"
            )
    if word == "forecast" and request.horizon is None:
        hint = f"give the number of steps to forecast, such as {argument('horizon', 12)}"
        raise InputError(f"{argument('horizon')} is missing", hint=hint)
    if word == "translate":
        _check_reading(request)


def _check_reading(request: Request) -> None:
    """Raise InputError for options by which tables of series or sequences are read, and pairs are not."""
    from ..tables.options import ReadOptions

    if request.read != ReadOptions(target=request.read.target) or request.label != _LABEL:
        what = f"pairs of lines are read by {argument('source')} and {argument('target')} alone"
        raise InputError(what, hint="leave the other options about reading out")


def run(request: Request) -> Comparison:
    """Read, compare, and write the page. Raises GatewiseError."""
    begun = time.monotonic()
    from ..models.compare.run import compare as compared
    from ..progress import progress_bar

    task = _task(request)
    with progress_bar("comparing") as progress, located(request.data):
        comparison = compared(
            task,
            models=request.models or None,
            cells=request.cells,
            **request.conditions,
            progress=progress,
            begun=begun,
        )
    comparison = replace(comparison, command=request.command)
    if request.report:
        comparison.to_html(request.report)
    return comparison


def _task(request: Request) -> Task:
    if request.word == "translate":
        return _pairs(request)
    if request.horizon is not None:
        from ..models.compare.series import forecasting

        horizon, windows = request.horizon, request.windows
        return forecasting(request.data, horizon, read=request.read, windows=windows, source=request.data.name)
    from ..models.compare import sequences
    from ..tables.labelled import load_labelled

    make = {"classify": sequences.classification, "regress": sequences.regression}[request.word]
    data = load_labelled(request.data, request.read, label=request.label)
    test = load_labelled(request.test, request.read, label=request.label) if request.test else None
    with located(request.data):
        return make(
            data.sequences,
            _answers(request, data),
            test=(test.sequences, _answers(request, test)) if test else None,
            seed=request.seed or 0,
            source=request.data.name,
        )


def _pairs(request: Request) -> Task:
    from ..models.compare.pairs import translation
    from ..tables.parallel import load_pairs

    columns = {"source": request.source, "target": request.read.target}
    pairs = load_pairs(request.data, request.translations, **columns)
    test = load_pairs(request.test, request.references, **columns) if request.test else None
    with located(pairs.name):
        return translation(
            pairs.source,
            pairs.target,
            test=(test.source, test.target) if test else None,
            **_given({"units": request.units, "vocabulary_size": request.vocabulary_size}),
            seed=request.seed or 0,
            source=pairs.name,
        )


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """Those that somebody gave."""
    return {name: value for name, value in arguments.items() if value is not None}


def _answers(request: Request, data: Labelled) -> list[str] | list[float]:
    """Labels as they are, or as numbers. Raises InputError for one that is none."""
    if request.word == "classify":
        return list(data.labels)
    values: list[float] = []
    for row, label in enumerate(data.labels):
        try:
            values.append(float(label))
        except ValueError as error:
            what = f"{label!r}, the {request.label} of sequence {row}, is not a number"
            raise InputError(what, hint=f"use {argument('task', 'classify')} for labels") from error
    return values


def present(outcome: Comparison, screen: Screen) -> None:
    """Print the verdict, the table, what was the same for all, and what else is to be known."""
    from ..models.compare.document import columns, conditions
    from ..words import sentence

    screen.say(outcome.source, "bold")
    screen.say(outcome.verdict)
    screen.say()
    screen.columns(columns(outcome))
    screen.head("The same for all")
    for line in (*conditions(outcome), *outcome.notes):
        screen.bullet(sentence(line))


def as_json(outcome: Comparison) -> str:
    """The document of ``--json``; its keys are listed in `Comparison.to_json`."""
    return outcome.to_json()


COMMAND = Command(run, present, as_json, check)


@app.command()
def compare(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help=FORMS, show_default=False)],
    translations: Annotated[File, typer.Argument(metavar="TRANSLATIONS", help=SECOND, show_default=False)] = None,
    task: Annotated[Text, option(MODEL, "WORD", f"{', '.join(TASKS)}. Of .ts classify.", choices=TASKS)] = None,
    test: Annotated[File, option(MODEL, "FILE", "To test on, as DATA; else a quarter of DATA.")] = None,
    references: Annotated[File, option(MODEL, "FILE", "Translations, where the test has sources alone.")] = None,
    models: Annotated[Text, option(MODEL, "NAMES", NETWORKS)] = None,
    horizon: Annotated[int | None, option(MODEL, "N", "Steps to forecast.", min=1)] = None,
    windows: Annotated[int | None, option(MODEL, "N", "Horizons to test on. Default: half of DATA, 8.", min=1)] = None,
    units: Annotated[
        Text, option(MODEL, "WORD", f"Of lines: {', '.join(UNITS)}. Default: auto.", choices=UNITS)
    ] = None,
    vocabulary_size: Annotated[
        int | None, option(MODEL, "N", "Subwords or words, at most. Default: 2000.", "--vocabulary")
    ] = None,
    cells: Annotated[list[str] | None, option(MODEL, "MODULE:CELL", OWN, "--cell")] = None,
    widths: Widths = None,
    minutes: Annotated[float | None, option(FAIR, "N", TIME)] = None,
    updates: Annotated[int | None, option(FAIR, "N", COUNTED, min=1)] = None,
    seeds: Annotated[int | None, option(FAIR, "N", "Networks of each model. Default: 3.", min=1)] = None,
    parameters: Annotated[
        int | None, option(FAIR, "N", "Of each network. Default: 20000, for lines more.", min=1)
    ] = None,
    indifference: Annotated[float | None, option(FAIR, "X", INDIFFERENT)] = None,
    seed: Annotated[int | None, option(FAIR, "N", "Of what is held out. Default: 0.", min=0)] = None,
    label: Annotated[str, option(READING, "NAME", "Column of labels in a table. Default: label.")] = _LABEL,
    id: Annotated[Text, option(READING, "NAME", f"{APART} Default: id.", "--id-col")] = None,
    time: Annotated[Text, option(READING, "NAME", f"{SORTED} Of series: of times.", "--time-col")] = None,
    source: Annotated[Text, option(READING, "NAME", "Column of sources. Default: the first of two.")] = None,
    target: Annotated[Text, option(READING, "NAME", "Column of values, or of translations.")] = None,
    frequency: Frequency = None,
    season: Season = None,
    fill: Fill = "none",
    duplicates: Duplicates = "refuse",
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    skip: Skip = None,
    decimal: Decimal = None,
    dates: Dates = None,
    missing: Missing = None,
    report: Annotated[File, option(WRITING, "FILE", "One page of HTML that opens offline.")] = None,
    json: Json = False,
) -> None:
    """Which kind of model your data want: LSTM, GRU, convolutions, Transformer, under equal conditions."""
    told: dict[str, Any] = {
        "minutes": minutes,
        "updates": updates,
        "seeds": seeds,
        "parameters": parameters,
        "indifference": indifference,
    }
    carry_out(
        context,
        COMMAND,
        lambda: Request(
            data=data,
            read=read_options(context),
            task=task,
            label=label,
            test=test,
            models=tuple(models.split(",")) if models else (),
            cells=tuple(cells or ()),
            conditions=_given({**told, "widths": widths_in(widths)}),
            seed=seed,
            horizon=horizon,
            windows=windows,
            translations=translations,
            references=references,
            source=source,
            units=units,
            vocabulary_size=vocabulary_size,
            report=report,
            command=shlex.join(["gatewise", *context.obj]),
        ),
        json=json,
    )
