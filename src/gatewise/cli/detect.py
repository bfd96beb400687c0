"""``gatewise detect``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, argument
from .app import app
from .command import Command, carry_out, check_files
from .options import (
    DETECTORS,
    WRITING,
    Dates,
    Decimal,
    Delimiter,
    Duplicates,
    Encoding,
    File,
    Frequency,
    Id,
    Json,
    Missing,
    Season,
    Skip,
    Target,
    Text,
    Time,
    option,
    read_options,
)

if TYPE_CHECKING:
    from ..models.detect.anomalies import Anomalies
    from ..models.detect.detector import Detector
    from ..progress import OnProgress
    from ..tables.options import ReadOptions
    from .console import Screen

SOUGHT = "What is sought"
MOST_ALERTS = 40
"""Alerts that are printed."""
_MODEL = "What rows are compared with: pretrained (the default), or seasonal_naive, which needs no network."
_DATA = "CSV or Parquet, long or wide; with --load, rows after those known."


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise detect``; None leaves it to the default, or to the loaded detector.

    data: the table, and ``read`` how it is read. load, out, report, save: files, of which no other is written but that
    a detector may be saved where it came from. command: the words that ask for this.
    """

    data: Path
    read: ReadOptions
    alerts: str | None = None
    rate: float | None = None
    model: str | None = None
    load: Path | None = None
    out: Path | None = None
    report: Path | None = None
    save: Path | None = None
    command: str = ""

    def detector(self, progress: OnProgress | None) -> Detector:
        """A detector that knows nothing yet. Raises InputError for arguments that it refuses."""
        from ..models.detect.detector import Detector
        from ..models.detect.watch import MODEL

        model = self.model or MODEL
        return Detector(alerts=self.alerts, rate=self.rate, season=self.read.season, model=model, progress=progress)


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the data are."""
    from ..models.arguments import settled

    if request.load:
        settled({"alerts": request.alerts, "rate": request.rate, "model": request.model, "season": request.read.season})
    else:
        request.detector(None)
    own = request.load is not None and request.save is not None and request.load.resolve() == request.save.resolve()
    check_files(
        reads=(request.data, None if own else request.load), writes=(request.out, request.save), page=request.report
    )


def run(request: Request) -> Anomalies:
    """Read or load, judge, and write. Raises GatewiseError, and then leaves no half-written file."""
    from ..progress import progress_bar

    with progress_bar("reading") as progress:
        if request.load:
            from ..models.detect.detector import Detector

            detector = Detector.load(request.load)
            anomalies = detector.update(request.data, read=request.read)
        else:
            detector = request.detector(progress).fit(request.data, read=request.read)
            anomalies = detector.anomalies_
    assert anomalies is not None
    anomalies = replace(anomalies, command=request.command)
    if request.save:
        detector.save(request.save)
    if request.out:
        anomalies.to_csv(request.out)
    if request.report:
        anomalies.to_html(request.report)
    return anomalies


def present(anomalies: Anomalies, screen: Screen) -> None:
    """Print what was read, the verdict, and the alerts."""
    from ..models.detect.results import alert_columns
    from ..words import count, sentence

    for note in anomalies.notes:
        screen.bullet(sentence(note))
    screen.head(anomalies.verdict)
    if anomalies.alerts:
        screen.columns([(head, cells[:MOST_ALERTS]) for head, cells in alert_columns(anomalies)])
    if len(anomalies.alerts) > MOST_ALERTS:
        screen.say(f"... and {count(len(anomalies.alerts) - MOST_ALERTS, 'more alert')}; --json lists them all", "dim")


def as_json(anomalies: Anomalies) -> str:
    """The document of ``--json``; its keys are listed in `Anomalies.to_json`."""
    return anomalies.to_json()


COMMAND = Command(run, present, as_json, check)


def _share(text: str | None) -> float | None:
    """A rate out of words such as ``0.001`` or ``0.1%``. Raises InputError."""
    if text is None:
        return None
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        what = f"{argument('rate')} is {text!r}"
        raise InputError(what, hint="give a share of the rows, such as 0.001 or 0.1%") from error


@app.command()
def detect(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help=_DATA, show_default=False)],
    alerts: Annotated[Text, option(SOUGHT, "N/TIME", "How many may be expected, such as 5/month or 1/1000.")] = None,
    rate: Annotated[Text, option(SOUGHT, "SHARE", "The same as a share of rows. Default: 0.1%.")] = None,
    model: Annotated[Text, option(SOUGHT, "WORD", _MODEL, choices=DETECTORS)] = None,
    load: Annotated[File, option(SOUGHT, "FILE", "Go on with a saved detector.")] = None,
    out: Annotated[File, option(WRITING, "FILE", "Every row with its score, as CSV.")] = None,
    report: Annotated[File, option(WRITING, "FILE", "A page of HTML that opens offline.")] = None,
    save: Annotated[File, option(WRITING, "FILE", "The detector, with up to 8,192 values of each series.")] = None,
    json: Json = False,
    time: Time = None,
    target: Target = None,
    id: Id = None,
    frequency: Frequency = None,
    season: Season = None,
    duplicates: Duplicates = "refuse",
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    skip: Skip = None,
    decimal: Decimal = None,
    dates: Dates = None,
    missing: Missing = None,
) -> None:
    """Find anomalies in every series of a table, each row judged by the rows before it alone."""
    carry_out(
        context,
        COMMAND,
        lambda: Request(
            data=data,
            read=read_options(context),
            alerts=alerts,
            rate=_share(rate),
            model=model,
            load=load,
            out=out,
            report=report,
            save=save,
            command=shlex.join(["gatewise", *context.obj]),
        ),
        json=json,
    )
