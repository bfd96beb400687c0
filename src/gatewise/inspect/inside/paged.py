"""What was seen as a page to step through."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...compiler.flow import flow_of
from ...compiler.lower import program_of
from ...compiler.render.diagram import diagram
from ...equation import Cell
from .. import page
from ..recorded.names import gate_values
from .look import Explained, Inside, Refused, Sum
from .views import Place, words


def paged(inside: Inside) -> page.Page:
    """The page, for `page.render`."""
    subject = inside.subject
    return page.Page(
        title=subject.title,
        steps=subject.steps,
        places=tuple(_place(place) for place in inside.places),
        inputs=page.Inputs(subject.inputs, _array(subject.fed)),
        about=(("Cell", inside.record.cell.name), *subject.about),
        outputs=tuple(_output(each) for each in inside.outputs),
        chart=subject.chart,
        scores=subject.scores,
        notes=tuple(inside.notes),
        chosen=subject.chosen,
    )


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.detach().float().numpy(force=True)


def _place(place: Place) -> page.Place:
    cell = place.found.cell
    scales = place.timescales and page.Timescales(_array(place.timescales.tau), place.timescales.censored.numpy())
    wires = tuple(_wire(cell, name, values) for name, values in place.values.items())
    return page.Place(place.layer, place.direction, cell.name, diagram(cell, numbers=True), wires, scales, place.reach)


def _wire(cell: Cell, name: str, values: Tensor) -> page.Wire:
    gates = {value: gate for gate, value in gate_values(cell).items()}
    states = program_of(cell).outputs.values()
    role = "state" if name in states else "gate" if name in gates else "value"
    title = f"{gates[name]} gate" if role == "gate" else words(cell, name)
    return page.Wire(name, _array(values), role, _span(cell, name), title)


def _span(cell: Cell, name: str) -> Literal["unit", "signed", "free"]:
    """Where the value lies whatever the weights are."""
    bounds = flow_of(cell).bounds[name]
    if bounds.low >= 0 and bounds.high <= 1:
        return "unit"
    return "signed" if max(-bounds.low, bounds.high) <= 1 else "free"


def _output(each: Explained) -> page.Output | page.Refusal:
    said = each.said
    failed = [view.sentence for view in each.views if isinstance(view, Refused) and view.failed]
    value = said.value if math.isfinite(said.value) else math.nan
    if failed:
        return page.Refusal(said.label, value, said.unit, said.at, " ".join(dict.fromkeys(failed)))
    memory, credit = (_split(view) for view in each.views)
    return page.explained(said.label, value, said.unit, said.at, memory, credit)


def _split(view: Sum | Refused) -> page.Split | None:
    if isinstance(view, Refused):
        return None
    return page.Split(view.by_step.numpy(force=True), view.lines, view.certificate)
