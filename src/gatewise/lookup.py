"""A cell by what a user calls it in words: one of gatewise's own, or one in a module or file of theirs."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .cells import CELLS
from .equation import Cell
from .errors import CellError, GatewiseError, moved


def cell_at(words: str) -> Cell:
    """The cell of this name (``lstm``), or in this module or file (``mine:cell``, ``cells/mine.py:cell``).

    Modules are looked for in the current folder first. What is named is imported, so its code runs. Raises CellError
    where there is no such cell, module or file, where it is not a cell, or where it cannot be imported.
    """
    source, colon, name = words.rpartition(":")
    if not colon:
        if words not in CELLS:
            how = "; one of your own is given as module:cell or file.py:cell"
            raise CellError(f"there is no cell {words!r}", hint=f"cells: {', '.join(CELLS)}{how}")
        return CELLS[words]
    return _cell_in(_imported(source), source, name)


def _cell_in(module: ModuleType, source: str, name: str) -> Cell:
    cells = [known for known, value in vars(module).items() if isinstance(value, Cell)]
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if isinstance(value, Cell):
        return value
    what = f"there is no {name!r}" if value is None else f"{name!r} is of type {type(value).__name__}, not a cell"
    hint = f"its cells: {', '.join(cells)}" if cells else "it has no cells; declare one with @gatewise.cell"
    raise CellError(what, where=source, hint=hint)


def _imported(source: str) -> ModuleType:
    """Raises CellError for what is not there, or goes wrong as it runs."""
    try:
        return _from_file(Path(source)) if source.endswith(".py") else _by_name(source)
    except GatewiseError as error:
        if error.where:
            raise
        raise moved(error, source) from error
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name and f"{source}.".startswith(f"{error.name}.")
        if missing:
            hint = "it is neither in the current folder nor installed"
            raise CellError(f"there is no module {source!r}", hint=hint) from error
        what = f"it cannot be imported ({type(error).__name__}: {error})"
        raise CellError(what, where=source, hint="check that Python imports it by itself") from error


def _by_name(name: str) -> ModuleType:
    with _on_path(Path.cwd()):
        return import_module(name)


def _from_file(path: Path) -> ModuleType:
    """The file as a module whose name is its path, so that it takes the place of no other."""
    if not path.is_file():
        raise CellError("there is no such file", where=str(path), hint="check the path")
    spec = spec_from_file_location(str(path.resolve()), path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    with _on_path(path.resolve().parent):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _on_path(folder: Path) -> Generator[None]:
    """Modules are looked for in this folder first."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with suppress(ValueError):  # the module itself may have removed it
            sys.path.remove(str(folder))
