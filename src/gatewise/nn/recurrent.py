"""Any cell as a module: layers in one or two directions over a sequence."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.utils.rnn import PackedSequence

from ..kernels.choice import Choice, choose, product_dtype, working_dtype
from ..kernels.layer import Layer
from ..kernels.small import is_ordinary_call
from ..kernels.torch_law import torch_mode
from . import by_torch
from .batch import Batch
from .check import check_input, check_memory, check_values, in_dtype, result_dtype, without_autocast
from .layer_run import PLAIN, Run, Runner, assembled, head_of, in_heads, projected, wide_states
from .options import Options
from .rowwise import normalised
from .stack import Stack
from .weights import Place


class Watch(Protocol):
    """Attached to a module, it says who runs its layers."""

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Runner:
        """Who runs this layer in this direction."""
        ...


class _Dtypes(NamedTuple):
    """In which dtypes layers are computed. states: all but what follows. products: what products multiply, weights
    among it. outputs: what one layer hands the next."""

    states: torch.dtype
    products: torch.dtype
    outputs: torch.dtype


class Recurrent(Stack):
    """A stack of layers of one recurrent cell, called like ``torch.nn.LSTM``.

    Letters: T steps, B sequences, I = ``input_size``, H = ``hidden_size``, P = ``proj_size``, L layers, D directions.

    Weights are named, ordered and initialised as in torch.nn: all from U(-1/sqrt(H), 1/sqrt(H)).

    Attributes:
        allow_nonfinite: set it to True to compute with NaN and infinities, and to load them, instead of raising an
            error that says where they are.
        watch: what runs the layers in place of the kernels; see `gatewise.record`.

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
        **options: see `Options`.

    Raises:
        TypeError: for an argument of the wrong type, or an unknown option.
        InputError: for sizes or options that make no module.
    """

    watch: Watch | None = None

    @property
    def mode(self) -> str:
        """``"LSTM"``, ``"GRU"``, ``"RNN_TANH"`` or ``"RNN_RELU"``, by which programs for torch.nn tell layers apart.

        Raises:
            AttributeError: the cell is none of torch.nn's.
        """
        mode = torch_mode(self.given_cell)
        if not mode:
            raise AttributeError("mode")
        return mode

    def driver(self, x: Tensor, lengths: Any = None, resets: Any = None) -> Choice:
        """Which driver would run on an input like this one, and why, in words.

        x, lengths, resets: as `forward` takes them, (T, B, I) or the like.
        """
        place, batch, dtype = self.places[0], Batch(x, lengths, self.batch_first, resets), working_dtype(self.cell, x)
        states = batch.x.new_zeros(len(self.cell.state), batch.rows.sequences, place.units, dtype=dtype)
        weights, sizes = self.weights_of(place, dtype), batch.rows.batch_sizes
        weights = self.wide_weights(place, weights)
        layer = assembled(self.cell, weights, batch.x.to(dtype), states, sizes, training=False)
        if self.proj_size:
            layer = layer._replace(U=layer.U @ self.weight_of(place, "weight_hr").to(dtype))
        results = result_dtype(x)
        with without_autocast(x.device.type):
            products = self._product_dtype(x, results)
        return choose(self.cell, head_of(layer.multiplying(products), 0, self.options.heads), results)

    def _product_dtype(self, like: Tensor, results: torch.dtype) -> torch.dtype:
        """Who watches a layer sees all of it in one dtype."""
        return working_dtype(self.cell, like) if self.watch is not None else product_dtype(self.cell, like, results)

    def _only_multiplies(self) -> bool:
        """Whether all that layers read is multiplied with weights alone, so that it may come as products round it."""
        options = self.options
        drops = self.training and (self.dropout > 0.0 or options.weight_drop > 0.0)
        more = self.cell.inputs or self.cell.widths or self.proj_size or options.residual or options.pre_norm
        return not (drops or more)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Any = None,
        return_states: bool = False,
        resets: Any = None,
    ) -> Any:  # torch.onnx.export hands all of them over by their places, so that none is by keyword only
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
            resets: at which steps an episode begins, a bool tensor (T, B), (B, T) with ``batch_first``, or (T,)
                unbatched, on any device; for a PackedSequence one that is packed alike. There states start from what
                they do by default, whatever ``hx`` is, as if the episode were a sequence of its own: the direction that
                reads from the end starts anew at each episode's last step, and what is drawn once for a sequence is
                drawn for each episode. Steps beyond ``lengths`` do not count.

        Returns:
            The outputs of the last layer in the form of the input, D * H (or D * P) wide, and the last states in the
            form of ``hx``. With ``return_states``, as a third a tuple of every state at every step, (L * D, T, B, H) or
            the like.

        Raises:
            ShapeError: for tensors of another shape, dtype or device.
            InputError: for lengths, packed rows, resets, or numbers that are not finite, saying where.
        """
        whole = lengths is None and not return_states and resets is None
        if whole and is_ordinary_call():
            result = self._run_small(input, hx)
            if result is not None:
                return result
        if isinstance(input, Proxy):
            return by_torch.leaf(self, input, hx, lengths, return_states, resets)
        if who := by_torch.asked_for(input, self._first_weight):
            return by_torch.run(who, self._plain(whole=whole), input, hx)
        weight = self.weight_of(self.places[0], "weight_ih")
        check_input(input, self.input_size, weight)
        self._check_memory(input)
        batch = Batch(input, lengths, self.batch_first, resets)
        if not self.allow_nonfinite:
            check_values(batch.x, batch.where, batch.rows.running)
        dtype = working_dtype(self.cell, weight)
        states = self.initial_states(hx, batch, weight, dtype)  # under autocast, in whatever dtype they were given
        # under autocast everything comes in the dtype that it works in, as from torch.nn.LSTM
        outer = result_dtype(weight)
        with without_autocast(weight.device.type):
            products = self._product_dtype(weight, outer)
            dtypes = _Dtypes(dtype, products, products if self._only_multiplies() else dtype)
            x, runs = self._layers(batch, in_dtype(batch.x, dtypes.outputs), states, return_states, dtypes)
        if outer != dtype:
            x, runs = x.to(outer), [run.with_states_in(outer) for run in runs]
        result = batch.output(x), self.joined_states([run.last for run in runs], batch)
        return (*result, self._histories(runs, batch)) if return_states else result

    def _run_small(self, input: Any, hx: Any) -> Any:
        """What forward gives, where a small call does; None otherwise."""
        if self._small is None or self.watch is not None or type(input) is not Tensor:
            return None
        x = input.transpose(0, 1) if self.batch_first and input.dim() == 3 else input
        dropout = self.dropout if self.training else 0.0
        finite = not self.allow_nonfinite
        result = self._small.stack(self, x, hx, dropout=dropout, finite=finite)
        return (result[0].transpose(0, 1), result[1]) if result and self.batch_first else result

    def _plain(self, *, whole: bool) -> by_torch.LikeTorch | None:
        """What torch.nn would know of it; None where it has more than that. whole: the call has not either."""
        if self.options != Options() or isinstance(self.hidden_size, list) or self.watch is not None or not whole:
            return None
        weights = [
            {name: getattr(self, name + place.suffix) for name in self.weight_shapes[place.suffix]}
            for place in self.places
        ]
        return by_torch.LikeTorch(
            self.cell,
            (self.input_size, self.hidden_size),
            weights,
            self.bias,
            2 if self.bidirectional else 1,
            self.dropout if self.training and self.num_layers > 1 else 0.0,
            self.batch_first,
            self.proj_size,
        )

    def _check_memory(self, input: Tensor | PackedSequence) -> None:
        x: Tensor = input.data if isinstance(input, PackedSequence) else input
        arrays = len(self.cell.gates) + len(self.cell.state) if torch.is_grad_enabled() else 1
        rows = math.prod(x.shape[:-1])
        check_memory("the output", rows * arrays * max(place.units for place in self.places), x)

    def _layers(
        self, batch: Batch, x: Tensor, states: list[list[Tensor | None]], histories: bool, dtypes: _Dtypes
    ) -> tuple[Tensor, list[Run]]:
        """The outputs of the last layer, and what every layer in every direction gave."""
        runs: list[Run] = []
        features = self.places[0].inputs
        given, own = x, x[:, features:]  # what each layer's step reads of the input itself
        x = x[:, :features] if self.cell.row_inputs else x
        if self.options.residual:
            x = batch.rows.cleared(x)  # what is added to an output must be nothing where that is
        for at, place in enumerate(self.forward_places):
            read = normalised(self.norms[at], x, self._registered_norm) if self.options.pre_norm else x
            if self.cell.row_inputs:
                read = given if at == 0 and read is x and not self.options.residual else torch.cat((read, own), dim=1)
            directions = [
                self._single(other, batch, read, states[index], histories, dtypes)
                for index, other in enumerate(self.places)
                if other.layer == place.layer
            ]
            runs += directions
            outputs = [run.y for run in directions]
            y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
            if at < self.num_layers - 1 and self.dropout > 0.0:
                y = nn.functional.dropout(y, self.dropout, self.training)
            x = x + y if self.options.residual and x.shape == y.shape else y
        return x, runs

    def _single(
        self,
        place: Place,
        batch: Batch,
        x: Tensor,
        states: list[Tensor | None],
        histories: bool,
        dtypes: _Dtypes,
    ) -> Run:
        """One layer in one direction."""
        rows = batch.rows
        layer = self._layer(place, batch, rows.mirrored(x) if place.reverse else x, states, dtypes)
        runner = PLAIN if self.watch is None else self.watch.at(self, place, batch)
        if self.proj_size:
            projection, whole = self.weight_of(place, "weight_hr").to(x.dtype), self.keeps_output
            run = projected(runner, self._registered, layer, projection, states[0], whole=whole, histories=histories)
        else:
            run = in_heads(runner, self._registered, layer, self.options.heads, histories=histories)
        if self.cell.widths:
            run = run.narrowed(self.widths(place))
        if place.reverse:
            run = Run(rows.mirrored(run.y), run.last, [rows.mirrored(state) for state in run.seen])
        runner.done(run)
        return run

    def _layer(self, place: Place, batch: Batch, x: Tensor, states: list[Tensor | None], dtypes: _Dtypes) -> Layer:
        weights = self.weights_of(place, dtypes.states, dtypes.outputs)
        if self.options.weight_drop:
            for name in self.sizes(place).recurrent():
                weights[name] = nn.functional.dropout(weights[name], self.options.weight_drop, self.training)
        weights = self.wide_weights(place, weights)
        zeros = x.new_zeros(batch.rows.sequences, place.units, dtype=dtypes.states)
        wide, sizes = wide_states(states, zeros), batch.rows.batch_sizes
        return assembled(self.cell, weights, x, wide, sizes, training=self.training, products=dtypes.products)

    def _histories(self, runs: list[Run], batch: Batch) -> Any:
        padded = [[batch.padded(rows) for rows in run.seen] for run in runs]
        return tuple(self.stacked(list(states)) for states in zip(*padded, strict=True))

    def extra_repr(self) -> str:
        """The arguments that differ from their defaults."""
        shown = f"{self.input_size}, {self.hidden_size}"
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False}
        defaults |= {"dropout": 0.0, "bidirectional": False}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                shown += f", {name}={getattr(self, name)}"
        return (f"{self.cell.name}, " if type(self) is Recurrent else "") + shown + self.options.text()
