"""An explanation as a page, and as one JSON document."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...compiler.lower import program_of
from ...compiler.signals import flow_of
from ...diagram import diagram
from ...equation import Cell
from ...escape import json_ascii, json_number
from ...nn.weights import repeated
from ...version import version
from .. import page
from ..certificate import Certificate
from ..names import gate_values
from ..page.chart import Chart, Scores
from .views import Explanation, LayerView, Refused, Sum, Views, words

SCHEMA = 1


def page_of(inside: Views) -> str:
    """The page as HTML text."""
    return page.render(paged(inside))


def as_json(inside: Views) -> str:
    """The document of ``--json``, on one line, in ASCII; its keys are stable within a ``schema``.

    ``schema``, ``version``, ``title``, ``about`` (label to value), ``cell``, ``holds`` (whether every sum checks),
    ``notes``, ``steps`` (T labels), ``inputs`` (``names``, ``numbers`` T x I); ``layers``: for each ``layer`` and
    ``direction`` ``gates`` and ``states`` by name, T x H, ``initial`` states, ``saturation`` by gate (``left``,
    ``right``), ``timescales`` (``state``, ``tau``, ``half_life``, ``censored``, ``steps``) and ``jacobian`` (norms
    by lag: ``lag``, ``memory``, ``forget``), each null where the cell has none; ``outputs``: for each ``label``,
    ``value``, ``unit``, ``memory`` and ``credit``, either with ``by_step``, ``lines`` and ``certificate`` or with a
    ``refusal``; ``explains``, what their sums are of; ``chart`` and ``scores``, or null.

    Numbers of the run are the shortest that give its float32 back bit by bit; what is not finite is null.
    """
    subject = inside.subject
    tree = {
        "schema": SCHEMA,
        "version": version(),
        "title": subject.title,
        "about": dict(subject.about),
        "cell": inside.record.cell.name,
        "holds": inside.holds,
        "notes": inside.notes,
        "steps": subject.steps,
        "inputs": {"names": subject.inputs, "numbers": _numbers(subject.fed)},
        "layers": [_layer(inside, place) for place in inside.places],
        "explains": subject.explains or None,
        "outputs": [_output_document(output) for output in inside.outputs],
        "chart": subject.chart and _chart(subject.chart),
        "scores": subject.scores and _scores(subject.scores),
    }
    return json_ascii(tree)


def _layer(inside: Views, place: LayerView) -> dict[str, Any]:
    record = place.record
    shares = inside.saturation
    return {
        "layer": place.layer,
        "direction": place.direction,
        "gates": {name: _numbers(gate[:, 0]) for name, gate in record.gates.items()},
        "states": {name: _numbers(state[:, 0]) for name, state in record.states.items()},
        "initial": {name: _numbers(state[0]) for name, state in record.initial.items()},
        "saturation": shares
        and {
            gate: {
                "left": _numbers(shares.left[gate][place.layer][place.direction]),
                "right": _numbers(shares.right[gate][place.layer][place.direction]),
            }
            for gate in shares.left
        },
        "timescales": _timescales(place),
        "jacobian": _jacobian(place),
    }


def _timescales(place: LayerView) -> dict[str, Any] | None:
    scales = place.timescales
    if scales is None:
        return None
    return {
        "state": scales.state,
        "steps": scales.steps,
        "tau": _numbers(scales.tau),
        "half_life": _numbers(scales.half_life),
        "censored": scales.censored.tolist(),
    }


def _jacobian(place: LayerView) -> dict[str, Any] | None:
    norms = place.jacobian
    if norms is None:
        return None
    return {
        "state": norms.state,
        "at": norms.at,
        "lag": list(range(1, len(norms.spectral) + 1)),
        "memory": _numbers(norms.memory_spectral),
        "forget": _numbers(norms.forget_spectral),
    }


def _output_document(output: Explanation) -> dict[str, Any]:
    prediction = output.prediction
    head = {"label": prediction.label, "value": json_number(prediction.value), "unit": prediction.unit}
    return head | {"memory": _sum(output.memory), "credit": _sum(output.credit)}


def _sum(view: Sum | Refused) -> dict[str, Any]:
    if isinstance(view, Refused):
        return {"refusal": view.sentence}
    lines = {name: json_number(line) for name, line in view.lines.items()}
    return {"by_step": _numbers(view.by_step), "lines": lines, "certificate": _certificate(view.certificate)}


def _certificate(certificate: Certificate) -> dict[str, Any]:
    names = ("total", "value", "gap", "tolerance")
    numbers = {name: json_number(getattr(certificate, name)) for name in names}
    return {"what": certificate.what, **numbers, "holds": certificate.holds}


def _chart(chart: Chart) -> dict[str, Any]:
    bounds = {
        f"{interval.level:g}": {"low": _numbers(interval.low), "high": _numbers(interval.high)}
        for interval in chart.intervals
    }
    observed, median = _numbers(chart.observed), _numbers(chart.median)
    return {"name": chart.name, "times": chart.times, "observed": observed, "median": median, "intervals": bounds}


def _scores(scores: Scores) -> dict[str, Any]:
    return {"title": scores.title, "labels": scores.labels, "numbers": _numbers(scores.numbers)}


def _numbers(values: Tensor | ArrayLike) -> list[Any]:
    """Nested lists; of float32 the shortest decimals that give it back."""
    array = values.numpy(force=True) if isinstance(values, Tensor) else np.asarray(values)
    exact = array.astype(str).astype(np.float64) if array.dtype == np.float32 else array
    objects = exact.astype(object)
    objects[~np.isfinite(exact)] = None
    return objects.tolist()


def paged(inside: Views) -> page.Page:
    """The page, for `page.render`."""
    subject = inside.subject
    return page.Page(
        title=subject.title,
        steps=subject.steps,
        places=tuple(_place(place) for place in inside.places),
        inputs=page.Inputs(subject.inputs, _array(subject.fed)),
        about=(("Cell", inside.record.cell.name), *subject.about),
        outputs=tuple(_output(output) for output in inside.outputs),
        chart=subject.chart,
        scores=subject.scores,
        notes=tuple(inside.notes),
        chosen=subject.chosen,
    )


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.detach().float().numpy(force=True)


def _place(place: LayerView) -> page.PageLayer:
    cell = place.record.cell
    units = max(values.shape[1] for values in place.values.values())  # what is narrower stands there several times
    scales = place.timescales and page.PageTimescales(
        _array(repeated(place.timescales.tau, units)), repeated(place.timescales.censored, units).numpy()
    )
    wires = tuple(_wire(cell, name, repeated(values, units)) for name, values in place.values.items())
    return page.PageLayer(
        place.layer, place.direction, cell.name, diagram(cell, numbers=True), wires, scales, place.reach
    )


def _wire(cell: Cell, name: str, values: Tensor) -> page.PageWire:
    gates = {value: gate for gate, value in gate_values(cell).items()}
    states = program_of(cell).outputs.values()
    role = "state" if name in states else "gate" if name in gates else "value"
    title = f"{gates[name]} gate" if role == "gate" else words(cell, name)
    return page.PageWire(name, _array(values), role, _span(cell, name), title)


def _span(cell: Cell, name: str) -> Literal["unit", "signed", "free"]:
    """Where the value lies whatever the weights are."""
    bounds = flow_of(cell).bounds[name]
    if bounds.low >= 0 and bounds.high <= 1:
        return "unit"
    return "signed" if max(-bounds.low, bounds.high) <= 1 else "free"


def _output(output: Explanation) -> page.Output | page.Refusal:
    prediction = output.prediction
    failed = [view.sentence for view in output.views if isinstance(view, Refused) and view.failed]
    value = prediction.value if math.isfinite(prediction.value) else math.nan
    if failed:
        return page.Refusal(prediction.label, value, prediction.unit, prediction.at, " ".join(dict.fromkeys(failed)))
    memory, credit = (_split(view) for view in output.views)
    return page.explained(prediction.label, value, prediction.unit, prediction.at, memory, credit)


def _split(view: Sum | Refused) -> page.Split | None:
    if isinstance(view, Refused):
        return None
    return page.Split(view.by_step.numpy(force=True), view.lines, view.certificate)
