"""Every gate and state of a run, by name and step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from .. import notebook
from ..compiler.lower import program_of
from ..equation import Cell
from ..errors import InputError
from ..kernels.layer import lengths_of
from ..nn.recurrent import Recurrent
from .names import gate_values, sums
from .recorder import Recorder, StepSampling

if TYPE_CHECKING:
    import pandas as pd

Stacked: TypeAlias = "Tensor | list[Tensor]"  # one tensor, or one for each layer where their sizes differ


class Selection(NamedTuple):
    """What is kept of a run. names: values of the step's program, beside the states. preactivations, values: whether
    pre-activations, and which values by name, were asked for. sampling: which steps."""

    names: tuple[str, ...]
    preactivations: bool
    values: tuple[str, ...]
    sampling: StepSampling


class Named(Mapping[str, Any]):
    """Tensors by name, each put into its form when it is first asked for."""

    def __init__(self, names: Sequence[str], make: Callable[[str], Any]) -> None:
        self._names, self._make = tuple(names), make
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(f"{name!r}; the names are {', '.join(self._names)}")
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<{', '.join(self._names)}>"


class LayerRecord:
    """One layer in one direction.

    Time is the input's own order, also where the layer ran from the end; zero lies beyond a sequence's end.

    Attributes:
        cell: The step, whose own names these are.
        reverse: Whether the layer ran from the end.
        gates: By declared name, after the activation, (T, B, H) each.
        states: By name, (T, B, H) each; an output that is projected is (T, B, P). What a cell declares otherwise is as
            wide as it says.
        preactivations: By gate, (T, B, H) each, where they were asked for.
        values: By name, (T, B, H) each, where they were asked for.
        initial: By state, (B, H) each, before the first step.
        lengths: (B,) int64.
    """

    def __init__(self, cell: Cell, recorder: Recorder, selection: Selection) -> None:
        self.cell, self.reverse, self.sampling = cell, recorder.place.reverse, selection.sampling
        self._recorder, self._names, self._rows = recorder, selection.names, recorder.rows
        activated, entering = gate_values(cell), sums(cell) if selection.preactivations else {}
        self.gates: Mapping[str, Tensor] = Named(list(activated), lambda name: self._value(activated[name]))
        self.states: Mapping[str, Tensor] = Named(cell.state, self._state)
        self.preactivations: Mapping[str, Tensor] = Named(list(entering), lambda name: self._value(entering[name]))
        self.values: Mapping[str, Tensor] = Named(selection.values, self._value)
        self.initial: Mapping[str, Tensor] = Named(cell.state, self._initial)
        self.lengths = _lengths(recorder, selection.sampling)

    @property
    def x(self) -> Tensor:
        """What the layer read, (T, B, I)."""
        return self._formed(self._rows[0])

    def _value(self, name: str) -> Tensor:
        outputs = {value: state for state, value in program_of(self.cell).outputs.items()}
        if name in outputs:
            return self.states[outputs[name]]
        rows = self._rows[1 + len(self.cell.state) + self._names.index(name)]
        return self._formed(rows[:, : self._recorder.sizes.value(name)] if self.cell.widths else rows)

    def _state(self, name: str) -> Tensor:
        return self._formed(self._own(name, self._rows[1 + self.cell.state.index(name)]))

    def _initial(self, name: str) -> Tensor:
        initial = self._own(name, self._recorder.initial[self.cell.state.index(name)])
        return self._recorder.batch.rows.unsorted(initial)

    def _own(self, state: str, rows: Tensor) -> Tensor:
        """A state in its own width, where kernels repeat what is narrower than they are."""
        width = self._recorder.sizes.states()[self.cell.state.index(state)]
        return rows[:, :width] if self.cell.widths else rows

    def _formed(self, rows: Tensor) -> Tensor:
        """Rows (N, K) in the order of the run, or already the record's own, as (T, B, K)."""
        batch = self._recorder.batch.rows
        if not self.sampling.whole:
            return rows.view(-1, batch.batch, rows.shape[1])
        return batch.padded(batch.mirrored(rows) if self.reverse else rows)


def _lengths(recorder: Recorder, sampling: StepSampling) -> Tensor:
    rows = recorder.batch.rows
    if rows.batch_sizes is None:
        lengths = torch.full((rows.batch,), rows.steps)
    else:
        lengths = rows.unsorted(lengths_of(rows.batch_sizes, rows.batch))
    return torch.tensor([sampling.steps(length) for length in lengths.tolist()], dtype=torch.int64)


