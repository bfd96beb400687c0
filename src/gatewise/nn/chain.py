"""A whole model whose every output needs only what came before: recurrent layers, and maps of single steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self, cast

from torch import Tensor, nn

from ..equation import Cell
from ..errors import InputError, ShapeError
from . import chainfile
from .by_rows import apply
from .from_torch import from_torch, is_from_torch
from .maps import MAPS
from .recurrent import Recurrent
from .sizes import sizes_of


class Chain(nn.Module):
    """Modules one after another; what :func:`gatewise.stream` carries on step by step and the exporters take.

    parts: recurrent modules, ours or ``torch.nn.LSTM``, ``GRU``, ``RNN`` (whose weights are then shared), and between
    them ``nn.Linear``, ``nn.LayerNorm``, ``nn.Tanh``, ``nn.Sigmoid``, ``nn.ReLU``, ``nn.LogSigmoid``, ``nn.Identity``,
    ``nn.Dropout``, :class:`Standardize` and :class:`Unstandardize`::

        model = Chain(Standardize(mean, scale), LSTM(3, 16, 2), nn.Linear(16, 1))
        y, state = model(x)

    Raises InputError for other modules, by name, and ShapeError for parts that do not fit together.
    """

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_part(part, f"part {at}") for at, part in enumerate(parts))
        if not len(self.parts):
            raise InputError("a chain of no parts", hint="give a recurrent module at least")
        _check_sizes(self.parts)
        if len({part.batch_first for part in self.recurrent}) > 1:
            raise InputError("some parts are batch_first and others are not", hint="make all the same")

    @property
    def input_size(self) -> int:
        """I, how many numbers a step reads. Raises InputError where no part says it."""
        for part in self.parts:
            if (sizes := sizes_of(part)) is not None:
                return sizes.inputs  # those before it keep the width
        raise InputError("no part of the chain says how many features its input has", hint=_NO_SIZE)

    @property
    def recurrent(self) -> list[Recurrent]:
        """The parts that have states."""
        return [part for part in self.parts if isinstance(part, Recurrent)]

    def forward(self, x: Tensor, hx: Sequence[Any] | None = None, *, lengths: Any = None) -> tuple[Tensor, list[Any]]:
        """Run over a sequence.

        x: (T, B, I), (B, T, I) where parts are ``batch_first``, or (T, I). hx: for each recurrent part the state that
        it takes. lengths: as of :class:`Recurrent`; outputs beyond are of no meaning.
        Returns the outputs, formed like x, and the list of the last states.
        """
        given = [None] * len(self.recurrent) if hx is None else list(hx)
        if len(given) != len(self.recurrent):
            raise ShapeError(f"expected {len(self.recurrent)} states, one for each recurrent part, got {len(given)}")
        last: list[Any] = []
        for part in self.parts:
            if isinstance(part, Recurrent):
                x, state = part(x, given[len(last)], lengths=lengths)
                last.append(state)
            else:
                x = apply(part, x)
        return x, last

    def save(self, path: str | Path) -> None:
        """Write parts and weights to one file, safetensors with a checksum.

        Raises InputError for a part with a forward of its own or a parametrisation, and then writes nothing.
        """
        chainfile.store(path, list(self.parts), self.state_dict())

    @classmethod
    def load(cls, path: str | Path, *, cells: Iterable[Cell] = ()) -> Self:
        """The chain that :meth:`save` wrote, on the CPU and in evaluation mode.

        cells: those in it that are none of gatewise's own. Raises ModelFileError for a file that is damaged, foreign or
        too new; nothing in it is executed.
        """
        return cast("Self", chainfile.stored(path, cells, cls))


_NO_SIZE = "add a linear or recurrent part"


def _check_sizes(parts: Iterable[nn.Module]) -> None:
    width: int | None = None
    for at, part in enumerate(parts):
        if (sizes := sizes_of(part)) is not None:
            if width not in (None, sizes.inputs):
                raise ShapeError(
                    f"a {type(part).__name__} of {sizes.inputs} features follows what gives {width}", where=f"part {at}"
                )
            width = sizes.outputs


def _part(module: nn.Module, name: str) -> nn.Module:
    """What stands for a module in a chain. Raises InputError where nothing can."""
    if is_from_torch(module):
        return from_torch(module)
    if isinstance(module, Recurrent | nn.Linear) or type(module) in MAPS:
        return module
    known = ", ".join(kind.__name__ for kind in (nn.Linear, *MAPS))
    raise InputError(f"a {type(module).__name__} is no part of a chain", where=name, hint=f"recurrent modules, {known}")
