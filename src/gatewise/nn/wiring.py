"""The kernels of a chain for one step, wired to one another: each reads where the one before it writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..compiler.stages import INPUT
from ..equation import Cell, previous
from ..errors import InputError
from ..kernels.dispatch import stepper_for
from ..kernels.driver import Halves, Stepper
from ..kernels.layer import Layer
from .layer_run import assembled, head_of, wide_states
from .maps import added, linear
from .parts import rows_of
from .recurrent import Recurrent
from .rowwise import Affine, gateless_layer, step
from .weights import Place, repeated


class Memory:
    """The states of one layer.

    states: (2, S, B, H), twice as a stepper keeps them. narrow: where the output is projected before the next step
    sees it, the stepper that projects; then ``begins`` says that the next step reads an output as it was given, not as
    the projection of something, and is to be taken apart from the others.
    """

    def __init__(self, layer: Layer, output: Tensor | None, source: Halves | None, widths: Sequence[int]) -> None:
        self.states = torch.stack((layer.states, layer.states))
        self.narrow: Stepper | None = None
        self.begins = False
        self._layer, self._output, self._source, self._widths = layer, output, source, widths

    def projected_by(self, narrow: Stepper) -> None:
        """The output is kept as this one writes it."""
        self.narrow = narrow
        self.reset(0)

    def now(self, half: int) -> list[Tensor]:
        """Each state (B, K) as the module gives it; views."""
        states = [state[:, :width] for state, width in zip(self.states[half], self._widths, strict=True)]
        return states if self.narrow is None else [self.narrow.states[half, 0], *states[1:]]

    def put(self, half: int, states: Sequence[Tensor]) -> None:
        """Go on from these."""
        kept = list(self.states[half])
        if self.narrow is not None:
            kept[0] = self.narrow.states[half, 0]
        for mine, state in zip(kept, states, strict=True):
            mine.copy_(repeated(state, mine.shape[1]))
        self.begins = self.narrow is not None

    def reset(self, half: int) -> None:
        """Back to where the stream began."""
        self.states[half] = self._layer.states
        if self.narrow is not None:
            self.begins = self._output is not None
            self.narrow.states[half] = 0.0 if self._output is None else self._output

    @property
    def resets_rows(self) -> bool:
        """Whether some rows can go back alone: not where the first step is taken apart, which is one for all rows."""
        return self.narrow is None or self._output is None

    def reset_rows(self, half: int, rows: Tensor) -> None:
        """These rows back to where the stream began; (B,) bool."""
        self.states[half][:, rows] = self._layer.states[:, rows]
        if self.narrow is not None:
            self.narrow.states[half][:, rows] = 0.0

    def first_step(self, cell: Cell, half: int, x: Tensor) -> None:
        """The step that reads an output as it was given. x: the input of the stream, which a first layer reads."""
        layer = self._layer._replace(x=x if self._source is None else self._source[half])
        self.states[1 - half] = torch.stack(step(cell, layer, slice(0, len(layer.x)), self.now(half)))
        self.begins = False

    @property
    def kept(self) -> dict[str, Tensor]:
        """Everything that it goes on from, both halves, by name; not copies."""
        return {"states": self.states} | ({} if self.narrow is None else {"output": self.narrow.states})


class Call(NamedTuple):
    """One kernel of a step. memory: of the layer whose states it carries on, if it does."""

    stepper: Stepper
    memory: Memory | None


class Wiring:
    """Every kernel of a chain in the order of a step.

    feeds: for each half, what lets those that read the stream's input read it from a tensor. memories: for each
    recurrent part those of its layers. outputs: what the last one writes.
    """

    def __init__(self, parts: Sequence[nn.Module], like: Tensor) -> None:
        self.calls: list[Call] = []
        self.feeds: tuple[list[Callable[[Tensor], object]], list[Callable[[Tensor], object]]] = ([], [])
        self.memories: list[tuple[Recurrent, list[Memory]]] = []
        self._like = like  # (B, I): of the input
        source: Halves | None = None
        for part in parts:
            source = self._recurrent(part, source) if isinstance(part, Recurrent) else self._map(part, source)
        assert source is not None
        self.outputs = source

    def _rows(self, source: Halves | None) -> Tensor:
        return self._like if source is None else source[0]

    def _read(self, stepper: Stepper, name: str, source: Halves | None) -> None:
        """Let a kernel read one of its arrays from what another writes, or from the stream's input."""
        if not stepper.reads(name):
            return
        if source is not None:
            stepper.read_from(name, source)
            return
        for feeds, feed in zip(self.feeds, stepper.feeds(name), strict=True):
            feeds.append(feed)

    def _placed(self, stepper: Stepper, reads: dict[str, Halves | None], memory: Memory | None = None) -> Halves:
        for name, source in reads.items():
            self._read(stepper, name, source)
        self.calls.append(Call(stepper, memory))
        return stepper.outputs(0), stepper.outputs(1)

    def _map(self, module: nn.Module, source: Halves | None) -> Halves:
        rowwise = rows_of(module)
        layer = rowwise.layer(self._rows(source).clone())
        return self._placed(stepper_for(rowwise.cell, _detached(layer)), {rowwise.reads: source})

    def _recurrent(self, module: Recurrent, source: Halves | None) -> Halves:
        names = ", ".join(module.cell.row_inputs)
        if names and (source is not None or module.num_layers > 1 or module.options.pre_norm):
            raise InputError(
                f"{module.cell.name} reads {names} in its input's last columns, which a stream has in its first layer",
                hint="stream a model of one such layer, without pre_norm; or call the module itself, step by step",
            )
        memories: list[Memory] = []
        self.memories.append((module, memories))
        for at, place in enumerate(module.places):
            given = self._map(module.norms[at], source) if module.options.pre_norm else source
            y = self._layer(module, place, given, memories)
            wide = place.inputs == y[0].shape[1]
            source = self._sum(source, y) if module.options.residual and wide else y
        assert source is not None
        return source

    def _sum(self, x: Halves | None, y: Halves) -> Halves:
        first, second = (previous(state) for state in added.state)
        states = torch.zeros_like(y[0]).expand(len(added.state), *y[0].shape)
        return self._placed(stepper_for(added, gateless_layer(states, [])), {first: x, second: y})

    def _layer(self, module: Recurrent, place: Place, source: Halves | None, memories: list[Memory]) -> Halves:
        x = self._rows(source)
        starts = module.starts(place, len(x), x)
        weights = {name: weight.detach() for name, weight in module.weights_of(place).items()}
        weights, widths = module.wide_weights(place, weights), module.widths(place)
        wide = wide_states(starts, x.new_zeros(len(x), place.units))
        layer = assembled(module.cell, weights, x, wide, training=False)
        memory = Memory(layer, starts[0], source, widths)
        memories.append(memory)
        projection = weights.get("weight_hr")
        if projection is None:
            y = self._heads(module, layer, memory, source)
            return y if widths[0] == place.units else self._first(y, widths[0])
        layer = layer._replace(U=layer.U @ projection)
        y = self._placed(stepper_for(module.cell, layer, memory.states), {INPUT: source}, memory)
        narrow = stepper_for(linear, Affine(projection).layer(y[0]))
        if widths[0] == len(projection):
            memory.projected_by(narrow)
        return self._placed(narrow, {INPUT: y})

    def _first(self, y: Halves, width: int) -> Halves:
        """The first numbers of rows, one after another as kernels read them."""
        first = torch.eye(width, y[0].shape[1], dtype=y[0].dtype, device=y[0].device)
        return self._placed(stepper_for(linear, Affine(first).layer(y[0])), {INPUT: y})

    def _heads(self, module: Recurrent, layer: Layer, memory: Memory, source: Halves | None) -> Halves:
        heads = module.options.heads
        for index in range(heads):
            part = layer if heads == 1 else head_of(layer, index, heads)
            mine = memory.states[..., index * part.units : (index + 1) * part.units]
            self._placed(stepper_for(module.cell, part, mine), {INPUT: source}, memory)
        return memory.states[1, 0], memory.states[0, 0]


def _detached(layer: Layer) -> Layer:
    return Layer(*(None if tensor is None else tensor.detach() for tensor in layer))  # pyright: ignore[reportArgumentType]
