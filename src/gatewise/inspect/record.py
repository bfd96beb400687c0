"""Every gate and state of a run, by name and step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from ..compiler.lower import program_of
from ..equation import Cell
from ..errors import InputError
from ..kernels.layer import lengths_of
from ..nn.recurrent import Recurrent
from .names import gate_values, sums
from .recorder import Recorder, Window

if TYPE_CHECKING:
    import pandas as pd

Stacked: TypeAlias = "Tensor | list[Tensor]"  # one tensor, or one for each layer where their sizes differ


class Selection(NamedTuple):
    """What is kept of a run. names: values of the step's program, beside the states. preactivations, values: whether
    pre-activations, and which values by name, were asked for. window: which steps."""

    names: tuple[str, ...]
    preactivations: bool
    values: tuple[str, ...]
    window: Window


class Named(Mapping[str, Any]):
    """Tensors by name, each put into its form when it is first asked for."""

    def __init__(self, names: Sequence[str], make: Callable[[str], Any]) -> None:
        self._names, self._make = tuple(names), make
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(f"{name!r}; there is {', '.join(self._names)}")
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{', '.join(self._names)}>"


class LayerRecord:
    """One layer in one direction; time is the input's own order, zero lies beyond a sequence's end.

    gates, states, preactivations, values: (T, B, H) by name. initial: (B, H), the states before the first step.
    x: (T, B, I), what the layer read. reverse: whether it ran from the end. lengths: (B,) int64.
    """

    def __init__(self, cell: Cell, recorder: Recorder, kept: Selection) -> None:
        self.cell, self.reverse, self.window = cell, recorder.place.reverse, kept.window
        self._recorder, self._names, self._rows = recorder, kept.names, recorder.rows
        activated, entering = gate_values(cell), sums(cell) if kept.preactivations else {}
        self.gates: Mapping[str, Tensor] = Named(list(activated), lambda name: self._value(activated[name]))
        self.states: Mapping[str, Tensor] = Named(cell.state, self._state)
        self.preactivations: Mapping[str, Tensor] = Named(list(entering), lambda name: self._value(entering[name]))
        self.values: Mapping[str, Tensor] = Named(kept.values, self._value)
        self.initial: Mapping[str, Tensor] = Named(cell.state, self._initial)
        self.lengths = _lengths(recorder, kept.window)

    @property
    def x(self) -> Tensor:
        """What the layer read."""
        return self._formed(self._rows[0])

    def _value(self, name: str) -> Tensor:
        outputs = {value: state for state, value in program_of(self.cell).outputs.items()}
        if name in outputs:
            return self.states[outputs[name]]
        return self._formed(self._rows[1 + len(self.cell.state) + self._names.index(name)])

    def _state(self, name: str) -> Tensor:
        return self._formed(self._rows[1 + self.cell.state.index(name)])

    def _initial(self, name: str) -> Tensor:
        return self._recorder.batch.rows.unsorted(self._recorder.initial[self.cell.state.index(name)])

    def _formed(self, rows: Tensor) -> Tensor:
        """Rows (N, K) in the order of the run, or already the record's own, as (T, B, K)."""
        batch = self._recorder.batch.rows
        if not self.window.whole:
            return rows.view(-1, batch.batch, rows.shape[1])
        return batch.padded(batch.mirrored(rows) if self.reverse else rows)


def _lengths(recorder: Recorder, window: Window) -> Tensor:
    rows = recorder.batch.rows
    if rows.batch_sizes is None:
        own = torch.full((rows.batch,), rows.steps)
    else:
        own = rows.unsorted(lengths_of(rows.batch_sizes, rows.batch))
    return torch.tensor([window.steps(length) for length in own.tolist()], dtype=torch.int64)


