"""What can be done with the files of chains, of streams' states and of trainings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import InputError
from ..nn import stream as streams
from ..nn.chain import Chain
from ..tables.sequences import Floats
from .kind import Supplied

if TYPE_CHECKING:
    from ..tables.options import ReadOptions


def load(path: str | Path, supplied: Supplied) -> Chain:
    """The chain in a file."""
    return Chain.load(path, cells=supplied.cells)


def read(path: Path, options: ReadOptions | None, label: str) -> list[Floats]:
    """The sequences (T, I) in a table without labels."""
    # With DuckDB and pandas, which a chain itself does without.
    from ..tables.long_table import read_steps
    from ..tables.options import DEFAULTS

    return read_steps(path, options or DEFAULTS)


def chain(model: Chain) -> Chain:
    """The chain itself."""
    return model


def steps(model: Chain, sequences: list[Floats]) -> list[Tensor]:
    """The sequences as tensors."""
    return [torch.from_numpy(sequence) for sequence in sequences]


def load_stream(path: str | Path, supplied: Supplied) -> streams.Stream:
    """A stream of the model that was supplied, at the step where it was saved."""
    if supplied.model is None:
        raise InputError(
            "it holds a stream's state, which goes with a model",
            where=str(path),
            hint="give load the model too",
        )
    stream = streams.stream(supplied.model, streams.batch_size_of(path))
    stream.load(path)
    return stream


def load_checkpoint(path: str | Path, supplied: Supplied) -> Any:
    """The state of a training."""
    from ..training.checkpoint import load

    return load(path)
