"""Cells by key, since an operator of torch can take a string but not a cell."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from ..cells import CELLS
from ..compiler.lower import program_of
from ..equation import Cell
from ..errors import CellError

_CELLS: dict[str, Cell] = {}

# Raised whenever the operators give tensors of other shapes: graphs that torch.compile keeps on disk name cells by
# their keys, and one made for another shape must not be found.
_LAYOUT = 2


class Registered(NamedTuple):
    """A cell and the key by which torch's operators know it; all cells of one declaration and equations share both.

    Bound once, since torch.compile can trace neither the making of a key nor a look-up by a cell.
    """

    cell: Cell
    key: str


@lru_cache(maxsize=4096)
def register(cell: Cell) -> Registered:
    """What stands for this cell, and for every other with the same declaration and equations."""
    noise = [(draw.name, draw.each) for draw in cell.noise]
    declaration = repr((_LAYOUT, cell.gates, cell.state, cell.per_unit, noise)) + str(program_of(cell))
    own = (cell.inputs, tuple(gate.tied for gate in cell.gates if gate.tied), cell.scalars)
    declaration += repr(own) if any(own) else ""
    key = f"{cell.name}-{hashlib.sha256(declaration.encode()).hexdigest()[:16]}"
    return Registered(_CELLS.setdefault(key, cell), key)


def cell_of(key: str) -> Cell:
    """The cell that was registered under the key, which another process may have given out, or a cell of the library.

    Raises CellError where it is neither.
    """
    if key not in _CELLS:
        name = key.rpartition("-")[0]
        if name in CELLS:
            register(CELLS[name])
        if key not in _CELLS:
            raise CellError(
                f"the cell {name} of a saved program is not known in this process",
                hint="import the module that declares it, and make the program's own layer, or one with the same cell "
                "and options, before it runs",
            )
    return _CELLS[key]
