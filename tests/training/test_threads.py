from __future__ import annotations

import pytest
import torch

from gatewise.training.threads import at_most


def test_threads_are_as_before_whatever_happens_inside() -> None:
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="inside"), at_most(1):
            assert torch.get_num_threads() == 1
            raise ValueError("inside")
        assert torch.get_num_threads() == 2
        with at_most(64):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
