"""What a bare ``import gatewise`` gives: everything by its name, and nothing before it is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import gatewise
from gatewise.cells import CELLS

from .matrix import names

PACKAGES = (
    *("cache", "cells", "compare", "errors", "estimators", "export", "forecast", "inspect", "nn", "serve", "training"),
    "transforms",
)
FIRST_USES = [
    "gatewise.cache.state()",
    "gatewise.cells.lstm.gates",
    "gatewise.errors.InputError",
    "gatewise.estimators.SequenceClassifier",
    "gatewise.export.to_c",
    "gatewise.forecast.Forecaster",
    "gatewise.inspect.decompose",
    "gatewise.nn.LSTM(1, 1)",
    "gatewise.serve.application",
    "gatewise.training.Trainer",
    "gatewise.transforms.zoneout(gatewise.cells.lstm, {'c': 0.5})",
]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("use", names(FIRST_USES, quick=["gatewise.forecast.Forecaster", "gatewise.nn.LSTM(1, 1)"]))
def test_a_bare_import_is_enough(use: str) -> None:
    run(f"import gatewise\n{use}")


def test_a_bare_import_loads_nothing() -> None:
    loaded = run("import sys; before = {*sys.modules}; import gatewise; print(*({*sys.modules} - before))").split()
    assert {name for name in loaded if name.startswith("gatewise")} == {"gatewise"}
    assert not {"torch", "numpy", "pandas"} & {*loaded}


def test_every_name_is_listed_and_there() -> None:
    listed = run("import gatewise; print(*dir(gatewise))").split()
    assert {*PACKAGES} <= {*listed} == {*gatewise.__all__}
    for name in gatewise.__all__:
        assert getattr(gatewise, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'lstm'"):
        _ = gatewise.lstm


@pytest.mark.parametrize("package", ["compare", "estimators", "export", "forecast", "serve"])
def test_a_package_lists_what_it_is_for_and_no_more(package: str) -> None:
    module = import_module(f"gatewise.{package}")
    assert dir(module) == sorted(module.__all__)
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module 'gatewise.{package}' has no attribute 'nothing'"):
        _ = module.nothing


def test_cells_are_listed_alone() -> None:
    assert {*dir(gatewise.cells)} == {"CELLS", *CELLS}


def test_a_type_checker_is_told_the_same_names() -> None:
    assert annotated(Path(gatewise.__file__)) == {*gatewise.__all__}
    assert annotated(Path(gatewise.cells.__file__)) == {*CELLS}


def annotated(path: Path) -> set[str]:
    """The names that a file imports for type checkers only."""
    body = ast.parse(path.read_text()).body
    (block,) = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_an_attribute_of_cells(name: str) -> None:
    assert getattr(gatewise.cells, name) is CELLS[name]
