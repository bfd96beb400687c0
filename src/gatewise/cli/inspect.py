"""``gatewise inspect``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ..errors import ExplanationError, InputError, ModelFileError, argument, located
from .app import DATA, app, failing
from .command import Command, carry_out, check_files
from .options import (
    READING,
    WRITING,
    Dates,
    Decimal,
    Delimiter,
    Duplicates,
    Encoding,
    File,
    Fill,
    Frequency,
    Ignore,
    Missing,
    Skip,
    Text,
    Time,
    option,
    read_options,
)

if TYPE_CHECKING:
    from ..inspect.explain import Explanation, Inside, Refused, Sum
    from ..inspect.explain.views import LayerView
    from ..inspect.subject import Subject
    from ..models.kind import Question
    from ..tables.options import ReadOptions
    from .console import Screen

WHAT = "What is explained"
OF = "A model saved by forecast, detect, classify, generate or translate, or by an estimator's save."
ON = "What such a model reads: a table of series, labelled sequences, a text, or pairs of lines."
DOCUMENT = "Print one JSON document in place of the summary."

_FEW = 5
_DIRECTIONS = ("forward", "backward")


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise inspect``.

    model, data: files; ``read`` and ``label`` say how a table is read. question: what is explained. layer: of the
    summary, counted from 0; None for the last, which the model reads. report: the page to write.
    """

    model: Path
    data: Path
    read: ReadOptions
    question: Question
    layer: int | None = None
    report: Path | None = None
    label: str = "label"


