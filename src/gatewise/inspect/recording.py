"""Run a model once and keep what went on inside its recurrent layer."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..compiler.lower import program_of
from ..errors import InputError
from ..nn.batch import Batch
from ..nn.recurrent import Recurrent
from ..nn.values import check_memory
from ..nn.weights import Place
from .intercept import the_layer, watched
from .names import check_values, gate_values, sums
from .record import Record, Selection
from .recorder import Recorder, Window

_SHARE = 0.5  # of the machine's memory that a record may take


class Tape:
    """What is kept while a model runs; ``record`` gives it, once the model has run."""

    def __init__(self, names: Iterable[str], *, preactivations: bool, window: Window) -> None:
        self._asked, self._preactivations, self._window = tuple(names), preactivations, window
        self._recorders: dict[Place, Recorder] = {}
        self.module: Recurrent

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Recorder:
        """A recorder for a layer."""
        if place in self._recorders:
            raise InputError(
                "the layer runs more than once in one call of the model", hint="record the layer by itself"
            )
        kept = self._selection(module)
        if not self._recorders:
            self._check_memory(module, batch, len(kept.names))
        self._recorders[place] = Recorder(place, module.widths(place)[0], batch, kept.names, self._window)
        return self._recorders[place]

    def record(self, output: Any = None) -> Record:
        """What was kept. output: what the model returned. Raises InputError where the layer did not run."""
        if len(self._recorders) < len(self.module.places):
            raise InputError("the model did not run its recurrent layer", hint="call it inside the with block")
        recorders = [self._recorders[place] for place in self.module.places]
        return Record(self.module, recorders, self._selection(self.module), output)

    def _selection(self, module: Recurrent) -> Selection:
        """The values of the program to keep, each once; states are kept anyway."""
        cell = module.cell
        names = [*gate_values(cell).values(), *check_values(cell, self._asked)]
        if self._preactivations:
            names += sums(cell).values()
        known = program_of(cell).outputs.values()
        names = [name for name in dict.fromkeys(names) if name not in known]
        return Selection(tuple(names), self._preactivations, self._asked, self._window)

    def _check_memory(self, module: Recurrent, batch: Batch, names: int) -> None:
        quantities = len(module.cell.state) + names
        rows = self._window.steps(batch.rows.steps) * batch.rows.batch
        count = quantities * rows * sum(place.units for place in module.places)
        hint = "keep fewer steps, span=(0, 1000), or means of several, bin=10"
        what = f"a record of {quantities} quantities at {rows:,} steps"
        check_memory(what, count, batch.x, share=_SHARE, hint=hint)


@contextmanager
def recording(
    model: nn.Module,
    *,
    of: str = "",
    values: Iterable[str] = (),
    preactivations: bool = False,
    span: tuple[int, int] | None = None,
    bin: int = 1,
) -> Generator[Tape]:
    """Keep what goes on in the model's recurrent layer while it runs in the block; then ``tape.record()``.

    Arguments as those of :func:`record`, for models that are called in a way of their own.
    """
    layer = the_layer(model, of)
    tape = Tape(values, preactivations=preactivations, window=Window.of(span, bin))
    with watched(model, tape, layer) as ours, torch.no_grad():
        tape.module = ours[layer]
        yield tape


def record(
    model: nn.Module,
    x: Any,
    hx: Any = None,
    lengths: Any = None,
    *,
    of: str = "",
    values: Iterable[str] = (),
    preactivations: bool = False,
    span: tuple[int, int] | None = None,
    bin: int = 1,
) -> Record:
    """Run a model once, and keep every gate and state of its recurrent layer at every step.

    model: a layer of ``gatewise.nn``, a ``torch.nn.LSTM``, ``GRU`` or ``RNN``, or any module that holds one, run as
    it is: ``eval()`` it to see what it does in use. x, hx, lengths: what it is called with; the latter two only if
    given. of: the name of the layer, where the model has several. values: other values of the step by the names that
    ``gatewise show CELL --as program`` gives them. preactivations: keep what enters the gates' activations too.
    span: (first, end), the steps to keep. bin: keep means over so many steps.

    Everything is computed by the kernels that run the layer, in the same pass: states are the bits of the forward
    pass. No gradients are recorded.
    Raises InputError where there is no recurrent layer, where it runs more than once, for a name that there is not,
    and, before anything is allocated, for a record that would take more than half of the machine's memory.
    """
    with recording(model, of=of, values=values, preactivations=preactivations, span=span, bin=bin) as tape:
        more: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
        output = model(x, **more) if hx is None else model(x, hx, **more)
    return tape.record(output)
