from __future__ import annotations

import pytest
import torch

from gatewise.training.torch_state import at_most_threads


def test_threads_are_as_before_whatever_happens_inside() -> None:
    torch.set_num_threads(2)
    try:
        with at_most_threads(64):
            assert torch.get_num_threads() == 2
        with pytest.raises(ValueError, match="inside"):
            _fail_inside()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def _fail_inside() -> None:
    with at_most_threads(1):
        assert torch.get_num_threads() == 1
        raise ValueError("inside")
