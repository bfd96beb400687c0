"""The flow of ``gatewise classify``: read, train or load, judge, write, show."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import InputError, argument, located
from ..escape import visible
from ..files import check_writable
from ..models.sequence.classifier import SequenceClassifier
from ..tables.labelled import load_labelled
from ..tables.options import ReadOptions
from ..tables.sequences import Labelled


class ClassScore(NamedTuple):
    """Of one label: precision, recall and F1, None where undefined, and how many sequences have it."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    sequences: int


class Judgement(NamedTuple):
    """confusion: (C, C) counts, rows actual and columns predicted, in the order of the classes."""

    accuracy: float
    right: int
    total: int
    classes: list[ClassScore]
    confusion: list[list[int]]
    predicted: list[str]


def judged(classes: Sequence[str], actual: Sequence[str], predicted: Sequence[str]) -> Judgement:
    """Of labels that are all among the classes."""
    place = {label: index for index, label in enumerate(classes)}
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, ([place[label] for label in actual], [place[label] for label in predicted]), 1)
    right = int(confusion.trace())
    scores = [_score(label, confusion, index) for index, label in enumerate(classes)]
    return Judgement(right / len(actual), right, len(actual), scores, confusion.tolist(), list(predicted))


def _score(label: str, confusion: np.ndarray, index: int) -> ClassScore:
    hits = int(confusion[index, index])
    said, there = int(confusion[:, index].sum()), int(confusion[index].sum())
    f1 = 2 * hits / (said + there) if said + there else None
    return ClassScore(label, hits / said if said else None, hits / there if there else None, f1, there)


@dataclass(frozen=True)
class Request:
    """One call. data: to learn from, or with ``load`` to be judged. test: to be judged after learning. one_way: read
    forwards only, as a stream and an exported file do."""

    data: Path
    test: Path | None
    reading: ReadOptions
    label: str
    seed: int
    epochs: int | None
    one_way: bool
    save: Path | None
    load: Path | None
    json: bool


@dataclass(frozen=True)
class Outcome:
    """What came of it. learned: words on the training, or on where the model comes from."""

    about: tuple[str, ...]
    learned: str
    seconds: float
    judgement: Judgement | None


def check(request: Request) -> None:
    """Raise InputError for words that cannot be followed, whatever the data are."""
    if request.load and (request.test or request.save or request.epochs or request.one_way):
        raise InputError(
            f"{', '.join(map(argument, ('test', 'save', 'epochs')))} and {argument('bidirectional', False)} "
            f"cannot be used with {argument('load')}",
            hint="a saved model is judged on the data",
        )
    if not (request.load or request.test or request.save):
        raise InputError(
            "there is nothing to do", hint=f"add {argument('test')}, or {argument('save')} to keep what is learned"
        )
    if request.save:
        check_writable(request.save)
        if request.save.resolve() in {path.resolve() for path in (request.data, request.test) if path}:
            raise InputError("this file is named twice", where=str(request.save), hint="give each a name of its own")


def run(request: Request) -> None:
    """Do what was asked. Raises GatewiseError."""
    outcome = carry_out(request)
    if request.json:
        print(as_json(outcome))
        return

    present(outcome)


def carry_out(request: Request) -> Outcome:
    """Read, train or load, judge, save."""
    data = load_labelled(request.data, request.reading, label=request.label)
    about = [describe(request.data, data)]
    if request.load:
        model = SequenceClassifier.load(request.load)
        return Outcome(tuple(about), f"The model comes from {request.load}.", 0.0, judge(model, data, request.data))
    test = load_labelled(request.test, request.reading, label=request.label) if request.test else None
    if request.test and test:
        about.append(describe(request.test, test))
    begun = time.monotonic()
    model = _trained(data, request)
    seconds = time.monotonic() - begun
    if request.save:
        model.save(request.save)
    judgement = judge(model, test, request.test) if request.test and test else None
    return Outcome(tuple(about), _course(model, seconds), seconds, judgement)


def _trained(data: Labelled, request: Request) -> SequenceClassifier:
    given: dict[str, Any] = {"max_epochs": request.epochs} if request.epochs else {}
    model = SequenceClassifier(random_state=request.seed, bidirectional=not request.one_way, verbose=True, **given)
    with located(request.data):
        return model.fit(data.sequences, list(data.labels))


def judge(model: SequenceClassifier, data: Labelled, path: Path) -> Judgement:
    """How well the model labels the data. Raises InputError for a label that it does not know."""
    known = set(model.classes_.tolist())
    for row, label in enumerate(data.labels):
        if label not in known:
            hint = f"it knows {', '.join(map(repr, list(known)[:8]))}"
            raise InputError(
                f"the model has not learned the label {label!r} of sequence {row}", where=str(path), hint=hint
            )
    with located(path):
        predicted = model.predict(data.sequences).tolist()
    return judged(model.classes_.tolist(), list(data.labels), predicted)


def describe(path: Path, data: Labelled) -> str:
    """One line on what was read."""
    found = data.sequences
    low, high = int(found.lengths.min()), int(found.lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high}"
    names = f": {', '.join(found.features)}" if found.features else ""
    classes = len(set(data.labels))
    notes = "".join(f"; {note}" for note in data.notes)
    counts = f"{len(found)} sequences of {steps} steps, {classes} classes, {found.width} features"
    return f"{path.name}: {counts}{names}{notes}"


def _course(model: SequenceClassifier, seconds: float) -> str:
    held = "nothing held out" if model.validation_loss_ is None else f"{model.validation_loss_:.4f} nats held out"
    return f"Trained in {seconds:.1f} s: {model.n_iter_} epochs, {held}."


def as_json(outcome: Outcome) -> str:
    """One line of JSON: ``data``, ``learned``, ``seconds``, and of the judged file ``accuracy``, ``classes`` (for each
    ``label``, ``precision``, ``recall``, ``f1``, ``sequences``) and ``confusion`` (rows actual, columns predicted).
    """
    found = outcome.judgement
    document: dict[str, Any] = {"data": outcome.about, "learned": outcome.learned, "seconds": outcome.seconds}
    if found:
        document |= {"accuracy": found.accuracy, "classes": [each._asdict() for each in found.classes]}
        document |= {"confusion": found.confusion, "predicted": found.predicted}
    return json.dumps(document, allow_nan=False)


_WIDEST = 16  # classes in a table of confusions


def present(outcome: Outcome) -> None:
    """Print what was read, the accuracy, each class, and what is taken for what."""
    console = Console(highlight=False, markup=False, emoji=False)
    for line in (*outcome.about, outcome.learned):
        console.print(Text(visible(line)))
    if outcome.judgement is None:
        return
    found = outcome.judgement
    console.print(Text(f"\nAccuracy {found.accuracy:.2%} ({found.right} of {found.total})\n", "bold"))
    console.print(_scores(found))
    if len(found.classes) <= _WIDEST:
        console.print(Text("\nRows are actual labels, columns predicted ones", "dim"))
        console.print(_confusion(found))


def _scores(found: Judgement) -> Table:
    table = _table("class", "precision", "recall", "F1", "sequences")
    for each in found.classes:
        figures = ("-" if value is None else f"{value:.3f}" for value in each[1:4])
        table.add_row(visible(each.label), *figures, str(each.sequences))
    return table


def _confusion(found: Judgement) -> Table:
    labels = [visible(each.label) for each in found.classes]
    table = _table("", *labels)
    for label, counts in zip(labels, found.confusion, strict=True):
        table.add_row(label, *(str(count) if count else "." for count in counts))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(first), no_wrap=True)
    for name in others:
        table.add_column(Text(name), justify="right", no_wrap=True)
    return table
