from __future__ import annotations

import re
import sys

import pytest
import torch

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.cli import follow
from gatewise.errors import CellError
from gatewise.lookup import cell_at
from gatewise.show import FORMS, show

from ..matrix import every_pair


@every_pair(name=CELLS.keys(), form=FORMS.keys())
def test_every_cell_can_be_shown_in_every_form(name, form):
    assert name in show(name, form)


def test_equations_read_like_the_paper():
    text = show("lstm")
    for line in ("a_i = W_i x + U_i h' + b_i", "c = f * c' + i * g", "h = o * tanh(c)"):
        assert f"    {line}\n" in text
    assert "U_candidate (r * h')" in show("gru_reset_before")


def test_a_state_that_is_returned_without_a_name_has_its_equation_too():
    @cell(gates="update candidate", state="h")
    def unnamed(z, n, h):
        z, n = torch.sigmoid(z), torch.tanh(n)
        return z * h + (1 - z) * n

    assert show(unnamed).endswith("    h = z * h' + (1 - z) * n\n")


def test_emitted_code_keeps_the_names_of_the_step():
    text = show("lstm", "llvm")
    assert '%"c" = fadd' in text
    assert "call <" in text
    assert '@"sigmoid"' in text


def test_the_diagram_is_an_svg_file():
    assert show("gru", "diagram").startswith("<svg ")


def test_what_there_is_not_is_refused_with_what_there_is():
    with pytest.raises(CellError, match=r"cells: .*lstm"):
        show("lsmt")
    with pytest.raises(CellError, match="forms: equations, program, llvm, triton, diagram"):
        show("lstm", "poem")


MINE = """
from __future__ import annotations
from dataclasses import dataclass
from torch import sigmoid, tanh
from gatewise import cell
import beside

@dataclass
class Held:
    size: int

@cell(gates="forget write", state="h")
def mine(f, w, h):
    \"\"\"Nobody, nowhere.\"\"\"
    f = sigmoid(f)
    h = f * h + (1 - f) * tanh(w)
    return h

class Inside:
    cell = mine

number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a module of the user's in it and in a folder of its own."""
    (tmp_path / "package").mkdir()
    for place in (tmp_path, tmp_path / "package"):
        (place / "my_cells_for_a_test.py").write_text(MINE)
        (place / "beside.py").write_text("")
    (tmp_path / "empty_for_a_test.py").write_text("")
    (tmp_path / "broken_for_a_test.py").write_text("1 / 0")
    (tmp_path / "leaves_for_a_test.py").write_text("raise SystemExit(0)")
    (tmp_path / "needs_for_a_test.py").write_text("import nothing_of_this_name")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before, path = {*sys.modules}, [*sys.path]
    yield tmp_path
    assert sys.path == path
    for name in {*sys.modules} - before:
        if "for_a_test" in name or name == "beside":
            del sys.modules[name]


@pytest.mark.parametrize(
    "words",
    [
        "my_cells_for_a_test:mine",
        "my_cells_for_a_test.py:mine",
        "package/my_cells_for_a_test.py:mine",
        "my_cells_for_a_test:Inside.cell",
    ],
)
def test_a_cell_of_the_users_own_is_shown(words, folder, capsys):
    assert follow(["show", words]) == 0
    text = capsys.readouterr().out
    assert text.startswith("mine\n\nNobody, nowhere.\n")
    assert "    h = f * h' + (1 - f) * tanh(a_w)\n" in text
    assert show(cell_at(words)) == text.removesuffix("\n")


def test_every_form_of_a_cell_of_the_users_own(folder):
    for form in FORMS:
        assert "mine" in show("my_cells_for_a_test:mine", form)


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        ("lsmt", "there is no cell 'lsmt'", r"cells: .*lstm.*; one of your own is given as module:cell"),
        ("nowhere:mine", "there is no module 'nowhere'", "neither in the current folder nor installed"),
        ("gatewise.nowhere:mine", "there is no module 'gatewise.nowhere'", "neither"),
        ("nowhere.py:mine", "nowhere.py: there is no such file", "check the path"),
        ("package:mine", "package: there is no 'mine'", "it has no cells; declare one with @gatewise.cell"),
        ("my_cells_for_a_test:yours", "my_cells_for_a_test: there is no 'yours'", "its cells: mine"),
        ("my_cells_for_a_test:number", "'number' is of type int, not a cell", "its cells: mine"),
        ("my_cells_for_a_test.py:", "there is no ''", "its cells: mine"),
        ("empty_for_a_test:mine", "there is no 'mine'", "it has no cells"),
        ("broken_for_a_test:mine", r"it cannot be imported \(ZeroDivisionError: division by zero\)", "Python imports"),
        (
            "broken_for_a_test.py:mine",
            r"it cannot be imported \(ZeroDivisionError: division by zero\)",
            "Python imports",
        ),
        ("leaves_for_a_test:mine", r"it cannot be imported \(SystemExit: 0\)", "Python imports"),
        ("needs_for_a_test:mine", "it cannot be imported .*No module named 'nothing_of_this_name'", "Python imports"),
        (":mine", "it cannot be imported", "Python imports"),
        ("..:mine", "it cannot be imported", "Python imports"),
    ],
)
def test_what_is_no_cell_of_the_users_own(words, what, hint, folder, capsys):
    assert follow(["show", words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(rf"gatewise: error: .*{what}.*\nhint: .*{hint}.*\n", err), err


def test_what_a_file_of_the_users_own_does_wrong_names_the_file(folder, capsys):
    (folder / "wrong_for_a_test.py").write_text("from gatewise.nn import LSTM\nLSTM(0, 1)\n")
    assert follow(["show", "wrong_for_a_test.py:mine"]) == 2
    assert "wrong_for_a_test.py: input_size must be greater than zero" in capsys.readouterr().err
