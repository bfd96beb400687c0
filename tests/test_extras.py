"""A missing module names the extra that brings it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from gatewise.extras import extras, how_to_install

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORECAST = ["forecast", str(ROOT / "examples" / "air_passengers.csv"), "--horizon", "2", "--model", "naive"]


def names(requirements: list[str]) -> set[str]:
    return {requirement.replace("<", ">").partition(">")[0].replace("-", "_") for requirement in requirements}


def test_the_extras_are_those_of_the_project() -> None:
    optional = PROJECT["optional-dependencies"]
    assert extras() == {
        "": names(PROJECT["dependencies"]),
        **{name: names(optional[name]) for name in ("forecast", "export", "serve", "translate", "holidays")},
    }


@pytest.mark.parametrize("module", sorted(set().union(*extras().values())))
def test_modules_are_called_like_what_is_installed(module: str) -> None:
    assert find_spec(module)


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("onnx", "pip install 'gatewise[export]'"),
        ("onnx.helper", "pip install 'gatewise[export]'"),
        ("onnxruntime", "pip install 'gatewise[export]'"),
        ("pandas", "pip install 'gatewise[forecast]'"),
        ("jinja2", "pip install 'gatewise[forecast]'"),
        ("starlette.routing", "pip install 'gatewise[serve]'"),
        ("torch", "pip install 'gatewise'"),
        ("narwhals", "pip install narwhals"),
    ],
)
def test_what_to_install(module: str, command: str) -> None:
    assert how_to_install(module) == command


def test_a_source_tree_has_no_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    assert how_to_install("onnx") == "pip install onnx"


@pytest.mark.parametrize(
    ("module", "words", "extra"),
    [
        pytest.param("duckdb", FORECAST, "forecast", marks=pytest.mark.slow),
        ("pandas", FORECAST, "forecast"),
        pytest.param("jinja2", [*FORECAST, "--report", "r.html"], "forecast", marks=pytest.mark.slow),
        ("onnx", ["export", "model", "--to", "onnx"], "export"),
        ("uvicorn", ["serve", "model"], "serve"),
    ],
)
def test_the_shell_says_what_to_install(module: str, words: list[str], extra: str, tmp_path: Path) -> None:
    save = "import torch, gatewise\ngatewise.nn.Chain(gatewise.nn.LSTM(1, 1), torch.nn.Linear(1, 1)).save('model')\n"
    code = f"import sys\nsys.modules[{module!r}] = None\nfrom gatewise.cli import follow\nsys.exit(follow({words}))"
    done = subprocess.run(
        [sys.executable, "-c", (save if words[1] == "model" else "") + code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    said = f"gatewise: error: this needs {module}, which is not installed\nhint: pip install 'gatewise[{extra}]'\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_python_says_it_too() -> None:
    code = "import sys\nsys.modules['pandas'] = None\nimport gatewise\ngatewise.forecast.Forecaster"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith("pip install 'gatewise[forecast]'\n")