class Record:
    """Every gate and state of a run, for every layer, direction, step, sequence and unit.

    cell: the step, whose own names these are. module: the layer that ran (one of torch.nn's as ours). gates: by their
    declared names, after their activation, ``record.gates["forget"]``: (L, D, T, B, H); where layers differ in size a
    list of (D, T, B, H). states: likewise, the forward pass's own bits; an output that is projected is P wide.
    preactivations, values: likewise, where they were asked for. initial: (L, D, B, H), states before the first step.
    Time is the input's own order in both directions; zero lies beyond a sequence's end. lengths: (B,) int64.
    output: what the model returned.
    """

    def __init__(self, module: Recurrent, recorders: Sequence[Recorder], kept: Selection, output: Any) -> None:
        self.module, self.cell, self.window, self.output = module, module.cell, kept.window, output
        self._layers = [LayerRecord(module.cell, recorder, kept) for recorder in recorders]
        self.lengths = self._layers[0].lengths
        self.gates: Mapping[str, Any] = self._joined("gates")
        self.states: Mapping[str, Any] = self._joined("states")
        self.preactivations: Mapping[str, Any] = self._joined("preactivations")
        self.values: Mapping[str, Any] = self._joined("values")
        self.initial: Mapping[str, Any] = self._joined("initial")

    @property
    def directions(self) -> int:
        """D."""
        return 2 if self.module.bidirectional else 1

    def layer(self, layer: int = 0, direction: int = 0) -> LayerRecord:
        """One layer in one direction. Raises InputError for one that there is not."""
        layers, directions = self.module.num_layers, self.directions
        if not (0 <= layer < layers and 0 <= direction < directions):
            raise InputError(
                f"there is no layer {layer}, direction {direction}",
                hint=f"layers 0 to {layers - 1}, directions 0 to {directions - 1}",
            )
        return self._layers[layer * directions + direction]

    def layers(self) -> Iterator[tuple[int, int, LayerRecord]]:
        """(layer, direction, its record), all of them."""
        for index, one in enumerate(self._layers):
            yield index // self.directions, index % self.directions, one

    def _joined(self, kind: str) -> Named:
        return Named(list(getattr(self._layers[0], kind)), lambda name: self._stacked(kind, name))

    def _stacked(self, kind: str, name: str) -> Stacked:
        each = [getattr(one, kind)[name] for one in self._layers]
        layers = [torch.stack(each[at : at + self.directions]) for at in range(0, len(each), self.directions)]
        return torch.stack(layers) if len({one.shape for one in layers}) == 1 else layers

    def to_numpy(self) -> dict[str, Any]:
        """Every gate, state, pre-activation and value by name, as the tensors are."""
        return {
            name: [one.numpy(force=True) for one in kept] if isinstance(kept, list) else kept.numpy(force=True)
            for name, kept in columns(self).items()
        }

    def to_pandas(self) -> pd.DataFrame:
        """A table with a column for each of them, and a row for each layer, direction, batch, time and unit."""

        return frame_of(self)

    def __repr__(self) -> str:
        steps, batch = self._layers[0].x.shape[:2]
        kept = ", ".join([*self.gates, *self.states])
        return f"Record of {self.module!r}: {steps} steps of {batch} sequences; {kept}"


def columns(found: Record | LayerRecord) -> dict[str, Any]:
    """Every gate, state, pre-activation and value, by a name of its own."""
    entering = {f"{name} pre-activation": kept for name, kept in found.preactivations.items()}
    return {**found.gates, **found.states, **entering, **found.values}


INDEX = ("layer", "direction", "batch", "time", "unit")


def frame_of(record: Record) -> pd.DataFrame:
    """A column for each gate, state and value; steps beyond a sequence's end have no row."""
    import pandas as pd

    return pd.concat([_one(layer, direction, found) for layer, direction, found in record.layers()])


def _one(layer: int, direction: int, found: LayerRecord) -> pd.DataFrame:
    import pandas as pd

    kept = columns(found)
    steps, batch, units = next(iter(kept.values())).shape
    names = [[layer], [direction], range(batch), range(steps), range(units)]
    index = pd.MultiIndex.from_product(names, names=list(INDEX))
    table = pd.DataFrame({name: _flat(one) for name, one in kept.items() if one.shape[2] == units}, index=index)
    inside = torch.arange(steps) < found.lengths.unsqueeze(1)
    return table.loc[inside.flatten().repeat_interleave(units).numpy()]


def _flat(kept: torch.Tensor) -> Any:
    return kept.transpose(0, 1).reshape(-1).numpy(force=True)
