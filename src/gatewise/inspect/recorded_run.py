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
from ..nn.check import check_memory
from ..nn.recurrent import Recurrent
from ..nn.weights import Place
from .intercept import intercepted, the_layer
from .names import check_values, gate_values, sums
from .recorder import Recorder, StepSampling
from .records import Record, Selection

_SHARE = 0.5  # of the machine's memory that a record may take


class Recording:
    """What `recording` gives while a model runs; `record` returns what was kept, once it has run.

    Attributes:
        module: The layer that runs: the model's own, or the one of gatewise that stands in for a layer of torch.nn.
    """

    def __init__(self, values: Iterable[str], *, preactivations: bool, sampling: StepSampling) -> None:
        self._values, self._preactivations, self._sampling = tuple(values), preactivations, sampling
        self._recorders: dict[Place, Recorder] = {}
        self.module: Recurrent

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Recorder:
        """A recorder for one layer in one direction."""
        if place in self._recorders:
            raise InputError(
                "the layer runs more than once in one call of the model", hint="record the layer by itself"
            )
        if batch.rows.episodes is not None:
            raise InputError(
                "a record follows one state through all steps, and resets= begins it anew",
                hint="record each episode by itself",
            )
        selection = self._selection(module)
        if not self._recorders:
            self._check_memory(module, batch, len(selection.names))
        sizes, width = module.sizes(place), module.widths(place)[0]
        self._recorders[place] = Recorder(place, sizes, width, batch, selection.names, self._sampling)
        return self._recorders[place]

    def record(self, output: Any = None) -> Record:
        """What was kept.

        Args:
            output: What the model returned, to be kept in the record as ``output``.

        Returns:
            The record of the run.

        Raises:
            InputError: The model did not run its recurrent layer inside the block.
        """
        if len(self._recorders) < len(self.module.places):
            raise InputError("the model did not run its recurrent layer", hint="call it inside the with block")
        recorders = [self._recorders[place] for place in self.module.places]
        return Record(self.module, recorders, self._selection(self.module), output)

    def _selection(self, module: Recurrent) -> Selection:
        """The values of the program to keep, each once; states are kept anyway."""
        cell = module.cell
        names = [*gate_values(cell).values(), *check_values(cell, self._values)]
        if self._preactivations:
            names += sums(cell).values()
        states = program_of(cell).outputs.values()
        names = [name for name in dict.fromkeys(names) if name not in states]
        return Selection(tuple(names), self._preactivations, self._values, self._sampling)

    def _check_memory(self, module: Recurrent, batch: Batch, names: int) -> None:
        quantities = len(module.cell.state) + names
        rows = self._sampling.steps(batch.rows.steps) * batch.rows.batch
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
) -> Generator[Recording]:
    """Record a model's recurrent layer while the model runs in the block, for models that are called in their own way.

    ``with recording(model) as run: output = model.generate(...)``, then ``run.record(output)``.

    Args:
        model: A layer of ``gatewise.nn``, a ``torch.nn.LSTM``, ``GRU`` or ``RNN``, or any module that holds one.
        of: The name of the layer in the model, where it has several.
        values: Further values of the step to keep, by the names that ``gatewise show CELL --as program`` prints.
        preactivations: Keep what enters the gates' activations too.
        span: (first, end), the steps to keep, counted from 0, ``end`` not among them. By default all.
        bin: Keep means over so many steps, in place of every step.

    Yields:
        The recording. No gradients are recorded in the block.

    Raises:
        InputError: The model has no recurrent layer, or several and ``of`` names none of them; a value, span or bin
            is not valid; the layer runs more than once in the block; or the record would take more than half of the
            machine's memory, which is checked before anything is allocated.
    """
    layer = the_layer(model, of)
    run = Recording(values, preactivations=preactivations, sampling=StepSampling.of(span, bin))
    with intercepted(model, run, layer) as ours, torch.no_grad():
        run.module = ours[layer]
        yield run


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

    The kernels that run the layer compute everything in the same pass: states are the bits of the forward pass. The
    model runs as it is: ``eval()`` it to see what it does in use. No gradients are recorded.

    Args:
        model: A layer of ``gatewise.nn``, a ``torch.nn.LSTM``, ``GRU`` or ``RNN``, or any module that holds one.
        x: The input that the model is called with.
        hx: Initial states that the model is called with, if given.
        lengths: Lengths of the sequences, (B,), that the model is called with, if given.
        of: The name of the layer in the model, where it has several.
        values: Further values of the step to keep, by the names that ``gatewise show CELL --as program`` prints.
        preactivations: Keep what enters the gates' activations too.
        span: (first, end), the steps to keep, counted from 0, ``end`` not among them. By default all.
        bin: Keep means over so many steps, in place of every step.

    Returns:
        The record, whose tensors have the dtype and device of the run.

    Raises:
        InputError: The model has no recurrent layer, or several and ``of`` names none of them; it runs the layer more
            than once; a value, span or bin is not valid; or the record would take more than half of the machine's
            memory, which is checked before anything is allocated.
    """
    with recording(model, of=of, values=values, preactivations=preactivations, span=span, bin=bin) as run:
        more: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
        output = model(x, **more) if hx is None else model(x, hx, **more)
    return run.record(output)
