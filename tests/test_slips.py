"""What a newcomer gets wrong when writing a cell: each is refused where the cell is declared, at the line of the slip,
with a sentence that cures it. No error of Python's own, of PyTorch's or of LLVM's is left."""

from __future__ import annotations

import math
import re
from functools import partial

import numpy as np
import pytest
import torch
from torch import sigmoid
from torch.nn import functional as F  # noqa: N812

from gatewise import cell
from gatewise.compiler.lower import program_of
from gatewise.errors import CellError


def one(step, **declaration):
    return cell(**({"gates": "one", "state": "h"} | declaration))(step)


def fed(step):
    return one(step, gates={"one": "W x + U(...) + b"})


def changing(change):
    """A step that lets something change its gate, and does not read what it returns."""

    def step(a, h):
        change(a)
        return sigmoid(h) * a

    return one(step)


def augmented(a, h):
    before = h
    h *= a
    return h + before


def overwritten(a, h):
    a = torch.zeros_like(h)
    return h + a


def swapped(a, h, c):
    c = a * c
    h = torch.tanh(c)
    return c, h


VECTOR = torch.ones(3)

# The slip, and what its message says.
SLIPS = {
    "a gate that is not called": (lambda: fed(lambda a, h: sigmoid(a) * h), "without calling it.*hint: write a\\(h\\)"),
    "a gate that is not called, in a sum": (lambda: fed(lambda a, h: h + a), "gate 'one' without calling it"),
    "a gate that is not called, as a method": (lambda: fed(lambda a, h: a.tanh() * h), "without calling it"),
    "a gate called on a number": (lambda: fed(lambda a, h: a(1.0) * h), "calls gate 'one' on a number"),
    "a gate that is called and is none": (lambda: one(lambda a, h: a(h)), "calls a value.*U\\(...\\)"),
    "a branch": (lambda: one(lambda a, h: a if a > 0 else h), "branches in Python.*torch.where"),
    "and": (lambda: one(lambda a, h: torch.where(a > 0 and h > 0, a, h)), "join conditions with & and |"),
    "not": (lambda: one(lambda a, h: torch.where(not a > 0, a, h)), "branches in Python"),
    "one less a comparison": (lambda: one(lambda a, h: (1 - (a > 0)) * h), "on a comparison.*turned with ~"),
    "a comparison returned": (lambda: one(lambda a, h: a > h), "returns a comparison as h"),
    "choosing by a number": (lambda: one(lambda a, h: torch.where(a, a, h)), "chooses by a number|a comparison"),
    "a matrix product": (lambda: one(lambda a, h: a @ h), "a matrix of its own.*U\\(...\\)"),
    "torch.matmul": (lambda: one(lambda a, h: torch.matmul(a, h)), "calls matmul.*no rule"),
    "a slice of units": (lambda: one(lambda a, h: h[..., :3]), "picks units.*a gate or a state of its own"),
    "chunks": (lambda: one(lambda a, h: a.chunk(2)[0] * h), "picks units"),
    "unpacked chunks": (lambda: one(lambda a, h: sum(a.chunk(2)) * h), "takes a value apart"),
    "the shape": (lambda: one(lambda a, h: a * a.shape[0] + h), "asks for the shape"),
    "float": (lambda: one(lambda a, h: float(a) * h), "a number of Python, before it is known"),
    "//": (lambda: one(lambda a, h: a // 2 + h), "torch.floor\\(a / b\\)"),
    "a power of a value": (lambda: one(lambda a, h: a**h), "raises to a power that is no number"),
    "clamp without bounds": (lambda: one(lambda a, h: torch.clamp(a) + h), "clamp without bounds"),
    "the exact gelu": (lambda: one(lambda a, h: F.gelu(a) + h), 'approximate="tanh"'),
    "an unknown function": (lambda: one(lambda a, h: torch.erf(a) + h), "calls erf.*no rule.*a step may use .*sigmoid"),
    "an unknown argument": (
        lambda: one(lambda a, h: F.elu(a, slope=2) + h),
        "cannot be recorded: .*slope",
    ),
    "a list": (lambda: one(lambda a, h: a * [1.0, 2.0] + h), "with a list, which is no number"),
    "a text": (lambda: one(lambda a, h: a + "h"), "with a str, which is no number"),
    "a vector": (lambda: one(lambda a, h, v=VECTOR: a * torch.ones(3) + h), "a tensor of shape \\(3,\\)|takes 2 gates"),
    "a value by keyword": (lambda: one(lambda a, h: torch.clamp(a, min=h)), "by keyword.*by position"),
    "a maximum over units": (lambda: one(lambda a, h: a.max(-1)[0] + h), "picks units|no rule"),
    "a sum over everything": (lambda: one(lambda a, h: a.sum() * h), "not over all units.*sum\\(-1, keepdim=True\\)"),
    "a softmax over the batch": (lambda: one(lambda a, h: torch.softmax(a, 0) * h), "not over all units"),
    "a method that changes": (lambda: changing(lambda a: a.add_(1.0)), "in place.*give the result a name"),
    "a function that changes": (lambda: changing(torch.relu_), "in place"),
    "inplace=True": (lambda: changing(lambda a: F.leaky_relu(a, 0.1, inplace=True)), "in place"),
    "*=": (lambda: one(augmented), "in place.*h = h"),
    "a method misspelt": (lambda: one(lambda a, h: a.sigmiod() * h), "no 'sigmiod'; did you mean 'sigmoid'"),
    "a function misspelt": (lambda: one(lambda a, h: torch.sigmiod(a) * h), "cannot be recorded: .*sigmiod"),
    "a name that there is not": (lambda: one(lambda a, h: hh * a), "cannot be recorded: .*'hh' is not defined"),  # noqa: F821
    "a random number": (lambda: one(lambda a, h: torch.randn_like(h) + a), "calls randn_like.*a step may use"),
    "another argument": (lambda: one(lambda a, h: torch.add(a, h, alpha=2.0)), "add has one with other arguments"),
    "an object that is called": (lambda: one(partial(torch.add)), "a plain function, not of functools.partial"),
    "commas": (lambda: one(lambda a, b, h: a + b + h, gates="a, b"), 'by commas.*write gates="a b"'),
    "new states in the other order": (lambda: one(swapped, state="h c"), "returns c, h for the states h, c"),
    "a parameter that is nothing": (lambda: one(lambda a, h, x: a * h + x), "takes 2 gates.*`inputs`"),
    "a gate too few": (lambda: one(lambda a, h: a + h, gates="a b"), "takes 1 gate \\(a\\), .*takes every gate"),
    "nothing returned": (lambda: one(lambda a, h: None), "returns nothing, .*end it with: return h"),
    "NumPy's function": (lambda: one(lambda a, h: np.tanh(a) + h), "calls NumPy on a value.*torch.tanh for np.tanh"),
    "an array made of a value": (lambda: one(lambda a, h: np.array(a + h)), "calls NumPy on a value"),
    "no parentheses": (lambda: cell(augmented), "without its parentheses.*@cell\\(gates="),
    "no state": (lambda: cell(gates="one"), "missing a required argument: 'state'"),
    "an argument misspelt": (lambda: cell(gate="one", state="h"), "no argument 'gate'.*its arguments are gates, state"),
    "arguments without names": (lambda: cell("one", "h"), "too many positional arguments.*by its name"),
    "a gate that is not read": (
        lambda: one(lambda a, b, h: a + h, gates="one two"),
        "not depend on .*gate 'two' \\(b\\)",
    ),
    "a gate that is never called": (
        lambda: one(lambda a, b, h: a + h, gates={"one": "W x", "two": "U(...)"}),
        "not depend on its gate 'two'",
    ),
    "a gate that is overwritten": (lambda: one(overwritten), "not depend on its gate 'one'"),
    "a weight that is not read": (lambda: one(lambda a, h, u: a + h, per_unit="u"), "not depend on its weight 'u'"),
    "a column that is not read": (lambda: one(lambda a, h, t: a + h, inputs="t"), "not depend on its input 't'"),
    "a start that is no number": (lambda: one(lambda a, h: a + h, state={"h": math.nan}), "has nan for 'h'"),
    "a weight from no number": (lambda: one(lambda a, h, u: a + u * h, per_unit={"u": math.nan}), "has nan for 'u'"),
    "gates as a list": (lambda: one(lambda a, h: a + h, gates=["one"]), "`gates` is a list.*gates="),
    "a gate without text": (lambda: one(lambda a, h: a + h, gates={"one": None}), "`gates` has None for 'one'"),
    "W h": (lambda: one(lambda a, h: a + h, gates={"one": "W h"}), "a sum of some of"),
    "a state twice": (lambda: one(lambda a, h: (a, h), state="h h"), "`state` names something twice"),
    "a text to start from": (lambda: one(lambda a, h: a + h, state={"h": "zero"}), "`state` has 'zero' for 'h'"),
    "a tensor to start from": (lambda: one(lambda a, h: a + h, state={"h": VECTOR}), "`state` has .* needs a number"),
    "a gate too many": (lambda: one(lambda a, b, h: a + b + h), "takes 2 gates \\(a, b\\), its declaration names 1"),
    "all gates at once": (lambda: one(lambda *gates: gates[0]), "a step names each gate"),
    "a state that is not returned": (
        lambda: one(lambda a, h, c: a + h + c, state="h c"),
        "returns 1 value for 2 states.*return h, c",
    ),
    "an unknown candidate": (lambda: one(lambda a, h: a + h, candidate="g"), "no local value 'g'"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_gets_a_sentence_that_cures_it(slip):
    make, says = SLIPS[slip]
    with pytest.raises(CellError) as error:
        make()
    assert re.search(says, str(error.value), re.DOTALL), str(error.value)


def test_a_slip_is_named_at_its_line():
    def step(a, h):
        gated = sigmoid(h)
        return gated * a

    line = step.__code__.co_firstlineno + 2
    with pytest.raises(CellError) as error:
        fed(step)
    assert error.value.where == f"{__file__}:{line}"


def test_a_number_of_numpys_leaves_its_operators_to_the_step():
    half = np.float32(0.5)
    made = one(lambda a, h: half * a + h * half)
    assert made(torch.ones(2), torch.ones(2)).tolist() == [1.0, 1.0]
    assert str(program_of(made)) == str(program_of(one(lambda a, h: 0.5 * a + h * 0.5)))


def test_the_decorator_without_parentheses_is_named_at_the_step():
    with pytest.raises(CellError) as error:
        cell(augmented)
    assert error.value.where == f"{__file__}:{augmented.__code__.co_firstlineno}"
