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
from .options import APART, MODEL, READING, SORTED, WRITING, Decimal, Delimiter, Encoding, File, Json, Text, option

if TYPE_CHECKING:
    from ..models.sequence.classifier import SequenceClassifier
    from ..models.sequence.evaluation import ClassScore, Evaluation
    from ..tables.options import ReadOptions
    from ..tables.sequences import Labelled
    from .console import Screen

FORMS = "Labelled sequences: .ts, or a long table in CSV or Parquet; .ts and CSV also as .gz."
ONE_WAY = "Read forwards only, so that the model can be exported."

_MOST_CLASSES = 16
"""Classes in a table of confusions, at most."""


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise classify``.

    data: to learn from, or with ``load`` to be judged. test: to be judged after learning. bidirectional: False reads
    forwards only, as a stream and an exported file do.
    """

    data: Path
    read: ReadOptions
    label: str = "label"
    test: Path | None = None
    epochs: int | None = None
    seed: int = 0
    bidirectional: bool = True
    load: Path | None = None
    save: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """about: a line on each file. learned: a sentence on the training, or on where the model comes from."""

    about: tuple[str, ...]
    learned: str
    seconds: float
    evaluation: Evaluation | None


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the data are."""
    if request.load and (request.test or request.save or request.epochs or not request.bidirectional):
        raise InputError(
            f"{', '.join(map(argument, ('test', 'save', 'epochs')))} and {argument('bidirectional', False)} "
            f"cannot be used with {argument('load')}",
            hint="a saved model is judged on the data",
        )
    if not (request.load or request.test or request.save):
        raise InputError(
            "there is nothing to do", hint=f"add {argument('test')}, or {argument('save')} to keep what is learned"
        )
    check_files(reads=(request.data, request.test, request.load), writes=(request.save,))


def run(request: Request) -> Outcome:
    """Read, train or load, save, and judge. Raises GatewiseError."""
    from ..models.sequence.classifier import SequenceClassifier
    from ..tables.labelled import load_labelled

    data = load_labelled(request.data, request.read, label=request.label)
    about = [_description(request.data, data)]
    if request.load:
        model = SequenceClassifier.load(request.load)
        evaluation = _evaluated(model, data, request.data)
        return Outcome(tuple(about), f"The model comes from {request.load}.", 0.0, evaluation)
    test = load_labelled(request.test, request.read, label=request.label) if request.test else None
    if request.test and test:
        about.append(_description(request.test, test))
    start = time.monotonic()
    model = _trained(data, request)
    seconds = time.monotonic() - start
    if request.save:
        model.save(request.save)
    evaluation = _evaluated(model, test, request.test) if request.test and test else None
    return Outcome(tuple(about), _training(model, seconds), seconds, evaluation)


def _trained(data: Labelled, request: Request) -> SequenceClassifier:
    from ..models.sequence.classifier import SequenceClassifier

    settings: dict[str, Any] = {"max_epochs": request.epochs} if request.epochs else {}
    model = SequenceClassifier(random_state=request.seed, bidirectional=request.bidirectional, verbose=True, **settings)
    with located(request.data):
        return model.fit(data.sequences, list(data.labels))


def _evaluated(model: SequenceClassifier, data: Labelled, path: Path) -> Evaluation:
    with located(path):
        return model.evaluate(data.sequences, list(data.labels))


def _description(path: Path, data: Labelled) -> str:
    """One line on what was read."""
    sequences = data.sequences
    low, high = int(sequences.lengths.min()), int(sequences.lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high}"
    names = f": {', '.join(sequences.features)}" if sequences.features else ""
    classes = len(set(data.labels))
    counts = f"{len(sequences)} sequences of {steps} steps, {classes} classes, {sequences.width} features"
    notes = "".join(f"; {note}" for note in data.notes)
    return f"{path.name}: {counts}{names}{notes}"


def _training(model: SequenceClassifier, seconds: float) -> str:
    loss = model.validation_loss_
    held_out = "nothing held out" if loss is None else f"{loss:.4f} nats held out"
    return f"Trained in {seconds:.1f} s: {model.n_iter_} epochs, {held_out}."


def present(outcome: Outcome, screen: Screen) -> None:
    """Print what was read, the accuracy, each class, and what is taken for what."""
    from ..words import capital

    for sentence in (*outcome.about, outcome.learned):
        screen.say(sentence)
    scores = outcome.evaluation
    if scores is None:
        return
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
    ``predicted``.
    """
    document: dict[str, Any] = {"data": outcome.about, "learned": outcome.learned, "seconds": outcome.seconds}
    if scores := outcome.evaluation:
        document |= {"accuracy": scores.accuracy, "classes": [score._asdict() for score in scores.classes]}
        document |= {"confusion": scores.confusion.tolist(), "predicted": scores.predicted.tolist()}
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
    load: Annotated[File, option(MODEL, "FILE", "Judge a saved model on DATA, training nothing.")] = None,
    label: Annotated[str, option(READING, "NAME", "Column of labels in a table. Default: label.")] = "label",
    id: Annotated[str, option(READING, "NAME", f"{APART} Default: id.", "--id-col")] = "id",
    time: Annotated[Text, option(READING, "NAME", SORTED, "--time-col")] = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
    json: Json = False,
) -> None:
    """Learn to label sequences, and measure how well others are labelled."""

    def ask() -> Request:
        from ..tables.options import ReadOptions

        read = ReadOptions(id=id, time=time, encoding=encoding, delimiter=delimiter, decimal=decimal)
        return Request(data, read, label, test, epochs, seed, bidirectional, load, save)

    carry_out(context, COMMAND, ask, json=json)
