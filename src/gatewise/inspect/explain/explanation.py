"""Explain what one model makes of one sequence; an explanation that does not add up is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ...compiler.lower import program_of
from ...diagram import drawn_values
from ...equation import Cell
from ...errors import CellError, ExplanationError, GatewiseError, InputError
from ...files import written
from ...nn.recurrent import Recurrent
from ..certificate import TOLERANCES, Certificate
from ..credit.decomposition import decompose
from ..intercept import the_layer
from ..memory.jacobian import lag_norms
from ..memory.provenance import provenance
from ..memory.saturation import Saturation, saturation
from ..memory.timescales import timescales
from ..names import gate_values, values_of
from ..recorded_run import record
from ..records import LayerRecord, Record
from ..subject import Subject
from .documents import as_json, page_of
from .readout import Readout, linear_readout
from .views import Explanation, LayerView, Refused, Sum, Views

_LAGS = 24
_WIDE = 256  # numbers of the states together, beyond which only a few Jacobians are multiplied
_FEW = 6

View = TypeVar("View")


def places_of(record: Record) -> list[LayerView]:
    """All layers in all directions."""
    return [_place(record, layer, direction, layer_record) for layer, direction, layer_record in record.layers()]


def shown(cell: Cell) -> tuple[str, ...]:
    """The values in the cell's picture, beside gates and states."""
    known = {*gate_values(cell).values(), *program_of(cell).outputs.values()}
    return tuple(name for name in values_of(cell) if name not in known and name in drawn_values(cell))


def _place(record: Record, layer: int, direction: int, layer_record: LayerRecord) -> LayerView:
    why: dict[str, str] = {}
    scales = _tried(lambda: timescales(record, layer=layer, direction=direction), "timescales", why)
    size = sum(states.shape[2] for states in layer_record.states.values())
    lags = min(len(layer_record.x), _LAGS if size <= _WIDE else _FEW)
    norms = _tried(lambda: lag_norms(record, lags, layer=layer, direction=direction), "jacobian", why)
    return LayerView(layer, direction, layer_record, scales, norms, why)


def _tried(view: Callable[[], View], name: str, why: dict[str, str]) -> View | None:
    """The view, or None where the cell has none and the reason in ``why``."""
    try:
        return view()
    except (CellError, InputError) as error:
        why[name] = sentence(error)
        return None


def sentence(error: GatewiseError) -> str:
    """The sentence of a refusal."""
    return f"Not shown: {error.what}."


@dataclass(frozen=True)
class Inside(Views):
    """What a model holds inside on one sequence, and its numbers explained.

    Attributes:
        subject: The model and the sequence.
        record: The record of the model's recurrent layer.
        places: Its layers and directions, each with time constants and Jacobian norms where it has them.
        saturation: How often gates saturate; None where the cell has no gate between 0 and 1.
        outputs: The numbers, each explained by when the memory behind it was written, and by the inputs.
        holds: Whether every sum that was made holds.
        notes: Which views this cell does not have, and why.
    """

    def to_html(self, path: str | Path | None = None) -> str:
        """The page of ``gatewise inspect --report``, to step through the sequence with the picture of the cell.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The page, which needs no other file and no network.

        Raises:
            InputError: The file cannot be written.
            ModuleNotFoundError: Jinja is not installed.
        """
        return written(path, page_of(self))

    def to_json(self, path: str | Path | None = None) -> str:
        """Everything that the page shows as one line of JSON, the document of ``gatewise inspect --json``.

        Its keys, stable within a ``schema``, are ``version``, ``title``, ``about``, ``cell``, ``holds``, ``notes``,
        ``steps``, ``inputs``, ``layers``, ``explains``, ``outputs``, ``chart`` and ``scores``. Each layer and direction
        has ``gates`` and ``states`` by name, (T, H), and each output either its sums, with their certificates, or a
        ``refusal``. What is not finite is null.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The text, in ASCII.

        Raises:
            InputError: The file cannot be written.
        """
        return written(path, as_json(self))


def look_inside(subject: Subject) -> Inside:
    """Record a model on one sequence, and explain its numbers; a sum that does not hold is refused.

    Args:
        subject: The model and the sequence, such as ``estimator.subject(...)`` gives.

    Returns:
        The record and the explanations.

    Raises:
        InputError: It is no `Subject`, the model has no recurrent layer, or the sequence is too long to be recorded.
    """
    if not isinstance(subject, Subject):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
        hint = "give what subject(...) of an estimator or a forecaster returns; of a plain module, see gatewise.record"
        raise InputError(f"a {type(subject).__name__} is no subject", hint=hint)
    with torch.no_grad():
        run = _recorded(subject)
    explained = zip(subject.predictions, _memories(subject, run), _credits(subject), strict=True)
    return Inside(
        subject,
        run,
        places_of(run),
        _saturation(run),
        [Explanation(prediction, memory, credit) for prediction, memory, credit in explained],
    )