class Record:
    """Every gate and state of a run, for every layer, direction, step, sequence and unit.

    Time is the input's own order in both directions; zero lies beyond a sequence's end. Where layers differ in size,
    what is (L, D, ...) below is a list over layers of (D, ...).

    Attributes:
        cell: The step, whose own names these are.
        module: The layer that ran; one of torch.nn's as the layer of gatewise that stood in for it.
        gates: By declared name, after the activation, (L, D, T, B, H) each: ``record.gates["forget"]``.
        states: By name, (L, D, T, B, H) each, the forward pass's own bits; an output that is projected is P wide.
        preactivations: By gate, (L, D, T, B, H) each, where they were asked for.
        values: By name, (L, D, T, B, H) each, where they were asked for.
        initial: By state, (L, D, B, H) each, before the first step.
        lengths: (B,) int64.
        output: What the model returned.
    """

    def __init__(self, module: Recurrent, recorders: Sequence[Recorder], selection: Selection, output: Any) -> None:
        self.module, self.cell, self.sampling, self.output = module, module.cell, selection.sampling, output
        self._layers = [LayerRecord(module.cell, recorder, selection) for recorder in recorders]
        self.lengths = self._layers[0].lengths
        self.gates: Mapping[str, Any] = self._joined("gates")
        self.states: Mapping[str, Any] = self._joined("states")
        self.preactivations: Mapping[str, Any] = self._joined("preactivations")
        self.values: Mapping[str, Any] = self._joined("values")
        self.initial: Mapping[str, Any] = self._joined("initial")

    @property
    def directions(self) -> int:
        """How many directions each layer has: D, 1 or 2."""
        return 2 if self.module.bidirectional else 1

    def layer(self, layer: int = 0, direction: int = 0) -> LayerRecord:
        """One layer in one direction.

        Args:
            layer: Number of the layer, from 0, the one that reads the input.
            direction: 0 forward, 1 backward.

        Returns:
            Its record.

        Raises:
            InputError: There is no such layer or direction.
        """
        layers, directions = self.module.num_layers, self.directions
        if not (0 <= layer < layers and 0 <= direction < directions):
            raise InputError(
                f"there is no layer {layer}, direction {direction}",
                hint=f"layers 0 to {layers - 1}, directions 0 to {directions - 1}",
            )
        return self._layers[layer * directions + direction]

    def layers(self) -> Iterator[tuple[int, int, LayerRecord]]:
        """(layer, direction, its record), for every layer in every direction."""
        for index, one in enumerate(self._layers):
            yield index // self.directions, index % self.directions, one

    def _joined(self, kind: str) -> Named:
        return Named(list(getattr(self._layers[0], kind)), lambda name: self._stacked(kind, name))

    def _stacked(self, kind: str, name: str) -> Stacked:
        tensors = [getattr(layer, kind)[name] for layer in self._layers]
        layers = [torch.stack(tensors[at : at + self.directions]) for at in range(0, len(tensors), self.directions)]
        return torch.stack(layers) if len({layer.shape for layer in layers}) == 1 else layers

    def to_numpy(self) -> dict[str, Any]:
        """Every gate, state, pre-activation and value by name, in the shapes of the tensors."""
        return {
            name: [one.numpy(force=True) for one in stacked] if isinstance(stacked, list) else stacked.numpy(force=True)
            for name, stacked in columns(self).items()
        }

    def to_pandas(self) -> pd.DataFrame:
        """A table with a column for each gate, state, pre-activation and value.

        Returns:
            A row for each layer, direction, batch, time and unit, which make its index; steps beyond a sequence's end
            have none.
        """
        return frame_of(self)

    def __repr__(self) -> str:
        steps, batch = self._layers[0].x.shape[:2]
        names = ", ".join([*self.gates, *self.states])
        return f"Record of {self.module!r}: {steps} steps of {batch} sequences; {names}"

    def _repr_html_(self) -> str:
        """What was recorded, of each layer and direction, and between which numbers it lies, for a notebook."""
        rows = [
            (f"{name}, layer {layer}" + (", backward" if direction else ""), *_summary(tensor))
            for layer, direction, one in self.layers()
            for name, tensor in columns(one).items()
        ]
        return notebook.paragraph(repr(self)) + notebook.table(("", "T x B x H", "lowest", "mean", "highest"), rows)


def _summary(tensor: Tensor) -> tuple[str, ...]:
    """The shape of a tensor, and its lowest number, mean and highest, as text."""
    shape = " x ".join(map(str, tensor.shape))
    numbers = (tensor.min(), tensor.mean(), tensor.max()) if tensor.numel() else ()
    return shape, *(f"{float(number):.3g}" for number in numbers or (math.nan,) * 3)


def columns(record: Record | LayerRecord) -> dict[str, Any]:
    """Every gate, state, pre-activation and value, by a name of its own."""
    entering = {f"{name} pre-activation": numbers for name, numbers in record.preactivations.items()}
    return {**record.gates, **record.states, **entering, **record.values}


INDEX = ("layer", "direction", "batch", "time", "unit")


def frame_of(record: Record) -> pd.DataFrame:
    """A column for each gate, state and value; steps beyond a sequence's end have no row."""
    import pandas as pd

    return pd.concat([_one(layer, direction, one) for layer, direction, one in record.layers()])


def _one(layer: int, direction: int, record: LayerRecord) -> pd.DataFrame:
    import pandas as pd

    tensors = columns(record)
    steps, batch, units = next(iter(tensors.values())).shape
    names = [[layer], [direction], range(batch), range(steps), range(units)]
    index = pd.MultiIndex.from_product(names, names=list(INDEX))
    table = pd.DataFrame({name: _flat(one) for name, one in tensors.items() if one.shape[2] == units}, index=index)
    inside = torch.arange(steps) < record.lengths.unsqueeze(1)
    return table.loc[inside.flatten().repeat_interleave(units).numpy()]


def _flat(tensor: Tensor) -> Any:
    return tensor.transpose(0, 1).reshape(-1).numpy(force=True)


def values_at(record: LayerRecord, name: str) -> Tensor:
    """A state or gate by name, (T, B, K). Raises InputError for one that the record does not have."""
    for kind in (record.states, record.gates, record.values):
        if name in kind:
            return kind[name]
    known = ", ".join([*record.states, *record.gates, *record.values])
    raise InputError(f"the record has no state or gate {name!r}", hint=f"it has {known}")


def check_sequence(record: LayerRecord, batch: int) -> None:
    """Raises InputError for a sequence that the record does not have."""
    if not 0 <= batch < len(record.lengths):
        raise InputError(f"there is no sequence {batch}", hint=f"there are 0 to {len(record.lengths) - 1}")
