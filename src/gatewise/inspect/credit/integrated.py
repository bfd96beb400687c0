"""Integrated gradients: credit for an input with everything counted, gates too, refined until it adds up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import ExplanationError, InputError, ShapeError
from ...nn.batch import Batch
from ...nn.layer_run import PLAIN, Runner
from ...nn.recurrent import Recurrent
from ...nn.weights import Place
from ..certificate import Certificate
from ..intercept import intercepted
from .decomposition import Of

_FIRST = 8  # points on the way, then twice as many
_MOST = 4096
_TOGETHER = 2**22  # numbers of x that run at once
_GAIN = 0.5  # by which twice the points should at least shrink the gap
_PATIENCE = 2  # times in a row that they may not, before it is taken for rounding


@dataclass(frozen=True)
class IntegratedGradients:
    """A difference of a model's output from that at a baseline, split over every number of the input. All in float64.

    Attributes:
        inputs: The credit of each number of the input, like x.
        value: The number at x.
        start: The number at the baseline.
        baseline: The name of the baseline.
        points: At how many points on the way the gradient was taken.
        certificate: That the credits add up to ``value - start``.
    """

    inputs: Tensor
    value: float
    start: float
    baseline: str
    points: int
    certificate: Certificate


def integrated_gradients(
    model: nn.Module,
    x: Tensor,
    of: Of,
    hx: Any = None,
    lengths: Any = None,
    *,
    baseline: str | Tensor = "zeros",
    tolerance: float = 1e-4,
) -> IntegratedGradients:
    """Credit every number of x with (x - baseline) * (its mean gradient on the straight way from the baseline to x).

    The mean is taken by Gauss and Legendre's rule at 8 points, then at twice as many, until credits add up to the
    difference. Points run side by side, some at a time.

    Args:
        model: A module that holds recurrent layers of ``gatewise.nn`` or ``torch.nn``; ``eval()`` what draws at random.
        x: The input, a floating point tensor.
        of: From what the model returns to one number.
        hx: Initial states that the model is called with, if given.
        lengths: Lengths of the sequences that the model is called with, if given.
        baseline: ``"zeros"``, ``"mean"`` for each feature's mean over the time of its sequence, or a tensor like x.
        tolerance: The largest gap at which credits count as adding up, relative to the largest of them.

    Returns:
        The credits, with the certificate that they add up.

    Raises:
        InputError: x or ``of`` does not give floating point numbers, or the baseline does not exist.
        ShapeError: The baseline is not like x.
        ExplanationError: More points do not help: rounding, mostly of float32, or a model that jumps.

    Source:
        Sundararajan, Taly, Yan, Axiomatic Attribution for Deep Networks, arXiv:1703.01365, section 3.
    """
    _check(x)
    start, name = _baseline(model, x, lengths, baseline)
    more: dict[str, Any] = {} if lengths is None else {"lengths": lengths}
    hidden = () if hx is None else (hx,)

    def number(at: Tensor) -> Tensor:
        result = of(model(at, *hidden, **more))
        if not isinstance(result, Tensor) or result.numel() != 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InputError("of= must give one number", hint="of=lambda output: output[0][-1, 0, 0]")
        return result.reshape(())

    with intercepted(model, _PlainRuns()):
        with torch.no_grad():
            ends = [float(number(at)) for at in (start, x)]
        return _refined(number, x.detach(), start, ends, name, tolerance)


class _PlainRuns:
    """A watch that changes nothing; under it torch.nn's layers run as ours, which can run side by side."""

    def at(self, module: Recurrent, place: Place, batch: Batch) -> Runner:
        """The runner of one layer: the kernels."""
        return PLAIN


def _refined(
    number: Callable[[Tensor], Tensor], x: Tensor, start: Tensor, ends: list[float], name: str, tolerance: float
) -> IntegratedGradients:
    """Twice the points until credits add up."""
    points, before, stalled = _FIRST, float("inf"), 0
    difference = torch.tensor(ends[1], dtype=torch.float64) - ends[0]
    way = (x - start).double()
    while True:
        credit = way * _mean_gradient(number, x, start, points)
        what = f"integrated gradients at {points} points, baseline {name}"
        certificate = Certificate.of(what, credit.reshape(-1), difference, tolerance)
        if certificate.holds:
            return IntegratedGradients(credit, ends[1], ends[0], name, points, certificate)
        stalled = 0 if certificate.gap < _GAIN * before else stalled + 1
        if stalled == _PATIENCE or points >= _MOST:
            raise _refused(certificate, x.dtype, stalled=stalled == _PATIENCE)
        points, before = 2 * points, certificate.gap


def _refused(certificate: Certificate, dtype: torch.dtype, *, stalled: bool) -> ExplanationError:
    if not stalled:
        return ExplanationError(f"{certificate}, and these were the most points", hint="give a nearer baseline")
    floor = f"twice the points do not help, so the rounding of {dtype} or a jump of the model is in the way"
    hint = "give a larger tolerance, or the model and x in float64"
    return ExplanationError(f"{certificate}: {floor}", hint=hint)


def _mean_gradient(number: Callable[[Tensor], Tensor], x: Tensor, start: Tensor, points: int) -> Tensor:
    """The mean gradient on the way from start to x, (float64)."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    at, share = torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
    together = max(1, _TOGETHER // max(1, x.numel()))
    total = torch.zeros(x.shape, dtype=torch.float64, device=x.device)
    for some, shares in zip(at.split(together), share.split(together), strict=True):
        scale = some.to(x).view(-1, *([1] * x.dim()))
        ways = (start + scale * (x - start)).requires_grad_()
        with torch.enable_grad():
            results = torch.func.vmap(number, randomness="different")(ways)
            gradients = torch.autograd.grad(results.sum(), ways)[0]
        total += torch.tensordot(shares.to(total), gradients.double(), 1)
    return total


def _check(x: Any) -> None:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise InputError("x must be a tensor of floating point numbers", hint="pad a PackedSequence, and give lengths=")


def _baseline(model: nn.Module, x: Tensor, lengths: Any, baseline: str | Tensor) -> tuple[Tensor, str]:
    if isinstance(baseline, Tensor):
        if baseline.shape != x.shape:
            raise ShapeError(f"a baseline of {tuple(baseline.shape)} is not like x, {tuple(x.shape)}")
        return baseline.detach().to(x), "given"
    if baseline == "zeros":
        return torch.zeros_like(x), "zeros"
    if baseline != "mean":
        raise InputError(f"baseline {baseline!r} does not exist", hint='"zeros", "mean", or a tensor like x')
    if lengths is not None:
        raise InputError("the mean baseline does not take lengths", hint="give baseline= as a tensor")
    time = 1 if getattr(model, "batch_first", False) and x.dim() == 3 else 0
    return x.detach().mean(time, keepdim=True).expand_as(x), "mean"
