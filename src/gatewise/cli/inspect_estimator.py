"""What ``gatewise inspect`` looks into where the model is an estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError
from ..inspect.subject import Subject
from ..models.language.model import LanguageModel
from ..models.sequence.classifier import SequenceClassifier
from ..models.sequence.estimator import SequenceEstimator
from ..models.sequence.regressor import SequenceRegressor
from ..tables.labelled import load_labelled
from ..tables.sequences import Columns, Labelled
from ..tables.text import read_text


@dataclass(frozen=True)
class Request:
    """What is asked for. row, series: which sequence, by number from 0 or by id. last: characters of a text. output:
    which is looked at first."""

    model: Path
    data: Path
    columns: Columns
    row: int | None
    series: str | None
    last: int
    output: str | None


def subject_of(request: Request, kind: str) -> Subject:
    """The saved estimator of this kind on one sequence, or on the end of a text. Raises GatewiseError."""
    try:
        return KINDS[kind](request)
    except InputError as error:
        raise InputError(error.what, where=error.where or str(request.data), hint=error.hint) from error


def _sequence(request: Request, estimator: SequenceEstimator) -> Subject:
    data = load_labelled(request.data, request.columns)
    row = _row(data, request)
    found = estimator.subject(data.sequences, row, output=request.output)
    about = (
        ("Sequence", f"{found.title}, {row} of 0 to {len(data.labels) - 1}"),
        ("Label in the data", data.labels[row]),
    )
    return replace(found, title=f"{request.data.name}: {found.title}", about=(*_says(found), *about))


def _row(data: Labelled, request: Request) -> int:
    """Raises InputError where there is no sequence of that name; a number is checked by the estimator."""
    if request.series is None:
        return request.row or 0
    ids = [] if data.sequences.ids is None else [str(name) for name in data.sequences.ids]
    if request.series not in ids:
        known = f"there is {', '.join(ids[:5])}" + (", ..." if len(ids) > 5 else "")
        raise InputError(f"there is no sequence {request.series!r}", hint=known if ids else "say --row N")
    return ids.index(request.series)


def _says(found: Subject) -> tuple[tuple[str, str], ...]:
    if found.scores is None:
        return ()
    label, probability = max(found.scores.lines, key=lambda line: line[1])
    return (("The model says", f"{label}, with probability {probability:.3g}"),)


def _text(request: Request) -> Subject:
    model = LanguageModel.load(request.model)
    text = read_text(request.data)[-request.last :]
    found = model.subject(text, output=request.output)
    about = ("Text", f"the last {len(text)} characters")
    return replace(found, title=request.data.name, about=(*_says(found), about))


KINDS: Mapping[str, Callable[[Request], Subject]] = {
    "SequenceClassifier": lambda request: _sequence(request, SequenceClassifier.load(request.model)),
    "SequenceRegressor": lambda request: _sequence(request, SequenceRegressor.load(request.model)),
    "LanguageModel": _text,
}
