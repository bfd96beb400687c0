"""What can be seen in one layer of a record, each view computed once, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from torch import Tensor

from ...compiler.lower import program_of
from ...compiler.program import is_temporary
from ...equation import Cell
from ...errors import CellError, GatewiseError, InputError
from ..memory.jacobian import LagNorms, lag_norms
from ..memory.timescales import Timescales, timescales
from ..recorded.names import gate_values, values_of
from ..recorded.record import LayerRecord, Record

_LAGS = 24
_WIDE = 256  # numbers of the states together, beyond which only a few Jacobians are multiplied
_FEW = 6

View = TypeVar("View")


@dataclass(frozen=True)
class Place:
    """One layer in one direction. timescales, jacobian: None where there is no such view, and then ``why`` says why."""

    layer: int
    direction: int
    found: LayerRecord
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
        cell = self.found.cell
        gates = {value: self.found.gates[name] for name, value in gate_values(cell).items()}
        states = {program_of(cell).outputs[state]: self.found.states[state] for state in cell.state}
        everything = {**gates, **states, **self.found.values}
        return {name: values[:, 0] for name, values in everything.items()}


def places_of(record: Record) -> list[Place]:
    """All layers in all directions."""
    return [_place(record, layer, direction, found) for layer, direction, found in record.layers()]


@lru_cache(maxsize=256)
def shown(cell: Cell) -> tuple[str, ...]:
    """The values that have a line in the cell's picture, beside gates and states."""
    known = {*gate_values(cell).values(), *program_of(cell).outputs.values()}
    return tuple(name for name in values_of(cell) if name not in known and _drawn(cell, name))


def _drawn(cell: Cell, name: str) -> bool:
    from ...compiler.render.diagram import diagram

    return f'data-value="{name}"' in diagram(cell, numbers=True)


def words(cell: Cell, name: str) -> str:
    """What a value is: its name, or where it has none its expression."""
    return program_of(cell).expression(name, top=True) if is_temporary(name) else name


def _place(record: Record, layer: int, direction: int, found: LayerRecord) -> Place:
    why: dict[str, str] = {}
    scales = _tried(lambda: timescales(record, layer=layer, direction=direction), "timescales", why)
    size = sum(states.shape[2] for states in found.states.values())
    lags = min(len(found.x), _LAGS if size <= _WIDE else _FEW)
    norms = _tried(lambda: lag_norms(record, lags, layer=layer, direction=direction), "jacobian", why)
    return Place(layer, direction, found, scales, norms, why)


def _tried(view: Callable[[], View], name: str, why: dict[str, str]) -> View | None:
    """The view, or None where the cell has none and the reason in ``why``."""
    try:
        return view()
    except (CellError, InputError) as error:
        why[name] = sentence(error)
        return None


def sentence(error: GatewiseError) -> str:
    """What a view's refusal says."""
    return f"Not shown: {error.what}."
