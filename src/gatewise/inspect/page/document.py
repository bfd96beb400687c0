"""What a page shows, as plain data.

T steps, H units of a place, I inputs. Arrays are numpy, or anything numpy takes, and are kept in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...pages.axes import rounded_up
from .chart import Chart, Floats, Scores, floats
from .explained import Output, Refusal

Role = Literal["gate", "state", "value"]
Span = Literal["unit", "signed", "free"]


@dataclass(frozen=True)
class PageWire:
    """One named value of the step. numbers: (T, H). title: what people call it, such as ``forget gate``.

    name: what the diagram's slots call it (``data-value``). role: gates and states are drawn as heat maps.
    span: where it lies: ``unit`` [0, 1], ``signed`` [-1, 1] or ``free``.
    """

    name: str
    numbers: Floats
    role: Role = "value"
    span: Span = "free"
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", floats(self.numbers, (None, None), f"the value {self.name}"))
        object.__setattr__(self, "title", self.title or self.name)

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the scale of its colours: of its span, or as far as its largest number."""
        if self.span == "unit":
            return 0.0, 1.0
        sizes = np.abs(self.numbers[np.isfinite(self.numbers)])
        reach = 1.0 if self.span == "signed" else rounded_up(float(sizes.max(initial=0.0)) or 1.0)
        return -reach, reach


@dataclass(frozen=True)
class PageTimescales:
    """How long each unit keeps what it holds. steps: (H,). censored: (H,), True where it is longer than was seen."""

    steps: Floats
    censored: NDArray[np.bool_]


@dataclass(frozen=True)
class PageLayer:
    """One layer in one direction (0 forward, 1 backward). diagram: an SVG that is trusted as it stands.

    reach: a sentence that stands beside the time constants, such as what the true Jacobian says.
    In it, ``<text class="number" data-value="NAME">`` is filled with the number of the wire of that name.
    """

    layer: int
    direction: int
    cell: str
    diagram: str
    wires: tuple[PageWire, ...]
    timescales: PageTimescales | None = None
    reach: str = ""

    @property
    def units(self) -> int:
        """How many units the layer has: H."""
        return self.wires[0].numbers.shape[1]

    @property
    def order(self) -> list[int]:
        """Units from the longest memory to the shortest; by number where that is not known."""
        if self.timescales is None:
            return list(range(self.units))
        return np.argsort(-np.nan_to_num(self.timescales.steps, nan=-1.0), kind="stable").tolist()

    def check(self, steps: int) -> None:
        """Raises ShapeError where an array is not of so many steps, or units."""
        if not self.wires:
            raise InputError(f"layer {self.layer} has no values to show")
        for wire in self.wires:
            floats(wire.numbers, (steps, self.units), f"the value {wire.name} of layer {self.layer}")
        if self.timescales:
            floats(self.timescales.steps, (self.units,), f"the time constants of layer {self.layer}")
            floats(self.timescales.censored, (self.units,), f"what is censored of layer {self.layer}")


@dataclass(frozen=True)
class Inputs:
    """What was fed in. numbers: (T, I)."""

    names: tuple[str, ...]
    numbers: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", floats(self.numbers, (None, len(self.names)), "the inputs"))


@dataclass(frozen=True)
class Page:
    """Everything on the page. steps: T labels. about: lines of label and value. bin: the steps in one column.

    notes: sentences, such as which view this cell has not. chosen: the output that is shown first.
    """

    title: str
    steps: tuple[str, ...]
    places: tuple[PageLayer, ...]
    inputs: Inputs
    about: tuple[tuple[str, str], ...] = ()
    outputs: tuple[Output | Refusal, ...] = ()
    chart: Chart | None = None
    scores: Scores | None = None
    bin: int = 1
    notes: tuple[str, ...] = ()
    chosen: int = 0

    def __post_init__(self) -> None:
        if not (self.steps and self.places):
            raise InputError("a page needs at least one step and one layer")
        for place in self.places:
            place.check(len(self.steps))
        floats(self.inputs.numbers, (len(self.steps), None), "the inputs")
        for output in self.explained:
            for split in output.splits:
                floats(split.by_step, (len(self.steps), None), split.certificate.what)
            if output.credit:
                floats(output.credit.by_step, (None, len(self.inputs.names)), output.credit.certificate.what)

    @property
    def explained(self) -> list[Output]:
        """The outputs that are drawn."""
        return [output for output in self.outputs if isinstance(output, Output)]
