"""One layer in one direction: put together for the kernels, and run by them or by an observer; in heads, projected, or
as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..compiler.lower import program_of
from ..equation import Cell, previous
from ..kernels.dispatch import sequence
from ..kernels.draws import drawn
from ..kernels.layer import Layer, States
from ..kernels.registry import Registered
from .rowwise import step, times_projection
from .weights import joined_bias, repeated, spread


def assembled(
    cell: Cell,
    weights: Mapping[str, Tensor],
    x: Tensor,
    states: Tensor,
    batch_sizes: Tensor | None = None,
    *,
    training: bool,
    products: torch.dtype | None = None,
) -> Layer:
    """One layer for the kernels, from weights by their names without suffix, rows x (N, I) and states (S, B, H).

    products: the dtype of what products multiply, where it is not that of everything else.
    """
    W, (_, rows, units) = weights["weight_ih"], states.shape
    like = W if W.dtype == states.dtype else W.new_empty(0, dtype=states.dtype)  # not the states: vmap may map them
    bias = joined_bias(cell, weights.get("bias_ih"), weights.get("bias_hh"), units)
    vectors = [weights[name].expand(units) if name in cell.scalars else weights[name] for name in cell.per_unit]
    if bias is not None:
        bias = spread(cell, bias, units, lambda gate: gate.has_bias)
    layer = Layer(
        x,
        spread(cell, W, units, lambda gate: gate.has_input),
        spread(cell, weights["weight_hh"], units, lambda gate: bool(gate.recurrent)),
        like.new_zeros(sum(gate.has_bias for gate in cell.gates) * units) if bias is None else bias,
        torch.stack(vectors) if vectors else like.new_empty(0, units),
        states,
        drawn(cell, "step", x.shape[0], units, like, training=training),
        drawn(cell, "sequence", rows, units, like, training=training),
        batch_sizes,
    )
    return layer.multiplying(products or W.dtype)


def wide_states(states: Sequence[Tensor | None], zeros: Tensor) -> Tensor:
    """States (B, K) as one tensor (S, B, H), zeros for None; narrower ones are repeated, and a projected one is not
    read there."""
    units = zeros.shape[1]
    return torch.stack([zeros if state is None else repeated(state, units) for state in states])


class Run(NamedTuple):
    """y: the outputs (N, K). last: the last value of each state, (B, K). seen: its values at every row, (N, K), where
    they were asked for."""

    y: Tensor
    last: list[Tensor]
    seen: list[Tensor]

    def with_states_in(self, dtype: torch.dtype) -> Run:
        """The same with the last and all states in a dtype."""
        return Run(self.y, [state.to(dtype) for state in self.last], [state.to(dtype) for state in self.seen])

    def narrowed(self, widths: Sequence[int]) -> Run:
        """The same with each state in its own width, where kernels repeat what is narrower than they are."""
        last = [state[:, :width] for state, width in zip(self.last, widths, strict=True)]
        seen = [state[:, :width] for state, width in zip(self.seen, widths, strict=False)]
        return Run(self.y[:, : widths[0]], last, seen)


class Runner(Protocol):
    """Runs one layer in one direction, whose rows lie in the order in which that direction reads them."""

    def sequence(self, registered: Registered, layer: Layer, *, histories: bool) -> States:
        """All steps, as :func:`gatewise.kernels.dispatch.sequence`; each head by itself, where there are several."""
        ...

    def step(self, cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """A first step that reads an output as it is given, as :func:`.rowwise.step`."""
        ...

    def done(self, run: Run) -> None:
        """Told what the layer gave in the end: projected, and with time in the input's own order."""
        ...


class Plain:
    """The kernels themselves."""

    sequence = staticmethod(sequence)
    step = staticmethod(step)

    def done(self, run: Run) -> None:
        """Nothing to do."""


PLAIN = Plain()


