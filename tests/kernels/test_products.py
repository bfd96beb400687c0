from __future__ import annotations

import pytest
import torch

from gatewise.kernels.cpu import products

from ..matrix import relative_error
from ..tolerance import PARITY

SHAPES = [(3000, 64, 32), (700, 130, 65), (50, 4, 3), (20_000, 8, 1), (5, 900, 700)]
LAYOUTS = {
    "rows": lambda tensor: tensor,
    "columns": lambda tensor: tensor.t().contiguous().t(),
    "every other": lambda tensor: torch.stack((tensor, tensor), 1)[:, 0],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_products_are_torchs(shape, layout, dtype):
    rows, k, m = shape
    a, b, c = (torch.randn(*size, dtype=dtype) for size in ((rows, k), (k, m), (rows, m)))
    given = [LAYOUTS[layout](tensor) for tensor in (a, b, c)]
    tolerance = PARITY[str(dtype).removeprefix("torch.")]
    assert relative_error(products.times(given[0], given[1]), a @ b) <= tolerance
    assert relative_error(products.transposed_times(given[0], given[2]), a.t() @ c) <= tolerance


def test_without_onednn_the_same_comes_from_elsewhere(monkeypatch):
    a, b = torch.randn(3000, 64), torch.randn(64, 32)
    expected = products.times(a, b)
    monkeypatch.setattr(products, "_has_onednn", lambda: False)
    assert relative_error(products.times(a, b), expected) <= PARITY["float32"]
    assert torch.equal(products.times(a, b), a @ b)
