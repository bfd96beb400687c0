"""Every cell of the notebooks runs, and what they show of our objects is HTML in which text is text."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

import gatewise
from gatewise import notebook
from gatewise.inspect import Certificate

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


def code_of(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run(code: str, names: dict[str, object]) -> object:
    """Run a cell as a notebook does, and give what its last line shows."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in code_of(path):
        shown = run(code, names)
        if hasattr(shown, "_repr_html_"):
            assert shown._repr_html_()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_are_kept_without_what_they_printed(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_a_cell_is_shown_as_its_picture() -> None:
    assert ElementTree.fromstring(gatewise.cells.gru._repr_html_()).tag.endswith("svg")


def test_a_record_is_shown_with_every_gate_and_state() -> None:
    recorded = gatewise.record(gatewise.nn.LSTM(2, 3, bidirectional=True), torch.randn(4, 1, 2))
    shown = recorded._repr_html_()
    assert {name for name in (*recorded.gates, *recorded.states) if f">{name}, layer 0, backward<" in shown} == {
        *recorded.gates,
        *recorded.states,
    }
    assert "4 x 1 x 3" in shown


def test_a_certificate_is_shown_with_its_verdict() -> None:
    lines = torch.tensor([1.0, 2.0])
    assert ">holds<" in Certificate.of("lines", lines, torch.tensor(3.0), 1e-6)._repr_html_()
    assert ">does not hold<" in Certificate.of("lines", lines, torch.tensor(4.0), 1e-6)._repr_html_()


def test_text_of_data_is_text() -> None:
    assert "<b>" not in notebook.table(("<b>", "y"), [("<b>&", "\x1b")])
    assert "<b>" not in notebook.paragraph("<b>")