@dataclass(frozen=True)
class Outcome:
    """What the model holds inside, and the layer whose gates and memory are shown."""

    inside: Inside
    layer: int


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the files hold."""
    if None not in (request.question.series, request.question.row):
        raise InputError(f"{argument('series')} and {argument('row')} both say which sequence", hint="give one of them")
    check_files(reads=(request.model, request.data), writes=(), page=request.report)


def run(request: Request) -> Outcome:
    """Look inside, and write the page. Raises GatewiseError."""
    from ..inspect.explain import look_inside
    from ..progress import busy

    with busy("looking inside"):
        inside = look_inside(_subject(request))
    layers = inside.record.module.num_layers
    if request.layer is not None and request.layer >= layers:
        raise InputError(f"there is no layer {request.layer}", hint=f"there are 0 to {layers - 1}")
    if request.report:
        inside.to_html(request.report)
    return Outcome(inside, layers - 1 if request.layer is None else request.layer)


def _subject(request: Request) -> Subject:
    """What the model, of whichever kind it is, says of the data."""
    from ..models.registry import kind_of

    kind = kind_of(request.model, "explain")
    model = kind.load(request.model)
    with located(request.data), located(request.model, kind=ModelFileError):
        data = kind.read(request.data, request.read, label=request.label, model=model)
        return kind.explain(model, data, request.question, source=request.data.name)


class Share(NamedTuple):
    """A part of a sum, with its name."""

    name: str
    number: float


def present(outcome: Outcome, screen: Screen) -> None:
    """Print what the model is, what its gates do, how long it remembers, and what made the chosen output."""
    inside = outcome.inside
    _model(inside, screen)
    for place in inside.places:
        if place.layer == outcome.layer:
            _gates(inside, place, screen)
            _memory(place, screen)
    _outputs(inside, screen)
    for note in inside.notes:
        screen.head(note, "")


def _model(inside: Inside, screen: Screen) -> None:
    subject, module = inside.subject, inside.record.module
    sizes = module.hidden_size if isinstance(module.hidden_size, list) else [module.hidden_size]
    units = " and ".join(str(size) for size in sizes)
    ways = ", both ways" if module.bidirectional else ""
    screen.say(subject.title, "bold")
    screen.say(
        f"{inside.record.cell.name}, layers: {module.num_layers}, units: {units}{ways}, steps: {len(subject.steps)}"
    )
    for name, value in subject.about:
        screen.say(f"{name}: {value}")


def _gates(inside: Inside, place: LayerView, screen: Screen) -> None:
    from ..inspect.memory.saturation import HIGH, LOW

    shares = inside.saturation
    if shares is None:
        return
    direction = f", {_DIRECTIONS[place.direction]}" if inside.record.module.bidirectional else ""
    screen.head(f"Gates, layer {place.layer}{direction}: mean share of steps")
    rows: list[list[str]] = []
    for gate in shares.left:
        means = (share[gate][place.layer][place.direction].mean() for share in (shares.left, shares.right))
        rows.append([gate, *(f"{100 * float(mean):.1f} %" for mean in means)])
    screen.table(("gate", f"shut, below {LOW:g}", f"open, above {HIGH:g}"), rows, wrap_names=True)


def _memory(place: LayerView, screen: Screen) -> None:
    scales = place.timescales
    if scales is None:
        return
    order = scales.tau.argsort(descending=True, stable=True).tolist()
    screen.head(f"How long {scales.state} remembers, in steps (tau: down to 37 %)")
    for what, units in (("longest", order[:_FEW]), ("shortest", order[-_FEW:])):
        screen.say(f"{what}: " + ", ".join(f"{scales.written(unit)} (unit {unit})" for unit in units))
    if scales.censored.any():
        screen.say(f"> marks the {int(scales.censored.sum())} units that remember longer than the sequence is.")
    if place.reach:
        screen.say(f"Beside that: {place.reach}")


def _outputs(inside: Inside, screen: Screen) -> None:
    subject = inside.subject
    chosen = inside.outputs[subject.chosen]
    prediction = chosen.prediction
    screen.head(f"{prediction.label}: {prediction.value:.5g} {prediction.unit}".rstrip())
    if subject.explains:
        screen.say(f"Explanation is the {subject.explains.removeprefix('the ')}.")
    _sum(screen, "written in the memory at", chosen.memory, lambda view: _steps(view, subject.steps))
    _sum(screen, "given by", chosen.credit, lambda view: _inputs(view, subject))
    others = [output for output in inside.outputs if output is not chosen]
    if others:
        screen.head(f"{len(others)} more, --output K for one of them" if len(others) > 1 else "One more, --output K")
        predictions = (output.prediction for output in others)
        screen.say(", ".join(f"{prediction.label}: {prediction.value:.4g}" for prediction in predictions))
    _verdict(inside.outputs, screen)


def _verdict(outputs: Sequence[Explanation], screen: Screen) -> None:
    """How many sums were checked, and those that failed."""
    from ..inspect.explain import Refused, Sum

    views = [view for output in outputs for view in output.views]
    sums = sum(isinstance(view, Sum) for view in views)
    failed = {view.sentence for view in views if isinstance(view, Refused) and view.failed}
    screen.head(" ".join(sorted(failed)) or f"{sums} sums were checked and hold.", "")


def _sum(screen: Screen, what: str, view: Sum | Refused, largest: Callable[[Sum], Iterator[Share]]) -> None:
    from ..inspect.explain import Refused

    screen.say()
    if isinstance(view, Refused):
        if view.failed:
            screen.say(view.sentence)
        return
    shares = [*largest(view), *(Share(*line) for line in view.lines.items())]
    screen.table((what, "share"), [(share.name, f"{share.number:+.4g}") for share in shares], wrap_names=True)
    screen.say(str(view.certificate))


def _steps(view: Sum, steps: Sequence[str]) -> Iterator[Share]:
    return _largest(zip(steps, view.by_step.sum(1).tolist(), strict=True), "all other steps")


def _inputs(view: Sum, subject: Subject) -> Iterator[Share]:
    names = (subject.named(step, place) for step in range(len(subject.steps)) for place in range(len(subject.inputs)))
    return _largest(zip(names, view.by_step.flatten().tolist(), strict=True), "all other inputs")


def _largest(parts: Iterable[tuple[str, float]], rest: str) -> Iterator[Share]:
    """The few largest, then all others together."""
    order = sorted((Share(*part) for part in parts), key=lambda share: -abs(share.number))
    yield from order[:_FEW]
    if order[_FEW:]:
        yield Share(rest, sum(share.number for share in order[_FEW:]))


def as_json(outcome: Outcome) -> str:
    """The document of ``--json``; its keys are listed in `gatewise.inspect.explain.documents`."""
    return outcome.inside.to_json()


COMMAND = Command(run, present, as_json, check)


@app.command()
def inspect(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help=OF, show_default=False)],
    data: Annotated[Path, typer.Argument(metavar="DATA", help=ON, show_default=False)],
    series: Annotated[Text, option(WHAT, "ID", "Which series or sequence. Default: the first.")] = None,
    row: Annotated[int | None, option(WHAT, "N", "Which sequence, counted from 0.", min=0)] = None,
    last: Annotated[int, option(WHAT, "N", "Characters of a text, from its end. Default: 200.", min=1)] = 200,
    output: Annotated[
        Text, option(WHAT, "K", "Step ahead from 1, row, class, or next character, to begin with.")
    ] = None,
    layer: Annotated[int | None, option(WHAT, "N", "In the summary, from 0. Default: the last.", min=0)] = None,
    report: Annotated[File, option(WRITING, "FILE", "One page of HTML to step through, which opens offline.")] = None,
    json: Annotated[bool, typer.Option("--json", help=DOCUMENT, rich_help_panel=WRITING)] = False,
    label: Annotated[str, option(READING, "NAME", "Column of labels, of sequences. Default: label.")] = "label",
    id: Annotated[Text, option(READING, "NAME", "Column that names series or sequences.", "--id-col")] = None,
    time: Time = None,
    target: Annotated[Text, option(READING, "NAME", "Column of values, of series.")] = None,
    frequency: Frequency = None,
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
    """Look inside a model: its gates, its memory, and what its output is made of, in sums that are checked.

    The exit code is 1 if a sum does not add up; that sum is then not shown.
    """

    def ask() -> Request:
        from ..models.kind import Question

        question = Question(series, row, last, output)
        return Request(model, data, read_options(context), question, layer, report, label)

    outcome = carry_out(context, COMMAND, ask, json=json)
    with failing(context, DATA):
        if not outcome.inside.holds:
            raise ExplanationError(
                "an explanation does not add up, and is hidden",
                hint="the sentence in its place says which, and by how much",
            )
