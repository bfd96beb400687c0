"""What was seen as one JSON document."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from ...version import version
from ..certificate import Certificate
from ..page.chart import Chart, Scores
from .look import Explained, Inside, Refused, Sum
from .views import Place

SCHEMA = 1


def as_json(inside: Inside) -> str:
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
        "outputs": [_output(each) for each in inside.outputs],
        "chart": subject.chart and _chart(subject.chart),
        "scores": subject.scores and _scores(subject.scores),
    }
    return json.dumps(tree, allow_nan=False)


def _layer(inside: Inside, place: Place) -> dict[str, Any]:
    found = place.found
    shares = inside.saturation
    return {
        "layer": place.layer,
        "direction": place.direction,
        "gates": {name: _numbers(gate[:, 0]) for name, gate in found.gates.items()},
        "states": {name: _numbers(state[:, 0]) for name, state in found.states.items()},
        "initial": {name: _numbers(state[0]) for name, state in found.initial.items()},
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


def _timescales(place: Place) -> dict[str, Any] | None:
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


def _jacobian(place: Place) -> dict[str, Any] | None:
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


def _output(each: Explained) -> dict[str, Any]:
    said = each.said
    head = {"label": said.label, "value": _finite(said.value), "unit": said.unit}
    return head | {"memory": _sum(each.memory), "credit": _sum(each.credit)}


def _sum(view: Sum | Refused) -> dict[str, Any]:
    if isinstance(view, Refused):
        return {"refusal": view.sentence}
    lines = {name: _finite(line) for name, line in view.lines.items()}
    return {"by_step": _numbers(view.by_step), "lines": lines, "certificate": _certificate(view.certificate)}


def _certificate(certificate: Certificate) -> dict[str, Any]:
    names = ("total", "value", "gap", "tolerance")
    numbers = {name: _finite(getattr(certificate, name)) for name in names}
    return {"what": certificate.what, **numbers, "holds": certificate.holds}


def _chart(chart: Chart) -> dict[str, Any]:
    bounds = {f"{each.level:g}": {"low": _numbers(each.low), "high": _numbers(each.high)} for each in chart.intervals}
    observed, median = _numbers(chart.observed), _numbers(chart.median)
    return {"name": chart.name, "times": chart.times, "observed": observed, "median": median, "intervals": bounds}


def _scores(scores: Scores) -> dict[str, Any]:
    return {"title": scores.title, "labels": scores.labels, "numbers": _numbers(scores.numbers)}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: Tensor | ArrayLike) -> list[Any]:
    """Nested lists; of float32 the shortest decimals that give it back."""
    array = values.numpy(force=True) if isinstance(values, Tensor) else np.asarray(values)
    exact = array.astype(str).astype(np.float64) if array.dtype == np.float32 else array
    found = exact.astype(object)
    found[~np.isfinite(exact)] = None
    return found.tolist()
