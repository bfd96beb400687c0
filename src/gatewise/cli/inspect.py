"""``gatewise inspect``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from .app import DATA, READING, USAGE, WRITING, File, Text, app, complain, failing, option
from .reading import Decimal, Delimiter, Duplicates, Encoding, Fill, Frequency, Time

if TYPE_CHECKING:
    from ..inspect.subject import Subject
    from ..models.kind import Question
    from ..tables.options import ReadOptions

WHAT = "What is looked at"
OF = "A model saved by forecast, classify or generate, or by an estimator's save."
ON = "What such a model reads: a table of series, labelled sequences, or a text."
DOCUMENT = "Print one JSON document in place of the summary."


@app.command()
def inspect(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help=OF, show_default=False)],
    data: Annotated[Path, typer.Argument(metavar="DATA", help=ON, show_default=False)],
    series: Annotated[Text, option(WHAT, "ID", "Which series or sequence. Default: the first.")] = None,
    row: Annotated[int | None, option(WHAT, "N", "Which sequence, counted from 0.", min=0)] = None,
    last: Annotated[int, option(WHAT, "N", "Characters of a text, from its end. Default: 200.", min=1)] = 200,
    output: Annotated[Text, option(WHAT, "K", "Step ahead from 1, class, or next character, to begin with.")] = None,
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
    decimal: Decimal = None,
) -> None:
    """Look inside a model: its gates, its memory, and what made what it said, with sums that are checked.

    Ends with 1 where a sum does not check; it is then not shown.
    """
    with failing(context, USAGE):
        from ..models.kind import Question
        from ..tables.options import ReadOptions

        table = time, target, id, frequency, None
        reading = ReadOptions(*table, cast(Any, fill), cast(Any, duplicates), encoding, delimiter, decimal)
        question = Question(series, row, last, output)
        _check(model, data, report, both=None not in (series, row))
    with failing(context, DATA):
        from ..progress import busy
        from .inspect_run import looked, show

        with busy("looking inside"):
            inside = looked(_looked_at(model, data, reading, label, question), layer)
        holds = show(inside, report, layer, json=json)
    if not holds:
        complain("a sum does not check, and is not shown", "the sentence in its place says which, and by how much")
        raise typer.Exit(DATA)


def _check(model: Path, data: Path, report: Path | None, *, both: bool) -> None:
    """Raise InputError for words that cannot be followed, whatever the files hold."""
    from ..errors import InputError, argument
    from ..files import check_writable

    if both:
        raise InputError(f"{argument('series')} and {argument('row')} both say which sequence", hint="give one of them")
    if report:
        check_writable(report)
        if report.resolve() in (model.resolve(), data.resolve()):
            raise InputError("this file is named twice", where=str(report), hint="give the page a name of its own")
        import_module("jinja2")


def _looked_at(model: Path, data: Path, options: ReadOptions, label: str, question: Question) -> Subject:
    """What the model of this file, of whichever kind it is, has to show."""
    from ..errors import ModelFileError, located
    from ..models.registry import kind_of

    kind = kind_of(model, "explain")
    loaded = kind.load(model)
    with located(data), located(model, kind=ModelFileError):
        return kind.explain(loaded, kind.read(data, options, label=label), question, source=data.name)