def _recorded(subject: Subject) -> Record:
    layer = the_layer(subject.model, "")
    values = shown(layer.cell) if isinstance(layer, Recurrent) else ()
    try:
        return record(subject.model, subject.x, values=values, preactivations=True)
    except InputError as error:
        raise InputError(error.what, where=error.where, hint=subject.shorter or error.hint) from error


def _saturation(run: Record) -> Saturation | None:
    try:
        return saturation(run)
    except InputError:
        return None


def _credits(subject: Subject) -> list[Sum | Refused]:
    """Each number by what went in."""

    def sums() -> list[Sum]:
        decomposition = decompose(subject.model, subject.x, subject.of)
        decomposition.require()
        credit = subject.credited(decomposition.inputs)
        lines = {**credit.lines, **_told(decomposition.lines)}
        what = f"{subject.explains or 'the output'} by input"
        tolerance = decomposition.certificate.tolerance
        return _sums(what, credit.by_step, lines, decomposition.value, tolerance)

    return _each(sums, len(subject.predictions))


def _told(lines: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Initial states and constants as one line each, whatever layer they are of; biases each by its name."""
    merged: dict[str, Tensor] = {}
    for name, line in lines.items():
        kind = next((kind for kind in ("initial state", "constants") if name.startswith(kind)), name)
        merged[kind] = merged[kind] + line if kind in merged else line
    return merged


def _memories(subject: Subject, run: Record) -> list[Sum | Refused]:
    """Each number by when the memory of the last layer was written, whichever of its steps the model reads."""

    def sums() -> list[Sum]:
        read = linear_readout(subject.model, subject.x, subject.of)
        steps, lines = _by_write_time(run, read)
        what = f"{subject.explains or 'the output'} by write time"
        tolerance = TOLERANCES.get(subject.x.dtype, TOLERANCES[torch.float32])
        return _sums(what, steps[..., None], {**lines, **read.beside}, read.value, tolerance)

    return _each(sums, len(subject.predictions))


AROUND = "what goes around the last layer"


def _by_write_time(run: Record, read: Readout) -> tuple[Tensor, dict[str, Tensor]]:
    """(K, T), and further lines (K,): sums over all directions, and over all times at which the output is read."""
    layer = run.module.num_layers - 1
    steps = read.weights.new_zeros(read.weights.shape[:2])
    names = ("initial state", "rounding of the run", "what the output holds beside the memory")
    lines = {name: read.weights.new_zeros(len(steps)) for name in (*names, AROUND)}
    of_each = zip(*(part[..., 0, :].chunk(run.directions, dim=-1) for part in (read.weights, read.output)), strict=True)
    for direction, (weights, output) in enumerate(of_each):
        wrote = provenance(run, layer, direction)
        own = run.layer(layer, direction).states[run.cell.state[0]][:, 0].double()
        lines[AROUND] += torch.einsum("ktp,tp->k", weights, output - own)  # nothing without residual connections
        for time in weights.abs().sum((0, 2)).nonzero().flatten().tolist():
            part = wrote.by_write_time(time, weights[:, time])
            part.certificate.require()
            steps = steps + part.steps
            for name, line in zip(names, (part.initial, part.rounding, part.rest), strict=True):
                lines[name] = lines[name] + line
    return steps, lines


def _sums(what: str, by_step: Tensor, lines: Mapping[str, Tensor], value: Tensor, tolerance: float) -> list[Sum]:
    """K sums, (K, T, N) and (K,) each, with a certificate of its own for each."""
    sums: list[Sum] = []
    for row, whole in enumerate(value):
        of_this_row = {name: float(line[row]) for name, line in lines.items() if line[row]}
        parts = torch.cat((by_step[row].flatten(), by_step.new_tensor(list(of_this_row.values()))))
        sums.append(Sum(by_step[row], of_this_row, Certificate.of(what, parts, whole, tolerance)))
    return sums


def _each(sums: Callable[[], list[Sum]], count: int) -> list[Sum | Refused]:
    """The sums that hold, and the refusals of the others."""
    try:
        return [_checked(one) for one in sums()]
    except (CellError, ExplanationError) as error:
        return [_refused(error)] * count


def _checked(one: Sum) -> Sum | Refused:
    try:
        one.certificate.require()
    except ExplanationError as error:
        return _refused(error)
    return one


def _refused(error: GatewiseError) -> Refused:
    return Refused(sentence(error), isinstance(error, ExplanationError))
