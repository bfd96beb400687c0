"""The weights of a stack of layers, and the states that it takes and gives."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..errors import ShapeError
from ..kernels.registry import register
from ..transforms.rewrite import is_scaled
from .base import RecurrentModule
from .batch import Batch
from .check import check_states, check_weight, in_dtype
from .layer_run import reads_output
from .maps import layer_norm
from .options import (
    Options,
    check_arguments,
    check_cell,
    check_read_inputs,
    check_stack,
    check_widths,
    features_of,
    spelled_out,
)
from .rows import Episodes
from .small import Small, is_calm
from .small_layer import SmallLayer
from .weights import MATRICES, Place, Sizes, draw_, shapes, spread_widths, suffixes

_EPS = 1e-5  # PyTorch's own for layer normalisation
_DERIVED = (
    *("cell", "places", "weight_shapes", "keeps_output", "_registered", "_registered_norm"),
    *("_small", "_sizes", "_widths", "_is_uneven"),
)


class Stack(RecurrentModule):
    """The layers of one recurrent cell, made and not yet run: see :class:`.recurrent.Recurrent`."""

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
        self.given_cell = cell
        if dropout and num_layers == 1:  # in torch's words
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        self.input_size, self.num_layers, self.bias = input_size, num_layers, bool(bias)
        self.hidden_size: int | list[int] = sizes[0] if len(set(sizes)) == 1 else sizes
        self.batch_first, self.dropout, self.bidirectional = bool(batch_first), float(dropout), bool(bidirectional)
        self.proj_size = proj_size
        self._derive()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        for place in self.places:
            for name, shape in self.weight_shapes[place.suffix].items():
                self.register_parameter(name + place.suffix, nn.Parameter(torch.empty(shape, **factory)))
            if self.options.learned_state:
                self._add_learned_state(place, factory)
        if self.options.pre_norm:
            self.norms = nn.ModuleList(nn.LayerNorm(place.inputs, _EPS, **factory) for place in self.forward_places)
        self.reset_parameters()

    def _derive(self) -> None:
        """What follows from the arguments, and is asked for at every call."""
        self.cell, options = self.options.applied(self.given_cell), self.options
        check_widths(self.given_cell, options.widths, proj_size=self.proj_size, heads=options.heads)
        hidden = self.hidden_size if isinstance(self.hidden_size, list) else [self.hidden_size] * self.num_layers
        sizes = [Sizes(self.cell, units, options.widths) for units in hidden]
        for one in sizes:
            one.check()
        self.places = tuple(self._placed(sizes))
        self._sizes = {place.suffix: sizes[place.layer] for place in self.places}
        check_read_inputs(self.cell, [(place.inputs, place.units // self.options.heads) for place in self.places])
        self.weight_shapes = {place.suffix: self._shapes(place) for place in self.places}
        self._registered, self._registered_norm = register(self.cell), register(layer_norm(_EPS))
        self.keeps_output = reads_output(self.cell)
        self._widths = {place.suffix: self._state_widths(place) for place in self.places}
        self._is_uneven = any(widths != self._widths[self.places[0].suffix] for widths in self._widths.values())
        plain = options.all_in_the_step and not (self.proj_size or self._is_uneven)
        plain = plain and is_calm(self.cell, self.num_layers)
        layers = [
            SmallLayer(self.cell, self._registered, inputs, units, suffix, bias=self.bias)
            for _, _, suffix, inputs, units in (self.places if plain else ())
        ]
        self._small = Small(layers, 2 if self.bidirectional else 1) if plain else None

    def _state_widths(self, place: Place) -> list[int]:
        first, *others = self._sizes[place.suffix].states()
        return [self.proj_size if self.proj_size and not self.keeps_output else first, *others]

    def _placed(self, sizes: Sequence[Sizes]) -> list[Place]:
        directions = 2 if self.bidirectional else 1
        outputs = [(self.proj_size or size.states()[0]) * directions for size in sizes]
        inputs = [features_of(self.cell, self.input_size), *outputs]
        return [
            Place(layer, reverse, suffix, inputs[layer], sizes[layer].units)
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
        return self.output_width(self.places[-1]) * (2 if self.bidirectional else 1)

    def output_width(self, place: Place) -> int:
        """How many features a layer gives in one direction: P, or the width of its first state."""
        return self.proj_size or self.widths(place)[0]

    def sizes(self, place: Place) -> Sizes:
        """How many numbers everything of a layer has."""
        return self._sizes[place.suffix]

    @property
    def forward_places(self) -> list[Place]:
        """The layers in the direction of time."""
        return [place for place in self.places if not place.reverse]

    def _shapes(self, place: Place) -> dict[str, tuple[int, ...]]:
        """The weights of one layer in one direction, without suffix."""
        projection, heads = self.proj_size, self.options.heads
        sizes = self._sizes[place.suffix]
        return shapes(self.cell, place.inputs, sizes, bias=self.bias, projection=projection, heads=heads)

    def _add_learned_state(self, place: Place, factory: dict[str, Any]) -> None:
        for state, width in zip(self.cell.state, self.widths(place), strict=True):
            if self._is_learned(state):
                self.register_parameter(f"{state}_0{place.suffix}", nn.Parameter(torch.empty(width, **factory)))

    def widths(self, place: Place) -> list[int]:
        """How many numbers each state has: P for an output that is projected before the step sees it again, else H, or
        what its cell declares."""
        return self._widths[place.suffix]

    def reset_parameters(self) -> None:
        """Re-initialise all weights; does nothing on the meta device."""
        if next(self.parameters()).is_meta:
            return
        for place in self.places:
            names = self.weight_shapes[place.suffix]
            weights = {name: getattr(self, name + place.suffix) for name in names}
            draw_(self.cell, weights, self._sizes[place.suffix].hidden)
            for state, start in zip(self.cell.state, self.cell.initial, strict=True):
                if f"{state}_0{place.suffix}" in self._parameters:
                    nn.init.constant_(getattr(self, f"{state}_0{place.suffix}"), start)
        for norm in getattr(self, "norms", ()):
            norm.reset_parameters()

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The weights of each layer in each direction, in torch's order."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _all_weights(self) -> list[list[str]]:
        """Their names: an attribute of torch's layers that is not public, and by which many set their biases."""
        return [[name + place.suffix for name in self.weight_shapes[place.suffix]] for place in self.places]

    @property
    def _flat_weights(self) -> list[Tensor]:
        """All of them, as tools for torch's layers ask for them."""
        return [weight for weights in self.all_weights for weight in weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    def flatten_parameters(self) -> None:
        """Nothing to do: no kernel asks for weights in one piece of memory."""

    def weights_of(
        self, place: Place, dtype: torch.dtype | None = None, products: torch.dtype | None = None
    ) -> dict[str, Tensor]:
        """The weights of one layer in one direction by name, without suffix, in their own or another dtype.

        products: the dtype of those that are multiplied with the input or an output, where it is another.

        Raises ShapeError for one that was replaced by what is unlike it.
        """
        first = self._first_weight
        weights: dict[str, Tensor] = {}
        for name, shape in self.weight_shapes[place.suffix].items():
            full = name + place.suffix
            wanted = (products if name in MATRICES else None) or dtype or first.dtype
            weights[name] = in_dtype(check_weight(full, getattr(self, full), shape, first), wanted)
        return weights

    def wide_weights(self, place: Place, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights as kernels take them, as :func:`.weights.spread_widths` where some are narrower than others."""
        return spread_widths(weights, self._sizes[place.suffix]) if self.cell.widths else weights

    def weight_of(self, place: Place, name: str) -> Tensor:
        """One of them."""
        full = name + place.suffix
        return check_weight(full, getattr(self, full), self.weight_shapes[place.suffix][name], self._first_weight)

    @property
    def _first_weight(self) -> Tensor:
        return getattr(self, f"weight_ih{self.places[0].suffix}")

    def starts(self, place: Place, batch: int, like: Tensor) -> list[Tensor | None]:
        """What the states of one layer start from by themselves, (B, K) each: a learned vector, or the cell's number.

        like: of the dtype and on the device. None stands for zeros.
        """
        starts: list[Tensor | None] = []
        for name, start, width in zip(self.cell.state, self.cell.initial, self.widths(place), strict=True):
            if self.options.learned_state and self._is_learned(name):
                full = f"{name}_0{place.suffix}"
                learned = check_weight(full, getattr(self, full), (width,), self._first_weight)
                starts.append(learned.to(like.dtype).expand(batch, width))
            else:
                starts.append(like.new_full((batch, width), start) if start else None)
        return starts

    def full_starts(self, place: Place, batch: int, like: Tensor) -> list[Tensor]:
        """The same, with zeros where they are zeros."""
        starts = zip(self.starts(place, batch, like), self.widths(place), strict=True)
        return [like.new_zeros(batch, width) if state is None else state for state, width in starts]

    def initial_states(self, hx: Any, batch: Batch, weight: Tensor, dtype: torch.dtype) -> list[list[Tensor | None]]:
        """For every layer and direction its states (B, K), longest sequence first; None for zeros that nobody gave.
        Where sequences are cut, those before each episode.

        hx: as ``forward`` takes it, on the device and, outside autocast, of the dtype of ``weight``. Raises ShapeError.
        """
        if hx is None:
            like = weight.new_empty(0, dtype=dtype)
            return [self.starts(place, batch.rows.sequences, like) for place in self.places]
        states = self._listed(hx, batch, weight) if self._is_uneven else self._split(hx, batch, weight)
        if batch.rows.episodes is None:
            return [[batch.rows.sorted(state.to(dtype)) for state in layer] for layer in states]
        return [
            self._begun(place, batch.rows.episodes, [state.to(dtype) for state in layer])
            for place, layer in zip(self.places, states, strict=True)
        ]

    def _begun(self, place: Place, episodes: Episodes, given: list[Tensor]) -> list[Tensor | None]:
        starts = self.full_starts(place, episodes.number, given[0])
        pairs = zip(given, starts, strict=True)
        return [episodes.begun(state, start, reverse=place.reverse) for state, start in pairs]

    def joined_states(self, last: list[list[Tensor]], batch: Batch) -> Any:
        """The last states of every layer and direction in the form of ``hx``."""
        rows = batch.rows
        ends = [
            [rows.unsorted(state, reverse=place.reverse) for state in layer]
            for place, layer in zip(self.places, last, strict=True)
        ]
        layers = ends if batch.batched else [[state.squeeze(0) for state in layer] for layer in ends]
        joined = [self.stacked(list(states)) for states in zip(*layers, strict=True)]
        return joined[0] if len(joined) == 1 else tuple(joined)

    def stacked(self, states: list[Tensor]) -> Tensor | list[Tensor]:
        """One state of every layer and direction: a tensor, or a list where their widths differ."""
        return states if self._is_uneven else torch.stack(states)  # no single tensor holds different widths

    def _is_learned(self, state: str) -> bool:
        """Whether a learned initial value makes a difference; memories relative to a stabiliser start from nothing."""
        return state == self.cell.state[0] or not is_scaled(self.cell)

    def _split(self, hx: Any, batch: Batch, weight: Tensor) -> list[list[Tensor]]:
        """From one tensor (L * D, B, K) for each state."""
        widths = self.widths(self.places[0])
        rows = (batch.rows.batch,) if batch.batched else ()
        shapes = [(len(self.places), *rows, width) for width in widths]
        states = check_states(hx, self.cell.state, shapes, weight)
        if not batch.batched:
            states = [state.unsqueeze(1) for state in states]
        return [[state[index] for state in states] for index in range(len(self.places))]

    def _listed(self, hx: Any, batch: Batch, weight: Tensor) -> list[list[Tensor]]:
        """From a list of tensors (B, K), one for each layer and direction, for each state."""
        names, count = self.cell.state, len(self.places)
        lists = [hx] if len(names) == 1 else list(hx) if isinstance(hx, tuple | list) else []
        fits = len(lists) == len(names) and all(isinstance(states, tuple | list) for states in lists)
        if not fits or any(len(states) != count for states in lists):
            raise ShapeError(f"expected for each of {', '.join(names)} a list of {count} tensors, one for each layer")
        rows = (batch.rows.batch,) if batch.batched else ()
        layers: list[list[Tensor]] = []
        for index, place in enumerate(self.places):
            layer = tuple(states[index] for states in lists)
            states = check_states(layer, names, [(*rows, width) for width in self.widths(place)], weight)
            layers.append(states if batch.batched else [state.unsqueeze(0) for state in states])
        return layers

    def __getstate__(self) -> dict[str, Any]:
        """Arguments and weights: no more of our own types than torch.load has to be told of."""
        state = {name: value for name, value in self.__dict__.items() if name not in _DERIVED}
        if self.given_cell is self.class_cell:
            del state["given_cell"]
        return state | {"options": {name: getattr(self.options, name) for name in Options.__dataclass_fields__}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """With all that follows from the arguments; each process has its own keys for cells, for one."""
        super().__setstate__(state)
        if "given_cell" not in state:
            self.given_cell: Any = self.class_cell
        self.options = Options(**state["options"])
        self._derive()
