"""What resets cost: episodes inside a batch, against the same batch without any and against the loop of its day."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gatewise.nn import LSTM

from ..measure import alternately
from .parity import check_parity
from .plan import Plan
from .result import Finding, Row, Verdict, threads
from .workload import Call

_OURS, _NONE, _LOOP = "with resets", "without resets", "torch.nn step by step"
_CASES = ((128, 16, 64, 100), (128, 16, 64, 20), (128, 64, 128, 100), (1024, 16, 256, 500))


def episodes(plan: Plan) -> Finding:
    """A rollout whose environments end at random, forward and backward."""
    rows: list[Row] = []
    for shape in _CASES:
        plan.progress(str(shape))
        calls = _calls(*shape)
        case = "T {}, B {}, H {}, a reset in {} steps".format(*shape)
        with threads(1):
            check_parity(case, calls[_OURS], {_LOOP: calls[_LOOP]})
            rows.append(Row.of(case, alternately(calls, plan.seconds)))
    least = min(row.ratios[_LOOP].median for row in rows)
    dearest = max(1 / row.ratios[_NONE].median for row in rows)
    return Finding(
        "episodes in a rollout, LSTM, forward + backward",
        rows,
        [
            Verdict("at most 1.25 x what it takes without resets", f"{dearest:.2f} x", dearest <= 1.25),
            Verdict("faster than the loop over steps", f"{least:.1f} x", least > 1),
        ],
    )


def _calls(steps: int, batch: int, units: int, every: int) -> dict[str, Call]:
    torch.manual_seed(0)
    mine, theirs = LSTM(units, units), torch.nn.LSTM(units, units)
    theirs.load_state_dict(mine.state_dict())
    x, resets = torch.randn(steps, batch, units), torch.rand(steps, batch) < 1 / every
    return {
        _OURS: partial(_trained, mine, lambda: mine(x, resets=resets)[0]),
        _NONE: partial(_trained, mine, lambda: mine(x)[0]),
        _LOOP: partial(_trained, theirs, partial(_step_by_step, theirs, x, resets)),
    }


def _trained(module: Any, run: Callable[[], Tensor]) -> tuple[Tensor, ...]:
    module.zero_grad()
    y = run()
    (y.square().sum() / len(y)).backward()
    return y.detach(), torch.zeros(1), module.weight_ih_l0.grad, module.weight_hh_l0.grad


def _step_by_step(module: Any, x: Tensor, resets: Tensor) -> Tensor:
    """A call for every step, before which states are multiplied with nought where an episode begins."""
    state = tuple(x.new_zeros(1, x.shape[1], module.hidden_size) for _ in range(2))
    outputs: list[Tensor] = []
    for step, mask in zip(x, resets, strict=True):
        kept = (~mask).to(x.dtype).view(1, -1, 1)
        y, state = module(step[None], tuple(part * kept for part in state))
        outputs.append(y)
    return torch.cat(outputs)


SECTIONS: dict[str, Callable[[Plan], Finding]] = {"episodes": episodes}
