from __future__ import annotations

import pytest

from gatewise.cells import CELLS
from gatewise.errors import CellError
from gatewise.show import FORMS, show

from ..matrix import every_pair


@every_pair(name=CELLS.keys(), form=FORMS)
def test_every_cell_can_be_shown_in_every_form(name, form):
    assert name in show(name, form)


def test_equations_read_like_the_paper():
    text = show("lstm")
    for line in ("a_i = W_i x + U_i h' + b_i", "c = f * c' + i * g", "h = o * tanh(c)"):
        assert f"    {line}\n" in text
    assert "U_candidate (r * h')" in show("gru_reset_before")


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
    with pytest.raises(CellError, match="forms: equations, program, llvm, diagram"):
        show("lstm", "poem")
