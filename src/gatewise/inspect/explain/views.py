"""The views that an explanation is made of, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ...compiler.lower import program_of
from ...compiler.program import is_temporary
from ...equation import Cell
from ..certificate import Certificate
from ..memory.jacobian import LagNorms
from ..memory.saturation import Saturation
from ..memory.timescales import Timescales
from ..names import gate_values
from ..records import LayerRecord, Record
from ..subject import Prediction, Subject


def words(cell: Cell, name: str) -> str:
    """What a value is: its name, or where it has none its expression."""
    return program_of(cell).expression(name, top=True) if is_temporary(name) else name


@dataclass(frozen=True)
class LayerView:
    """One layer in one direction. timescales, jacobian: None where there is no such view, and then ``why`` says why."""

    layer: int
    direction: int
    record: LayerRecord
    timescales: Timescales | None
    jacobian: LagNorms | None
    why: Mapping[str, str]

    @property
    def reach(self) -> str:
        """What the true Jacobian says beside the forget path, in a sentence."""
        return f"{self.jacobian}." if self.jacobian else ""

    @property
    def values(self) -> dict[str, Tensor]:
        """(T, H), of the one sequence, by the names of the step's program: gates, states and all that was recorded."""
        cell = self.record.cell
        gates = {value: self.record.gates[name] for name, value in gate_values(cell).items()}
        states = {program_of(cell).outputs[state]: self.record.states[state] for state in cell.state}
        everything = {**gates, **states, **self.record.values}
        return {name: values[:, 0] for name, values in everything.items()}


@dataclass(frozen=True)
class Sum:
    """A number as a sum. by_step: (T, N) float64. lines: by name, what no step gave. certificate: that they add up."""

    by_step: Tensor
    lines: Mapping[str, float]
    certificate: Certificate


@dataclass(frozen=True)
class Refused:
    """What is shown in place of a sum. failed: a sum was made, and did not hold."""

    sentence: str
    failed: bool


@dataclass(frozen=True)
class Explanation:
    """One number, explained twice. memory: by the step that wrote the memory behind it. credit: by the inputs."""

    prediction: Prediction
    memory: Sum | Refused
    credit: Sum | Refused

    @property
    def views(self) -> tuple[Sum | Refused, Sum | Refused]:
        """Both explanations, memory first."""
        return self.memory, self.credit


@dataclass(frozen=True)
class Views:
    """All views of a model on one sequence; see `Inside`."""

    subject: Subject
    record: Record
    places: list[LayerView]
    saturation: Saturation | None
    outputs: list[Explanation]

    @property
    def holds(self) -> bool:
        """Whether every sum that was made holds."""
        return not any(isinstance(view, Refused) and view.failed for output in self.outputs for view in output.views)

    @property
    def notes(self) -> list[str]:
        """Which views this cell does not have, and why, each reason once."""
        notes = [f"{view}: {reason}" for place in self.places for view, reason in place.why.items()]
        for name in ("memory", "credit"):
            views = [getattr(output, name) for output in self.outputs]
            notes += [f"{name}: {view.sentence}" for view in views if isinstance(view, Refused) and not view.failed]
        return [text[:1].upper() + text[1:] for text in dict.fromkeys(notes)]
