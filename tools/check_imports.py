"""Check that imports go down the floors of the house, and that no two files import each other, however far around.

python tools/check_imports.py [FOLDER]        FOLDER defaults to src/gatewise

Every import counts: at the top of a file, inside a function, and for type checkers only.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# From the ground up: a package or file imports those on floors below its own, and itself.
FLOORS = (
    "errors version",
    "value files fields escape extras words",
    "equation recorded container notebook pages private progress synthetic",
    "cache compiler",
    "declaration",
    "cells",
    "diagram transforms kernels lookup",
    "nn show tables",
    "training inspect export",
    "models",
    "compare forecast estimators",
    "serve mlflow",
    "cli",
    "__main__",
)
# Within a package: a part imports those on floors below its own. Parts that are not named here are free.
WITHIN = {
    "models": ("arguments", "sequence language", "forecast.network", "forecast.evaluation", "forecast.report"),
}


def modules(root: Path) -> dict[str, Path]:
    """Every file by its dotted name below the root, a package by its folder's."""
    paths = {path.relative_to(root).with_suffix(""): path for path in sorted(root.rglob("*.py"))}
    return {".".join(key.parts).removesuffix("__init__").rstrip("."): path for key, path in paths.items()}


def imports(name: str, path: Path, known: Mapping[str, Path], package: str) -> Iterator[str]:
    """The files of ours that a file imports."""
    folder = name.split(".") if path.name == "__init__.py" and name else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix(f"{package}.") for alias in node.names if alias.name.startswith(package)
            )
        elif isinstance(node, ast.ImportFrom):
            parts = node.module.split(".") if node.module else []
            if not node.level and parts[:1] != [package]:
                continue
            base = ".".join([*folder[: len(folder) - node.level + 1], *parts] if node.level else parts[1:])
            for alias in node.names:
                below = f"{base}.{alias.name}".strip(".")
                yield below if below in known else base


def graph(root: Path) -> dict[str, set[str]]:
    """Which files each file imports."""
    known = modules(root)
    return {name: set(imports(name, path, known, root.name)) - {name} for name, path in known.items()}


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of files each of which reaches all others of its group (Tarjan 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        path.append(name)
        for other in sorted(arrows[name] & arrows.keys()):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            at = path.index(name)
            if len(path) - at > 1:
                groups.append(sorted(path[at:]))
            del path[at:]

    for name in arrows:
        if name not in order:
            visit(name)
    return groups


def _floor(name: str, floors: tuple[str, ...]) -> int | None:
    """On which floor a file lies; the longest name that fits decides."""
    places = {part: floor for floor, parts in enumerate(floors) for part in parts.split()}
    fitting = [part for part in places if name == part or name.startswith(f"{part}.")]
    return places[max(fitting, key=len)] if fitting else None


def climbs(arrows: Mapping[str, set[str]]) -> Iterator[str]:
    """Every import that does not go down, as a line of text."""
    for name, others in sorted(arrows.items()):
        unit = name.split(".")[0]
        if unit and _floor(unit, FLOORS) is None:
            yield f"{unit} stands on no floor in tools/check_imports.py"
        for other in sorted(others):
            target = other.split(".")[0]
            inner = WITHIN.get(unit, ()) if target == unit else ()
            here, there = (
                (_floor(name.removeprefix(f"{unit}."), inner), _floor(other.removeprefix(f"{unit}."), inner))
                if target == unit
                else (_floor(unit, FLOORS) if unit else len(FLOORS), _floor(target, FLOORS))
            )
            same_part = target == unit and here == there
            if here is not None and there is not None and not same_part and here <= there:
                yield f"{name} imports {other}, which lies on its own floor or above"


def violations(root: Path) -> list[str]:
    """What is wrong with the imports below a folder, a line each."""
    arrows = graph(root)
    return [*climbs(arrows), *(f"a circle: {' - '.join(names)}" for names in circles(arrows))]


if __name__ == "__main__":
    lines = violations(Path(sys.argv[1] if len(sys.argv) > 1 else "src/gatewise"))
    print("\n".join(lines) or "imports go down, and in no circle")
    sys.exit(bool(lines))
