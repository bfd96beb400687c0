"""Any cell as a module: layers in one or two directions over a sequence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..equation import Cell
from ..kernels.choice import Choice, choose, working_dtype
from ..kernels.layer import Layer
from ..kernels.registry import register
from ..kernels.small import is_ordinary_call
from .arguments import check_arguments, check_cell, check_stack
from .assemble import assembled, draw_
from .batch import Batch
from .check import check_input, check_weight, in_dtype, result_dtype, without_autocast
from .layer_run import PLAIN, Run, Runner, head_of, in_heads, projected, reads_output
from .maps import layer_norm
from .options import Options, spelled_out
from .rowwise import normalised
from .small import Small, SmallLayer
from .states import initial_states, is_learned, joined_states, stacked
from .values import check_memory, check_values, refuse_nonfinite
from .weights import Place, shapes, suffixes

_EPS = 1e-5  # PyTorch's own for layer normalisation


class Watch(Protocol):
    """Attached to a module, it says who runs its layers."""

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Runner:
        """Who runs this layer in this direction."""
        ...


class Recurrent(nn.Module):
    """A stack of layers of one recurrent cell, called like ``torch.nn.LSTM``.

    Letters: T steps, B sequences, I = ``input_size``, H = ``hidden_size``, P = ``proj_size``, L layers, D directions.

    Weights are named, ordered and initialised as in torch.nn: all from U(-1/sqrt(H), 1/sqrt(H)).

    Attributes:
        allow_nonfinite: set it to True to compute with NaN and infinities, and to load them, instead of raising an
            error that says where they are.
        watch: what runs the layers in place of the kernels; see :func:`gatewise.record`.

    Args:
        cell: one of ``gatewise.cells``, or your own.
        input_size: I, features of a step.
        hidden_size: H, units of a layer; a list of L numbers gives each layer its own.
        num_layers: L; each layer above the first reads the outputs of the one below.
        bias: whether gates have biases.
        batch_first: input and output are (B, T, ...) in place of (T, B, ...); states are not affected.
        dropout: probability of a zero in the outputs of every layer but the last, in training.
        bidirectional: a second set of weights reads each layer's input from the end; outputs are concatenated.
        proj_size: P; what is output, and what U multiplies, is a (P, H) matrix times the cell's output. A cell whose
            step reads its output otherwise than through U, with zoneout of the output for one, keeps it whole, H wide,
            as its state. 0 for no projection. Source: Sak et al., arXiv:1402.1128, equations 1 to 6.
        device: of the weights, as in torch.nn.
        dtype: of the weights, as in torch.nn.
        **options: see :class:`Options`.

    Raises:
        TypeError: for an argument of the wrong type, or an unknown option.
        InputError: for sizes or options that make no module.
    """

    allow_nonfinite = False
    watch: Watch | None = None

    @spelled_out()
    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        check_cell(cell)
        self.options = Options.of(options)
        sizes = check_arguments(input_size, hidden_size, num_layers, dropout, proj_size, self.options.heads)
        check_stack(input_size, bias=bias, batch_first=batch_first, bidirectional=bidirectional)
        self.given_cell, self.cell = cell, self.options.applied(cell)
        self.input_size, self.num_layers, self.bias = input_size, num_layers, bias
        self.hidden_size: int | list[int] = sizes[0] if len(set(sizes)) == 1 else sizes
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        self.proj_size = proj_size
        self.places = tuple(self._placed(sizes))
        self.weight_shapes = {place.suffix: self._shapes(place) for place in self.places}
        self._register()
        self._keeps_output = reads_output(self.cell)
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        for place in self.places:
            for name, shape in self.weight_shapes[place.suffix].items():
                self.register_parameter(name + place.suffix, nn.Parameter(torch.empty(shape, **factory)))
            if self.options.learned_state:
                self._add_learned_state(place, factory)
        if self.options.pre_norm:
            self.norms = nn.ModuleList(nn.LayerNorm(place.inputs, _EPS, **factory) for place in self._forward_places)
        self.register_load_state_dict_pre_hook(refuse_nonfinite)
        self.reset_parameters()

    def _register(self) -> None:
        self._registered, self._registered_norm = register(self.cell), register(layer_norm(_EPS))
        plain = self.options == Options() and not (self.proj_size or self.cell.noise)
        layers = [
            SmallLayer(self._registered, inputs, units, suffix, bias=self.bias)
            for _, _, suffix, inputs, units in self.places
        ]
        even = len({layer.units for layer in layers}) == 1
        self._small = Small(layers, 2 if self.bidirectional else 1) if plain and even else None

    def _placed(self, sizes: Sequence[int]) -> list[Place]:
        directions = 2 if self.bidirectional else 1
        outputs = [self.input_size, *((self.proj_size or size) * directions for size in sizes)]
        return [
            Place(layer, reverse, suffix, outputs[layer], sizes[layer])
            for layer, reverse, suffix in suffixes(self.num_layers, directions)
        ]

    @property
    def arguments(self) -> dict[str, Any]:
        """What makes another module like this one of ``given_cell``: everything but device and dtype."""
        names = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
        told = {name: getattr(self, name) for name in (*names, "proj_size")}
        return told | {name: getattr(self.options, name) for name in Options.__dataclass_fields__}

    @property
    def output_size(self) -> int:
        """How many features an output has: D * H, or D * P."""
        last = self.places[-1]
        return (self.proj_size or last.units) * (2 if self.bidirectional else 1)

    @property
    def _forward_places(self) -> list[Place]:
        return [place for place in self.places if not place.reverse]

    def _shapes(self, place: Place) -> dict[str, tuple[int, ...]]:
        """The weights of one layer in one direction, without suffix."""
        projection, heads = self.proj_size, self.options.heads
        return shapes(self.cell, place.inputs, place.units, bias=self.bias, projection=projection, heads=heads)

    def _add_learned_state(self, place: Place, factory: dict[str, Any]) -> None:
        for state, width in zip(self.cell.state, self.widths(place), strict=True):
            if is_learned(self, state):
                self.register_parameter(f"{state}_0{place.suffix}", nn.Parameter(torch.empty(width, **factory)))

    def widths(self, place: Place) -> list[int]:
        """How many numbers each state has: P for an output that is projected before the step sees it again, else H."""
        narrow = self.proj_size and not self._keeps_output
        return [self.proj_size if narrow and not index else place.units for index in range(len(self.cell.state))]

    def reset_parameters(self) -> None:
        """Re-initialise all weights; does nothing on the meta device."""
        if next(self.parameters()).is_meta:
            return
        for place in self.places:
            names = self.weight_shapes[place.suffix]
            draw_(self.cell, {name: getattr(self, name + place.suffix) for name in names}, place.units)
            for state, start in zip(self.cell.state, self.cell.initial, strict=True):
                if f"{state}_0{place.suffix}" in self._parameters:
                    nn.init.constant_(getattr(self, f"{state}_0{place.suffix}"), start)
        for norm in getattr(self, "norms", ()):
            norm.reset_parameters()

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The weights of each layer in each direction, in torch's order."""
        return [
            [getattr(self, name + place.suffix) for name in self.weight_shapes[place.suffix]] for place in self.places
        ]

    def flatten_parameters(self) -> None:
        """Nothing to do: no kernel asks for weights in one piece of memory."""

    def driver(self, x: Tensor) -> Choice:
        """Which driver would run on an input like this one, and why, in words.

        x: as :meth:`forward` takes it, (T, B, I) or the like.
        """
        place, batch, dtype = self.places[0], Batch(x, None, self.batch_first), working_dtype(self.cell, x)
        rows, states = batch.x.to(dtype), batch.x.new_zeros(len(self.cell.state), batch.rows.batch, place.units)
        layer = assembled(self.cell, self._weights(place, dtype), rows, states.to(dtype), training=False)
        if self.proj_size:
            layer = layer._replace(U=layer.U @ self._weight(place, "weight_hr").to(dtype))
        return choose(self.cell, head_of(layer, 0, self.options.heads), x.dtype)

    def forward(
        self, input: Tensor | PackedSequence, hx: Any = None, *, lengths: Any = None, return_states: bool = False
    ) -> Any:
        """Run over a sequence.

        Args:
            input: (T, B, I), (B, T, I) with ``batch_first``, (T, I) unbatched, or a PackedSequence; of the weights'
                dtype and device.
            hx: the initial state, (L * D, B, H); a tuple with one for each of the cell's states where it has several;
                for layers of different sizes a list of L * D tensors (B, H) for each. By default states start from
                what the cell declares, mostly zero.
            lengths: how many steps of each sequence of a padded batch are its own: B integers in any order, 0 to T.
                Outputs beyond are zero, and last states are those of each sequence's own last step.
            return_states: return every state at every step as well.

        Returns:
            The outputs of the last layer in the form of the input, D * H (or D * P) wide, and the last states in the
            form of ``hx``. With ``return_states``, as a third a tuple of every state at every step, (L * D, T, B, H) or
            the like.

        Raises:
            ShapeError: for tensors of another shape, dtype or device.
            InputError: for lengths, packed rows, or numbers that are not finite, saying where.
        """
        if is_ordinary_call() and lengths is None and not return_states:
            result = self._run_small(input, hx)
            if result is not None:
                return result
        weight = self._weight(self.places[0], "weight_ih")
        check_input(input, self.input_size, weight)
        self._check_memory(input)
        batch = Batch(input, lengths, self.batch_first)
        if not self.allow_nonfinite:
            check_values(batch.x, batch.where, batch.rows.running)
        dtype = working_dtype(self.cell, weight)
        states = initial_states(self, hx, batch, weight, dtype)  # under autocast, in whatever dtype they were given
        with without_autocast(weight.device.type):
            x, last, histories = self._layers(batch, in_dtype(batch.x, dtype), states, return_states)
        # under autocast everything comes in the dtype that it works in, as from torch.nn.LSTM
        outer = result_dtype(weight)
        if outer != dtype:
            x, last, histories = x.to(outer), _converted(last, outer), _converted(histories, outer)
        result = batch.output(x), joined_states(self, last, batch)
        return (*result, self._histories(histories, batch)) if return_states else result

    def _run_small(self, input: Any, hx: Any) -> Any:
        """What forward gives, where a small call does; None otherwise."""
        if self._small is None or self.watch is not None or type(input) is not Tensor:
            return None
        x = input.transpose(0, 1) if self.batch_first and input.dim() == 3 else input
        dropout = self.dropout if self.training else 0.0
        finite = not self.allow_nonfinite
        result = self._small.stack(self._parameters, x, hx, dropout=dropout, finite=finite)
        return (result[0].transpose(0, 1), result[1]) if result and self.batch_first else result

    def _check_memory(self, input: Tensor | PackedSequence) -> None:
        x: Tensor = input.data if isinstance(input, PackedSequence) else input
        arrays = len(self.cell.gates) + len(self.cell.state) if torch.is_grad_enabled() else 1
        rows = math.prod(x.shape[:-1])
        check_memory("the output", rows * arrays * max(place.units for place in self.places), x)

    def _layers(
        self, batch: Batch, x: Tensor, states: list[list[Tensor | None]], histories: bool
    ) -> tuple[Tensor, list[list[Tensor]], list[list[Tensor]]]:
        """The outputs of the last layer, and for every layer and direction its last states and its histories."""
        last: list[list[Tensor]] = []
        seen: list[list[Tensor]] = []
        if self.options.residual:
            x = batch.rows.cleared(x)  # what is added to an output must be nothing where that is
        for at, place in enumerate(self._forward_places):
            read = normalised(self.norms[at], x, self._registered_norm) if self.options.pre_norm else x
            outputs: list[Tensor] = []
            for index, other in enumerate(self.places):
                if other.layer == place.layer:
                    ran = self._single(other, batch, read, states[index], histories)
                    outputs.append(ran.y)
                    last.append(ran.last)
                    seen.append(ran.seen)
            y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
            if at < self.num_layers - 1 and self.dropout > 0.0:
                y = nn.functional.dropout(y, self.dropout, self.training)
            x = x + y if self.options.residual and x.shape == y.shape else y
        return x, last, seen

    def _single(self, place: Place, batch: Batch, x: Tensor, states: list[Tensor | None], histories: bool) -> Run:
        """One layer in one direction."""
        rows = batch.rows
        layer = self._layer(place, batch, rows.mirrored(x) if place.reverse else x, states)
        runner = PLAIN if self.watch is None else self.watch.at(self, place, batch)
        if self.proj_size:
            projection, whole = self._weight(place, "weight_hr").to(x.dtype), self._keeps_output
            ran = projected(runner, self._registered, layer, projection, states[0], whole=whole, histories=histories)
        else:
            ran = in_heads(runner, self._registered, layer, self.options.heads, histories=histories)
        if place.reverse:
            ran = Run(rows.mirrored(ran.y), ran.last, [rows.mirrored(state) for state in ran.seen])
        runner.done(ran)
        return ran

    def _layer(self, place: Place, batch: Batch, x: Tensor, states: list[Tensor | None]) -> Layer:
        weights = self._weights(place, x.dtype)
        if self.options.weight_drop:
            dropped = nn.functional.dropout(weights["weight_hh"], self.options.weight_drop, self.training)
            weights["weight_hh"] = dropped
        wide = _stacked(states, x.new_zeros(batch.rows.batch, place.units))
        return assembled(self.cell, weights, x, wide, batch.rows.batch_sizes, training=self.training)

    def _weights(self, place: Place, dtype: torch.dtype) -> dict[str, Tensor]:
        first: Any = getattr(self, f"weight_ih{self.places[0].suffix}")
        weights: dict[str, Tensor] = {}
        for name, shape in self.weight_shapes[place.suffix].items():
            full = name + place.suffix
            weights[name] = in_dtype(check_weight(full, getattr(self, full), shape, first), dtype)
        return weights

    def _weight(self, place: Place, name: str) -> Tensor:
        full = name + place.suffix
        first = getattr(self, f"weight_ih{self.places[0].suffix}")
        return check_weight(full, getattr(self, full), self.weight_shapes[place.suffix][name], first)

    def learned(self, place: Place, state: str, width: int) -> Tensor:
        """The parameter that a state starts from."""
        full = f"{state}_0{place.suffix}"
        return check_weight(full, getattr(self, full), (width,), getattr(self, f"weight_ih{self.places[0].suffix}"))

    def _histories(self, histories: list[list[Tensor]], batch: Batch) -> Any:
        padded = [[batch.padded(rows) for rows in states] for states in histories]
        return tuple(stacked(self, list(states)) for states in zip(*padded, strict=True))

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        shown = f"{self.input_size}, {self.hidden_size}"
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False}
        defaults |= {"dropout": 0.0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                shown += f", {name}={getattr(self, name)}"
        return (f"{self.cell.name}, " if type(self) is Recurrent else "") + shown + self.options.text()

    def __getstate__(self) -> dict[str, Any]:
        """Without what each process makes for itself."""
        made = ("_registered", "_registered_norm", "_small")
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Cells are known by keys that each process gives out for itself."""
        super().__setstate__(state)
        self._register()


def _stacked(states: list[Tensor | None], zeros: Tensor) -> Tensor:
    """The states as one tensor (S, B, H); a projected output is narrower, and not read there."""
    return torch.stack([zeros if state is None or state.shape != zeros.shape else state for state in states])


def _converted(states: list[list[Tensor]], dtype: torch.dtype) -> list[list[Tensor]]:
    return [[state.to(dtype) for state in place] for place in states]
