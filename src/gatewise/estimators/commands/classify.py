"""The flow of ``gatewise classify``: read, train or load, judge, write, show."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import check_writable
from ..classifier import SequenceClassifier
from ..files.labelled import Columns, Labelled, load_labelled
from .judgement import Judgement, judged


@dataclass(frozen=True)
class Request:
    """One call. data: to learn from, or with ``load`` to be judged. test: to be judged after learning. one_way: read
    forwards only, as a stream and an exported file do."""

    data: Path
    test: Path | None
    columns: Columns
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
            "--test, --save, --epochs and --one-way cannot be used with --load", hint="with --load, DATA is judged"
        )
    if not (request.load or request.test or request.save):
        raise InputError("there is nothing to do", hint="add --test FILE, or --save FILE to keep what is learned")
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
    from .present import present

    present(outcome)


def carry_out(request: Request) -> Outcome:
    """Read, train or load, judge, save."""
    data = load_labelled(request.data, request.columns)
    about = [describe(request.data, data)]
    if request.load:
        model = SequenceClassifier.load(request.load)
        return Outcome(tuple(about), f"The model comes from {request.load}.", 0.0, judge(model, data, request.data))
    test = load_labelled(request.test, request.columns) if request.test else None
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
    try:
        return model.fit(data.sequences, list(data.labels))
    except InputError as error:
        raise InputError(error.what, where=error.where or str(request.data), hint=error.hint) from error


def judge(model: SequenceClassifier, data: Labelled, path: Path) -> Judgement:
    """How well the model labels the data. Raises InputError for a label that it does not know."""
    known = set(model.classes_.tolist())
    for row, label in enumerate(data.labels):
        if label not in known:
            hint = f"it knows {', '.join(map(repr, list(known)[:8]))}"
            raise InputError(
                f"the model has not learned the label {label!r} of sequence {row}", where=str(path), hint=hint
            )
    try:
        predicted = model.predict(data.sequences).tolist()
    except InputError as error:
        raise InputError(error.what, where=error.where or str(path), hint=error.hint) from error
    return judged(model.classes_.tolist(), list(data.labels), predicted)


def describe(path: Path, data: Labelled) -> str:
    """One line on what was read."""
    found = data.sequences
    low, high = int(found.lengths.min()), int(found.lengths.max())
    steps = f"{low}" if low == high else f"{low} to {high}"
    names = f": {', '.join(found.features)}" if found.features else ""
    classes = len(set(data.labels))
    return f"{path.name}: {len(found)} sequences of {steps} steps, {classes} classes, {found.width} features{names}"


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
