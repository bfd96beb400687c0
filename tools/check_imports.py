"""Check that packages import each other only along the arrows of the design.

python tools/check_imports.py [FOLDER]        FOLDER defaults to src/gatewise
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

# package: what it may import of ours. Everything may import errors.
ARROWS = {
    "errors": "",
    "version": "",
    "files": "",
    "escape": "",
    "pages": "escape",
    "parameters": "",
    "value": "",
    "container": "files version",
    "equation": "value",
    "cells": "equation",
    "compiler": "equation",
    "kernels": "equation compiler",
    "nn": "equation compiler kernels cells transforms container files",
    "transforms": "equation compiler",
    "inspect": "equation compiler kernels nn transforms files escape pages version",
    "training": "nn container files",
    "forecast": "nn training inspect container files escape pages parameters version",
    "export": "equation cells compiler kernels nn transforms files escape version",
    "estimators": "equation cells nn training inspect container files escape parameters",
    "show": "equation cells compiler kernels",
    "cli": "show forecast estimators inspect export container files escape version",
    "__init__": "equation nn inspect",
}


def imported(path: Path, root: Path) -> set[str]:
    """The packages of ours that a file imports."""
    parts = path.relative_to(root).parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            inside = parts[: len(parts) - node.level] if node.level else ()
            names = (node.module or "").split(".") if node.module else []
            whole = [*inside, *names] if node.level else names[1:] if names[:1] == [root.name] else []
            found |= {whole[0]} if whole else {alias.name for alias in node.names} if node.level else set()
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith(f"{root.name}.")}
    return found


def violations(root: Path) -> list[str]:
    """Every import against the arrows, as a line of text."""
    wrong: list[str] = []
    for path in sorted(root.rglob("*.py")):
        unit = path.relative_to(root).parts[0].removesuffix(".py")
        if unit not in ARROWS:
            wrong.append(f"{path}: {unit} has no arrows in tools/check_imports.py")
            continue
        allowed = {unit, "errors", *ARROWS[unit].split()}
        wrong += [f"{path}: {unit} imports {name}" for name in sorted(imported(path, root) & set(ARROWS) - allowed)]
    return wrong


if __name__ == "__main__":
    found = violations(Path(sys.argv[1] if len(sys.argv) > 1 else "src/gatewise"))
    print("\n".join(found) or "imports follow the arrows")
    sys.exit(bool(found))
