"""``gatewise classify``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, argument, located
from ..escape import json_ascii
from .app import app
from .command import Command, carry_out, check_files
from .options import (
    APART,
    MODEL,
    READING,
    SORTED,
    WRITING,
    Decimal,
    Delimiter,
    Encoding,
    File,
    Json,
    Missing,
    Text,
    option,
)

if TYPE_CHECKING:
    from ..models.sequence.classifier import SequenceClassifier
    from ..models.sequence.evaluation import ClassScore, Evaluation
    from ..models.sequence.labelling import Labelling
    from ..tables.options import ReadOptions
    from ..tables.sequences import Labelled, LoadedSequences
    from .console import Screen

FORMS = (
    "Labelled sequences: .ts, or a long table in CSV or Parquet; .ts and CSV also as .gz. With --load also unlabelled."
)
BY_SAVED = "Label DATA by a saved model, and judge it where DATA has labels."
ONE_WAY = "Read forwards only, so that the model can be exported."

_MOST_CLASSES = 16
"""Classes in a table of confusions, at most."""
_MOST_ROWS = 20
"""Sequences whose labels are printed, at most."""


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise classify``.

    data: to learn from, or with ``load`` to be judged, or labelled where it has no labels. label: a column; None for
    ``label``. test: to be judged after learning. bidirectional: False reads forwards only, as a stream and an exported
    file do. out: where the labels of what is judged or labelled go.
    """

    data: Path
    read: ReadOptions
    label: str | None = None
    test: Path | None = None
    epochs: int | None = None
    seed: int = 0
    bidirectional: bool = True
    load: Path | None = None
    save: Path | None = None
    out: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """about: a line on each file. learned: a sentence on the training, or on where the model comes from. evaluation:
    of a labelled file. labelling: of a file that was judged or labelled."""

    about: tuple[str, ...]
    learned: str
    seconds: float
    evaluation: Evaluation | None = None
    labelling: Labelling | None = None


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the data are."""
    if request.load and (request.test or request.save or request.epochs or not request.bidirectional):
        raise InputError(
            f"{', '.join(map(argument, ('test', 'save', 'epochs')))} and {argument('bidirectional', False)} "
            f"cannot be used with {argument('load')}",
            hint="a saved model labels the data, and is judged where they have labels",
        )
    if not (request.load or request.test or request.save):
        raise InputError(
            "there is nothing to do", hint=f"add {argument('test')}, or {argument('save')} to keep what is learned"
        )
    if request.out and not (request.load or request.test):
        raise InputError(
            f"{argument('out')} needs {argument('test')} or {argument('load')}", hint="name the sequences to label"
        )
    check_files(reads=(request.data, request.test, request.load), writes=(request.save, request.out))


def run(request: Request) -> Outcome:
    """Read, train or load, save, and judge. Raises GatewiseError."""
    from ..models.sequence.classifier import SequenceClassifier
    from ..tables.labelled import load_labelled

    if request.load:
        return _labelled(SequenceClassifier.load(request.load), request)
    label = {} if request.label is None else {"label": request.label}
    data = load_labelled(request.data, request.read, **label)
    about = [_description(request.data, data)]
    test = load_labelled(request.test, request.read, **label) if request.test else None
    if request.test and test:
        about.append(_description(request.test, test))
    start = time.monotonic()
    model = _trained(data, request)
    seconds = time.monotonic() - start
    if request.save:
        model.save(request.save)
    judged = _judged(model, test, request.test, request.out) if request.test and test else {}
    return Outcome(tuple(about), _training(model, seconds), seconds, **judged)


def _labelled(model: SequenceClassifier, request: Request) -> Outcome:
    """Sequences labelled by a saved model, which is judged where they have labels."""
    from ..tables.labelled import load_sequences

    data = load_sequences(request.data, request.read, label=request.label)
    judged = _judged(model, data, request.data, request.out)
    return Outcome((_description(request.data, data),), f"The model comes from {request.load}.", 0.0, **judged)


def _judged(
    model: SequenceClassifier, data: Labelled | LoadedSequences, path: Path, out: Path | None
) -> dict[str, Any]:
    """The labels that the model gives, and how right they are if that can be told."""
    from ..models.sequence.labelling import labelling

    with located(path):
        labels = labelling(model, data.sequences)
        scores = None if data.labels is None else model.evaluate(data.sequences, list(data.labels))
    if out:
        labels.to_csv(out)
    return {"evaluation": scores, "labelling": labels}


def _trained(data: Labelled, request: Request) -> SequenceClassifier:
    from ..models.sequence.classifier import SequenceClassifier

    settings: dict[str, Any] = {"max_epochs": request.epochs} if request.epochs else {}
    model = SequenceClassifier(random_state=request.seed, bidirectional=request.bidirectional, verbose=True, **settings)
    with located(request.data):
        return model.fit(data.sequences, list(data.labels))


def _description(path: Path, data: Labelled | LoadedSequences) -> str:
    """One line on what was read."""
    from ..words import count

    sequences = data.sequences
    low, high = int(sequences.lengths.min()), int(sequences.lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high}"
    names = f": {', '.join(sequences.features)}" if sequences.features else ""
    classes = "no labels" if data.labels is None else f"{len(set(data.labels))} classes"
    counts = f"{count(len(sequences), 'sequence')} of {steps} steps, {classes}, {count(sequences.width, 'feature')}"
    notes = "".join(f"; {note}" for note in data.notes)
    return f"{path.name}: {counts}{names}{notes}"


def _training(model: SequenceClassifier, seconds: float) -> str:
    loss = model.validation_loss_
    held_out = "nothing held out" if loss is None else f"{loss:.4f} nats held out"
    return f"Trained in {seconds:.1f} s: {model.n_iter_} epochs, {held_out}."


def present(outcome: Outcome, screen: Screen) -> None:
    """Print what was read, the accuracy, each class, and what is taken for what; or labels, where none are known."""
    for sentence in (*outcome.about, outcome.learned):
        screen.say(sentence)
    if outcome.evaluation:
        _present_scores(outcome.evaluation, screen)
    elif outcome.labelling:
        _present_labels(outcome.labelling, screen)


def _present_labels(labels: Labelling, screen: Screen) -> None:
    from ..words import count

    screen.head(", ".join(f"{number} {label}" for label, number in labels.counts().items()))
    screen.say()
    rows = labels.rows()
    screen.table(
        ("sequence", "label", "probability"),
        [(str(id), str(label), f"{probability:.3f}") for id, label, probability in rows[:_MOST_ROWS]],
    )
    if len(rows) > _MOST_ROWS:
        more = count(len(rows) - _MOST_ROWS, "more sequence")
        screen.say(f"... and {more}; --out FILE.csv writes them all", "dim")


def _present_scores(scores: Evaluation, screen: Screen) -> None:
    from ..words import capital

    screen.head(capital(str(scores)))
    screen.say()
    screen.table(("class", "precision", "recall", "F1", "sequences"), map(_cells, scores.classes))
    if len(scores.classes) <= _MOST_CLASSES:
        screen.head("Rows are actual labels, columns predicted ones", "dim")
        labels = [score.label for score in scores.classes]
        counts = [[str(count) if count else "." for count in row] for row in scores.confusion.tolist()]
        screen.table(("", *labels), [[label, *row] for label, row in zip(labels, counts, strict=True)])


def _cells(score: ClassScore) -> list[str]:
    figures = (score.precision, score.recall, score.f1)
    return [score.label, *("-" if figure is None else f"{figure:.3f}" for figure in figures), str(score.sequences)]


def as_json(outcome: Outcome) -> str:
    """One line of JSON: ``data``, ``learned``, ``seconds``, and of the judged file ``accuracy``, ``classes`` (for each
    ``label``, ``precision``, ``recall``, ``f1``, ``sequences``), ``confusion`` (rows actual, columns predicted) and
    ``predicted``; of a file without labels ``labels`` (for each sequence ``id``, ``label``, ``probability``).
    """
    document: dict[str, Any] = {"data": outcome.about, "learned": outcome.learned, "seconds": outcome.seconds}
    if scores := outcome.evaluation:
        document |= {"accuracy": scores.accuracy, "classes": [score._asdict() for score in scores.classes]}
        document |= {"confusion": scores.confusion.tolist(), "predicted": scores.predicted.tolist()}
    elif outcome.labelling:
        document |= {"labels": [row._asdict() for row in outcome.labelling.rows()]}
    return json_ascii(document)


COMMAND = Command(run, present, as_json, check)


@app.command()
def classify(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help=FORMS, show_default=False)],
    test: Annotated[File, option(MODEL, "FILE", "Sequences to judge the model on.")] = None,
    epochs: Annotated[int | None, option(MODEL, "N", "Passes over DATA, at most.", min=1)] = None,
    seed: Annotated[int, option(MODEL, "N", "Same seed, same model. Default: 0.", min=0)] = 0,
    bidirectional: Annotated[bool, option(MODEL, None, ONE_WAY, " /--one-way")] = True,
    load: Annotated[File, option(MODEL, "FILE", "A saved model labels DATA; it is judged if they have labels.")] = None,
    label: Annotated[Text, option(READING, "NAME", "Column of labels in a table. Default: label.")] = None,
    id: Annotated[str, option(READING, "NAME", f"{APART} Default: id.", "--id-col")] = "id",
    time: Annotated[Text, option(READING, "NAME", SORTED, "--time-col")] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    missing: Missing = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
    out: Annotated[File, option(WRITING, "FILE", "The label of each sequence and its probability, as CSV.")] = None,
    json: Json = False,
) -> None:
    """Learn to label sequences, label others, and measure how well they are labelled."""

    def ask() -> Request:
        from ..tables.options import ReadOptions

        read = ReadOptions(id=id, time=time, encoding=encoding, delimiter=delimiter, decimal=decimal, missing=missing)
        return Request(data, read, label, test, epochs, seed, bidirectional, load, save, out)

    carry_out(context, COMMAND, ask, json=json)
