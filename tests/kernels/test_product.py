from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.kernels.cpu.matmul import add_product, panels_of

from ..matrix import every_dtype, relative_error
from ..tolerance import PARITY

SIZES = st.integers(1, 70)


@given(rows=SIZES, length=SIZES, columns=SIZES, transposed=st.booleans(), wide=st.booleans())
def test_any_sizes(rows, length, columns, transposed, wide):
    dtype = torch.float64 if wide else torch.float32
    a, b, c = (torch.randn(*shape, dtype=dtype) for shape in ((rows, length), (length, columns), (rows, columns)))
    expected = c.double() + a.double() @ b.double()
    add_product(c, a.t().contiguous() if transposed else a, panels_of(b), transposed=transposed)
    assert relative_error(c.double(), expected) <= PARITY[str(dtype).removeprefix("torch.")]


@every_dtype
@pytest.mark.parametrize("transposed", [False, True])
def test_large_and_strided(dtype, transposed):
    """More than one stretch of k, operands and results that are parts of something wider, any number of threads."""
    a, b, c = (
        torch.randn(1100, 1200, dtype=dtype),
        torch.randn(1100, 200, dtype=dtype),
        torch.zeros(300, 150, dtype=dtype),
    )
    left, right, result = a[:, 10:210], b[:, 5:105], c[:200, 7:107]
    if not transposed:
        left, right = a[:200, :1100], b[:, 5:105]
    expected = (left.t() if transposed else left) @ right
    one = torch.zeros_like(result)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        add_product(one, left, panels_of(right), transposed=transposed)
        torch.set_num_threads(3)
        add_product(result, left, panels_of(right), transposed=transposed)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, result)
    assert relative_error(result, expected) <= PARITY[str(dtype).removeprefix("torch.")]
    assert not c[200:].any()
    assert not c[:, :7].any()
    assert not c[:, 107:].any(), "what lies beside the result is left alone"


def test_nothing_to_multiply():
    c = torch.ones(3, 4)
    add_product(c, torch.ones(3, 0), panels_of(torch.ones(0, 4)))
    assert torch.equal(c, torch.ones(3, 4))
