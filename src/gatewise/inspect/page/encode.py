"""A page as JSON that may stand inside HTML: numbers in bulk as base64 of little-endian float32."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...escape import json_number, visible
from ...pages.axes import Scale, number_ticks, text_ticks, value_scale
from ...pages.figure import Tick
from ..certificate import Certificate
from .chart import Chart
from .document import Page, PageLayer
from .explained import Output, Refusal, Split

# A script element ends at the first "</script", whatever the JSON says; the last two end a line in JavaScript.
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def encoded(page: Page) -> str:
    """All that the page's script reads."""
    diagrams = diagrams_of(page)
    tree = {
        "steps": [visible(step) for step in page.steps],
        "stepTicks": _ticks(text_ticks(page.steps, _bar_scale(page))),
        "stepEnds": _ends(_bar_scale(page)),
        "bin": page.bin,
        "chosen": page.chosen,
        "places": [_place(place, diagrams.index(place.diagram), label) for place, label in labelled(page)],
        "inputs": {"names": [visible(name) for name in page.inputs.names], "numbers": _packed(page.inputs.numbers)},
        "outputs": [_output(output) for output in page.outputs],
        "chart": page.chart and _chart(page.chart),
    }
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def diagrams_of(page: Page) -> list[str]:
    """Each different diagram once."""
    return list(dict.fromkeys(place.diagram for place in page.places))


def labelled(page: Page) -> list[tuple[PageLayer, str]]:
    """Each place with its name, which tells the direction only where there are two."""
    both = any(place.direction for place in page.places)
    directions = ("forward", "backward")
    return [(at, f"layer {at.layer}" + (f", {directions[at.direction]}" if both else "")) for at in page.places]


def _place(place: PageLayer, diagram: int, label: str) -> dict[str, Any]:
    scales = place.timescales
    return {
        "label": label,
        "cell": visible(place.cell),
        "diagram": diagram,
        "order": place.order,
        "timescales": scales and _packed(scales.steps),
        "reach": visible(place.reach),
        "censored": scales and [bool(flag) for flag in scales.censored],
        "wires": [
            {"name": wire.name, "title": visible(wire.title), "role": wire.role, "span": wire.span}
            | {"ends": wire.ends, "numbers": _packed(wire.numbers)}
            for wire in place.wires
        ],
    }


def _output(output: Output | Refusal) -> dict[str, Any]:
    value = json_number(output.value)
    head = {"label": visible(output.label), "unit": visible(output.unit), "value": value, "at": output.at}
    if isinstance(output, Refusal):
        return head | {"refusal": visible(output.sentence), "certificates": []}
    return head | {
        "memory": output.memory and _split(output.memory),
        "credit": output.credit and _split(output.credit),
        "certificates": [_certificate(certificate) for certificate in output.checked],
    }


def _split(split: Split) -> dict[str, Any]:
    return {
        "numbers": _packed(split.by_step),
        "totals": split.by_step.sum(0, dtype=float).tolist(),
        "lines": [[visible(name), float(number)] for name, number in split.lines.items()],
        "value": split.certificate.value,
        "together": _axis(split.by_step.sum(1, dtype=float)),
        "apart": _axis(split.by_step),
    }


def _axis(values: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """The vertical axis of bars; those of single inputs share one, so that they can be compared."""
    up = value_scale([[0.0], values])
    return {"ends": _ends(up), "ticks": _ticks(number_ticks(up))}


def _bar_scale(page: Page) -> Scale:
    """Across bars, one for each step, which have a width."""
    return Scale(-0.5, len(page.steps) - 0.5)


def _ends(scale: Scale) -> list[float]:
    return [scale.low, scale.high]


def _ticks(ticks: Iterable[Tick]) -> list[list[Any]]:
    return [[round(tick.at, 2), visible(tick.text), tick.minor] for tick in ticks]


def _certificate(certificate: Certificate) -> list[str]:
    return [
        visible(certificate.what),
        f"{certificate.total:.9g}",
        f"{certificate.value:.9g}",
        f"{certificate.gap:.1e}",
        f"{certificate.tolerance:.0e}",
        "holds" if certificate.holds else "does not hold",
    ]


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "observed": len(chart.observed),
        "first": chart.first,
        "every": chart.every,
        "frames": [{"across": _ends(picture.across), "up": _ends(picture.up)} for picture in chart.pictures()],
    }


def _packed(numbers: ArrayLike) -> dict[str, Any]:
    array = np.ascontiguousarray(numbers, dtype="<f4")
    return {"shape": array.shape, "data": base64.b64encode(array.tobytes()).decode()}
