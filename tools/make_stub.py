"""Write down for type checkers and editors which modules the cells have, with the signature of each.

python tools/make_stub.py        after adding a cell, or changing the arguments of modules
"""

from __future__ import annotations

import inspect
from pathlib import Path

from gatewise.nn import modules
from gatewise.nn.recurrent import Recurrent

PATH = Path(modules.__file__).with_suffix(".pyi")
HEAD = """# Written by tools/make_stub.py from the cells and from the constructor of Recurrent; not to be edited.

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .recurrent import Recurrent

MODULES: dict[str, type[Recurrent]]

def name_of(cell: str) -> str: ...
"""


def stub() -> str:
    """The text of the stub."""
    common = _constructor(next(iter(modules.MODULES.values())))
    classes = [f"class _OfCell(Recurrent):\n{common}", *(_class(module, common) for module in modules.MODULES.values())]
    listed = "".join(f'    "{name}",\n' for name in modules.__all__)
    return "\n".join([HEAD, *classes, f"__all__ = [\n{listed}]\n"])


def _class(module: type[Recurrent], common: str) -> str:
    first, constructor = (module.__doc__ or "").splitlines()[0], _constructor(module)
    base, body = ("_OfCell", "") if constructor == common else ("Recurrent", f"\n{constructor}")
    return f'class {module.__name__}({base}):\n    """{first}"""\n{body}'


def _constructor(module: type[Recurrent]) -> str:
    arguments = ["self"]
    for parameter in inspect.signature(module).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in arguments:
            arguments.append("*")
        default = "" if parameter.default is parameter.empty else f" = {_literal(parameter.default)}"
        arguments.append(f"{parameter.name}: {parameter.annotation}{default}")
    listed = "".join(f"        {argument},\n" for argument in arguments)
    return f"    def __init__(\n{listed}    ) -> None: ...\n"


def _literal(value: object) -> str:
    """A default as a stub may hold it."""
    return repr(value).replace("'", '"') if value is None or isinstance(value, str | bool | int | float) else "..."


if __name__ == "__main__":
    PATH.write_text(stub())
