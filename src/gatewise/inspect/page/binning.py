"""A page of many steps, made small: neighbouring steps share a column."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...errors import InputError
from .chart import Floats
from .document import Page, PageLayer
from .explained import Output, Refusal, Split

MOST_BYTES = 3_000_000
_OTHER_BYTES = 250_000  # text, styles, script, diagrams, charts
_BYTES = 16 / 3  # of a float32 in base64


def fitted(page: Page) -> Page:
    """The page, in as many steps to a column as it takes to stay under ``MOST_BYTES``.

    Raises InputError where even one column would be too much.
    """
    budget = MOST_BYTES - _OTHER_BYTES
    bin = max(int(np.ceil(_size(page) / budget)), 1)
    if bin > len(page.steps):
        raise InputError("one step of all these values is already too much for a page", hint="show fewer layers")
    return page if bin == 1 else binned(page, bin)


def binned(page: Page, bin: int) -> Page:
    """The page with ``bin`` steps in a column: means of values and inputs, sums of contributions, as they add up."""
    starts = np.arange(0, len(page.steps), bin)
    ends = [min(start + bin, len(page.steps)) - 1 for start in starts.tolist()]
    labels = zip(starts.tolist(), ends, strict=True)
    return replace(
        page,
        steps=tuple(page.steps[a] if a == b else f"{page.steps[a]} to {page.steps[b]}" for a, b in labels),
        places=tuple(_place(place, starts) for place in page.places),
        inputs=replace(page.inputs, numbers=_means(page.inputs.numbers, starts)),
        outputs=tuple(_output(output, starts) for output in page.outputs),
        bin=page.bin * bin,
    )


def _size(page: Page) -> float:
    wires = sum(wire.numbers.size for place in page.places for wire in place.wires)
    splits = sum(split.by_step.size for output in page.explained for split in output.splits)
    labels = sum(len(step) + 4 for step in page.steps)
    return _BYTES * (wires + splits + page.inputs.numbers.size) + labels


def _place(place: PageLayer, starts: np.ndarray) -> PageLayer:
    return replace(place, wires=tuple(replace(wire, numbers=_means(wire.numbers, starts)) for wire in place.wires))


def _output(output: Output | Refusal, starts: np.ndarray) -> Output | Refusal:
    if isinstance(output, Refusal):
        return output
    memory, credit = (split and _split(split, starts) for split in (output.memory, output.credit))
    return replace(output, memory=memory, credit=credit)


def _split(split: Split, starts: np.ndarray) -> Split:
    return replace(split, by_step=np.add.reduceat(split.by_step.astype(float), starts, axis=0).astype(np.float32))


def _means(numbers: Floats, starts: np.ndarray) -> Floats:
    counts = np.diff(np.append(starts, len(numbers)))
    with np.errstate(invalid="ignore"):  # a stabiliser starts at minus infinity
        return (np.add.reduceat(numbers.astype(float), starts, axis=0) / counts[:, None]).astype(np.float32)
