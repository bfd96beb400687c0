"""What to install where a module is missing: the extra of gatewise that requires it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

_REQUIREMENT = re.compile(r"""([\w.-]+)[^;]*(?:;.*\bextra == ["']([\w-]+)["'])?""")


def how_to_install(module: str) -> str:
    """The command that installs a module: with the extra that requires it, alone where none does."""
    name = module.partition(".")[0]
    extra = next((extra for extra, modules in extras().items() if name in modules), None)
    return f"pip install {name}" if extra is None else f"pip install '{f'gatewise[{extra}]' if extra else 'gatewise'}'"


def found_late(module: str, exports: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module whose names are imported when they are asked for.

    Args:
        module: Its name.
        exports: By name, where it stands, as seen from the module: ``".app"`` below it, ``"..models"`` beside it.

    Returns:
        A function that gives what is called so. It raises AttributeError for any other name, and a ModuleNotFoundError
        says what to install.
    """

    def found(name: str) -> Any:
        if name not in exports:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        try:
            return getattr(import_module(exports[name], module), name)
        except ModuleNotFoundError as error:
            error.add_note(how_to_install(error.name or ""))
            raise

    return found


def extras() -> dict[str, set[str]]:
    """The modules that each extra of the installed distribution requires; of "" what is always required.

    An extra that holds another whole, such as the one for tests, is left out.
    """
    from importlib import metadata

    modules_by_extra: defaultdict[str, set[str]] = defaultdict(set)
    try:
        requirements = metadata.requires("gatewise") or []
    except metadata.PackageNotFoundError:  # a source tree
        requirements = []
    for requirement in requirements:
        if match := _REQUIREMENT.match(requirement):
            modules_by_extra[match[2] or ""].add(match[1].lower().replace("-", "_"))
    return {
        extra: modules
        for extra, modules in modules_by_extra.items()
        if not any(modules > other for other in modules_by_extra.values())
    }
