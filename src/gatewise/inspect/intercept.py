"""Find the recurrent layers of a model, and intercept their run: to observe it, or to run another step in its place.

That other step is a cell made from the module's own (`transforms`), so it is run by the same kernels, in the middle of
the same model.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..equation import Cell
from ..errors import InputError
from ..kernels.dispatch import sequence
from ..kernels.layer import Layer, States
from ..kernels.registry import Registered, register
from ..nn.from_torch import is_from_torch, twin_of
from ..nn.layer_run import Run
from ..nn.recurrent import Recurrent, Watch
from ..nn.rowwise import step


def first_tensor(output: Any) -> Tensor:
    """The output itself, or the first in it. Raises InputError where that is no tensor."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise InputError(f"the model returns a {type(output).__name__}", hint="give a readout to a tensor")
    return output


_RECURRENT = "a recurrent layer of gatewise.nn, or a torch.nn.LSTM, GRU or RNN"


def recurrent_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The recurrent layers of a model, by their names in it; ``""`` for the model itself.

    Raises InputError where there is none.
    """
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"a {type(model).__name__} is not a module", hint=f"give {_RECURRENT}")
    layers = {name: one for name, one in model.named_modules() if isinstance(one, Recurrent) or is_from_torch(one)}
    if not layers:
        raise InputError(
            f"{type(model).__name__} holds no recurrent layer", hint=f"give {_RECURRENT}, or a model with one"
        )
    return layers


def the_layer(model: nn.Module, of: str) -> nn.Module:
    """The one of that name, or the only one. Raises InputError where that is not clear."""
    layers = recurrent_layers(model)
    if of in layers:
        return layers[of]
    names = ", ".join(name or "the model itself" for name in layers)
    if of:
        raise InputError(f"the model has no recurrent layer {of!r}", hint=f"there is {names}")
    if len(layers) > 1:
        raise InputError(f"the model has {len(layers)} recurrent layers", hint=f"name one of them with of=: {names}")
    return next(iter(layers.values()))


@contextmanager
def intercepted(model: nn.Module, watch: Watch, only: nn.Module | None = None) -> Generator[dict[nn.Module, Recurrent]]:
    """While it lasts, ``watch`` chooses what runs the recurrent layers of the model; torch.nn's run as ours.

    only: one of the layers, in place of all. Gives for each layer the module of ours that runs in its place.
    Raises InputError where a layer is intercepted already.
    """
    with ExitStack() as stack:
        layers = recurrent_layers(model).values() if only is None else [only]
        yield {layer: stack.enter_context(_one_intercepted(layer, watch)) for layer in layers}


@contextmanager
def _one_intercepted(layer: nn.Module, watch: Watch) -> Generator[Recurrent]:
    ours = layer if isinstance(layer, Recurrent) else twin_of(layer)
    if ours.watch is not None or "forward" in vars(layer):
        raise InputError(f"this {type(layer).__name__} is intercepted already, or its forward was replaced")
    ours.watch = watch
    if ours is not layer:
        layer.forward = ours.forward
    try:
        yield ours
    finally:
        ours.watch = None
        if ours is not layer:
            del layer.forward


class Changed:
    """Runs another cell in the place of the module's, with the same weights.

    change: what makes it of the module's cell; it may have more states, per-unit weights and noise than that.
    extend: gives the layer what that cell reads beyond; by default nothing. States beyond the module's start from
    what the cell declares, and come back in ``more``, run by run: their values at every row, (N, H) each.
    """

    def __init__(self, change: Callable[[Cell], Cell], extend: Callable[[Cell, Layer], Layer] | None = None) -> None:
        self._change, self._extend = change, extend
        self.more: list[tuple[Tensor, ...]] = []

    def sequence(self, registered: Registered, layer: Layer, *, histories: bool) -> States:
        """All steps of the other cell; the histories of the module's own states."""
        plain = registered.cell
        cell = self._change(plain)
        count, added = len(plain.state), len(cell.state) - len(plain.state)
        run = sequence(register(cell), self._given(cell, layer, added), histories=histories or added > 0)
        if not added:
            return run
        self.more.append(tuple(run.histories[count - 1 :]))
        return run._replace(last=run.last[:count], histories=run.histories[: count - 1])

    def step(self, cell: Cell, layer: Layer, rows: slice, states: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """One step of the other cell; its new values of the module's own states."""
        count, cell = len(cell.state), self._change(cell)
        added = len(cell.state) - count
        begun = [states[0].new_full((len(states[0]), layer.units), start) for start in cell.initial[count:]]
        after = step(cell, self._given(cell, layer, added), rows, [*states, *begun])
        if added:
            self.more.append(after[count:])
        return after[:count]

    def done(self, run: Run) -> None:
        """Called at the end of the run; nothing is kept of it."""

    def _given(self, cell: Cell, layer: Layer, added: int) -> Layer:
        if added:
            starts = torch.tensor(cell.initial[len(cell.initial) - added :], dtype=layer.x.dtype, device=layer.x.device)
            begun = starts.view(-1, 1, 1).expand(added, layer.rows, layer.units)
            layer = layer._replace(states=torch.cat((layer.states, begun)))
        return layer if self._extend is None else self._extend(cell, layer)
