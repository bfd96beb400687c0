"""The cells of the library as modules; LSTM, GRU and RNN are torch.nn's by name, arguments, weights and results.

Every cell in `gatewise.cells.CELLS` has one, made here from the cell: nothing is written by hand but ``RNN``,
which chooses between two. For type checkers and editors they are listed in ``modules.pyi``, which
``tools/make_stub.py`` writes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

from torch import nn

from ..cells import CELLS
from ..equation import Cell
from .options import Options, spelled_out
from .recurrent import Recurrent
from .step import NONLINEARITIES, of_name


def name_of(cell: str) -> str:
    """The name of a cell's module: in capitals what is itself the name of a cell, else in camel case."""
    return "".join(word.upper() if word in CELLS else word.capitalize() for word in cell.split("_"))


def _arguments_of(documented: type) -> str:
    """The entries of ``Args`` in a class's docstring, but for the cell and for options in general."""
    text = inspect.cleandoc(documented.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
    return "".join(re.findall(r"^    (?!cell:|\*\*)\w+:.*\n(?:^     +.*\n)*", text + "\n", re.MULTILINE))


def _documented(about: str, name: str, arguments: str = "") -> str:
    """A module's docstring. about: what its cell's says. arguments: entries of its own."""
    drop_in = (
        f"A drop-in for ``torch.nn.{name}``, and more: " if hasattr(nn, name) else "Called like ``torch.nn.LSTM``: "
    )
    see = "see `gatewise.nn.Recurrent`, whose ``forward`` it has."
    listed = _arguments_of(Recurrent) + arguments + _arguments_of(Options)
    return f"{about}\n\n{drop_in}{see}\n\nArgs:\n{listed}"


def _module_of(cell: Cell) -> type[Recurrent]:
    name = name_of(cell.name)

    @spelled_out(Recurrent.__init__)
    def __init__(self: Recurrent, *arguments: Any, **options: Any) -> None:  # noqa: N807
        Recurrent.__init__(self, cell, *arguments, **options)

    body = {"__init__": __init__, "__doc__": _documented(cell.doc, name), "__module__": __name__, "class_cell": cell}
    __init__.__qualname__ = f"{name}.__init__"
    return type(name, (Recurrent,), body)


class RNN(Recurrent):
    """The plain recurrent network, with one of two nonlinearities."""

    @spelled_out(Recurrent.__init__)
    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *arguments: Any,
        **options: Any,
    ) -> None:
        super().__init__(of_name(nonlinearity), input_size, hidden_size, num_layers, *arguments, **options)
        self.nonlinearity = nonlinearity

    @property
    def class_cell(self) -> Cell:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One of two."""
        return of_name(self.nonlinearity)


_NONLINEARITY = '    nonlinearity: ``"tanh"`` or ``"relu"``; the fourth argument, as in torch.nn.\n'
RNN.__doc__ = _documented(NONLINEARITIES["tanh"].doc, RNN.__name__, _NONLINEARITY)

_DERIVED = [_module_of(cell) for cell in CELLS.values() if cell not in NONLINEARITIES.values()]
MODULES: dict[str, type[Recurrent]] = {module.__name__: module for module in (*_DERIVED, RNN)}
globals().update(MODULES)
__all__ = sorted(MODULES, key=lambda name: (not name.isupper(), name))  # pyright: ignore[reportUnsupportedDunderAll]