def in_heads(run: Runner, registered: Registered, layer: Layer, heads: int, *, histories: bool) -> Run:
    """Run each head, a block of H / heads units that U connects among themselves only, as a layer of its own.

    layer: as for one head, but U is (H for each gate with a recurrent part, H / heads).
    """
    if heads == 1:
        states = run.sequence(registered, layer, histories=histories)
    else:
        parts = [run.sequence(registered, head_of(layer, index, heads), histories=histories) for index in range(heads)]
        states = States(*(torch.cat(pieces, dim=-1) for pieces in zip(*parts, strict=True)))
    return Run(states.y, list(states.last), [states.y, *states.histories] if histories else [])


def head_of(layer: Layer, index: int, heads: int) -> Layer:
    """The layer of one head alone."""
    units = layer.units
    units_of_head = slice(index * units // heads, (index + 1) * units // heads)

    def rows(weight: Tensor) -> Tensor:
        return weight.unflatten(0, (-1, units))[:, units_of_head].flatten(0, 1) if len(weight) else weight

    return layer._replace(
        W=rows(layer.W),
        U=rows(layer.U),
        b=rows(layer.b),
        per_unit=layer.per_unit[:, units_of_head],
        states=layer.states[..., units_of_head],
        step_noise=layer.step_noise[..., units_of_head],
        sequence_noise=layer.sequence_noise[..., units_of_head],
    )


def reads_output(cell: Cell) -> bool:
    """Whether the step reads its own output of the step before other than through U."""
    name, program = previous(cell.state[0]), program_of(cell)
    used = any(name in instruction.args for instruction in program.body if instruction.op != "product")
    return used or name in program.outputs.values()


def projected(
    run: Runner,
    registered: Registered,
    layer: Layer,
    projection: Tensor,
    h: Tensor | None,
    *,
    whole: bool,
    histories: bool,
) -> Run:
    """Run a layer whose output, and what U multiplies, is ``projection`` (P, H) times the cell's output.

    Sak, Senior, Beaufays, Long Short-Term Memory Based Recurrent Neural Network Architectures, arXiv:1402.1128,
    equations 1 to 6, without the non-recurrent projection. U is (H for each gate, P): the kernels run with
    U projection, and the outputs of all steps are projected at once.
    h: the initial output (B, P), None for zeros. whole: for cells whose step reads its output, which is kept whole
    in ``layer.states``; then h is not read.
    """
    wide = layer._replace(U=(layer.U.to(projection.dtype) @ projection).to(layer.U.dtype))
    layer = layer.in_one_dtype()
    if whole or h is None or layer.x.shape[0] == 0:
        states = run.sequence(registered, wide, histories=histories)
    else:
        states = _first_step_apart(run, registered, layer, wide, h, histories=histories)
    y = times_projection(states.y, projection)
    output = states.last[0] if whole else _last_output(layer, times_projection(states.last[0], projection), h)
    seen = [states.y if whole else y, *states.histories] if histories else []
    return Run(y, [output, *states.last[1:]], seen)


def _last_output(layer: Layer, output: Tensor, h: Tensor | None) -> Tensor:
    """The last projected output; a sequence of length 0 ends where it began."""
    if h is None:
        return output
    sizes = layer.counts()
    running = sizes[0] if sizes else 0
    return output if running == layer.rows else torch.cat((output[:running], h[running:]))


def _first_step_apart(
    run: Runner, registered: Registered, layer: Layer, wide: Layer, h: Tensor, *, histories: bool
) -> States:
    """The first step reads an output that is given as it is, not as the projection of something."""
    first = next(layer.slices())
    running = first.stop
    old = [h[:running], *(state[:running] for state in layer.states[1:])]
    new = torch.stack(run.step(registered.cell, layer, first, old))
    states = torch.cat((new, layer.states[:, running:]), dim=1)
    later = run.sequence(registered, wide.part(1, None, states), histories=histories)
    joined = torch.cat((new[1:], later.histories), dim=1) if histories else later.histories
    return later._replace(y=torch.cat((new[0], later.y)), histories=joined)
