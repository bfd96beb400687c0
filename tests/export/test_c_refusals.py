"""What cannot be exported is refused by name, nothing is written, and no text of a model reaches the file unescaped."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch
from benchmarks.device.compiled import exported
from hypothesis import given
from hypothesis import strategies as st

from gatewise import cell
from gatewise.errors import InputError
from gatewise.export import to_c
from gatewise.export.c.text import KEYWORDS, Identifiers, checked_name, plain
from gatewise.nn import LSTM, Recurrent
from gatewise.nn.chain import Chain

from ..needs import needs_gcc

BAD_NAMES = ["", "1st", "a b", 'a"b', "a\nb", "int", "class", "a??/b", "_a", "a__b", "é", "x" * 64, "a;", None, 7]


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_name_that_c_does_not_take(name, tmp_path):
    with pytest.raises(InputError):
        to_c(LSTM(1, 2), tmp_path, name=name)
    assert not list(tmp_path.iterdir())


@given(st.text())
def test_only_identifiers_pass(name):
    try:
        checked_name(name)
    except InputError:
        return
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)
    assert name not in KEYWORDS


@given(st.text())
def test_comments_are_inert(text):
    shown = plain(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert not any(bad in shown for bad in ("*/", "/*", "\\", "??", "\n"))


@given(st.lists(st.text(min_size=1), max_size=30, unique=True))
def test_identifiers_differ_and_are_none_of_cs(names):
    given_names = Identifiers(("state", "x"), "model_")
    found = [given_names(name) for name in names]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", each) for each in found)
    assert not set(found) & {*KEYWORDS, "state", "x"}
    assert not any(each.startswith("model_") for each in found)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_weight_that_is_not_finite(wrong, tmp_path):
    module = LSTM(2, 3)
    with torch.no_grad():
        module.weight_hh_l0[1, 2] = wrong
    with pytest.raises(InputError, match="NaN or infinite") as refused:
        to_c(module, tmp_path)
    assert "weight_hh_l0" in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_billion_weights_are_refused_before_memory_is_spent(tmp_path):
    with torch.device("meta"):
        module = LSTM(1, 16_000)
    with pytest.raises(InputError, match="at most 67,108,864"):
        to_c(module, tmp_path)


@pytest.mark.parametrize("module", [LSTM(2, 3, bidirectional=True), torch.nn.Conv1d(1, 1, 1), LSTM], ids=str)
def test_other_modules(module, tmp_path):
    with pytest.raises(InputError):
        to_c(module, tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_target_and_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="there is no target 'z80'"):
        to_c(LSTM(1, 2), tmp_path, target="z80")
    with pytest.raises(InputError):
        to_c(LSTM(1, 2), tmp_path / "nowhere")


@cell(gates="int tanh", state="h double", per_unit="float_")
def hostile(register, state, double, float_):
    """*/ ??/ " \\ evil."""
    model_tanh = torch.sigmoid(register) * float_
    größe = model_tanh + double * torch.tanh(state)
    return model_tanh * größe, größe


@needs_gcc
def test_names_that_c_has_taken(tmp_path):
    module = Recurrent(replace(hostile, name='*/ "\n??/ \\'), 2, 3)
    x = torch.randn(6, 2)
    found = exported([Chain(module)], tmp_path)[0].run(x)
    with torch.no_grad():
        expected = Recurrent(hostile, 2, 3)
        expected.load_state_dict(module.state_dict())
        torch.testing.assert_close(found, expected(x)[0], atol=2e-6, rtol=0)
    assert '*/ "' not in (tmp_path / "m0.h").read_text()


@pytest.mark.parametrize("bound", [1e39, float("inf")])
def test_a_constant_that_c_has_not_is_refused(bound, tmp_path):
    with pytest.raises(InputError, match="no finite float32"):
        to_c(LSTM(1, 2, clip_gates=bound), tmp_path, name="model")
    assert not list(tmp_path.iterdir())
