"""Which driver runs a layer, and why, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..cells import CELLS
from ..equation import Cell, Noise
from ..errors import InputError
from .aten.driver import TORCH
from .cpu import draws
from .cpu.driver import CPU
from .driver import Driver
from .gpu.driver import DTYPES, GPU
from .layer import Layer
from .reference import REFERENCE
from .selfcheck import Check, trial
from .small import Passes

# In the order in which they are asked; the last runs whatever the others refuse.
DRIVERS: list[Driver] = [CPU, TORCH, GPU, REFERENCE]


_CHECKED = (16, 80, 200)
"""Units of layers that are compared: of the last, programs share out U where a device has that regime."""


class Choice(NamedTuple):
    """Who runs a layer. driver: its name, ``"cpu"`` for one. reason: how, and why no other does, in words."""

    driver: str
    reason: str


def accepting(cell: Cell, layer: Layer, *, traced: bool = True) -> Driver:
    """The first driver that does not refuse this layer. traced: only of those that are traceable."""
    for driver in DRIVERS:
        if (driver.traceable or not traced) and not driver.refusal(cell, layer):
            return driver
    raise AssertionError("the reference refuses nothing")


def driver_of(cell: Cell, layer: Layer, *, traced: bool = False) -> Driver:
    """The driver that runs this layer, also where torch asks for what no fused driver can do."""
    return REFERENCE if _needs_loop(layer) else accepting(cell, layer, traced=traced)


def compiled_masks(like: Tensor) -> Callable[[Sequence[Noise], int, int, Tensor], Tensor] | None:
    """What makes random masks where and as this tensor lies; None where torch itself draws them."""
    return draws.masks if like.is_cpu and like.dtype in draws.DTYPES else None


def _needs_loop(layer: Layer) -> str:
    """Why the layer goes through the reference whatever the drivers say; empty where it does not."""
    if 0 in layer.x.shape[:-1]:
        return "there is nothing to compute"
    return "forward-mode differentiation has no rule for fused drivers" if in_forward_mode() else ""


def in_forward_mode() -> bool:
    """Whether torch is differentiating in forward mode, for which the fused operators have no rule."""
    return getattr(forward_ad, "_current_level", -1) >= 0


def choose(cell: Cell, layer: Layer, dtype: torch.dtype) -> Choice:
    """Who runs this layer, in words. dtype: of the results, to which they are rounded."""
    driver = driver_of(cell, layer)
    reason = driver.manner(cell, layer)
    if dtype != layer.dtype:
        reason += f", its results rounded to {dtype}"
    if why := _needs_loop(layer):
        return Choice(driver.name, f"{reason}: {why}")
    before = [f"{other.name}: {other.refusal(cell, layer)}" for other in DRIVERS[: DRIVERS.index(driver)]]
    return Choice(driver.name, f"{reason} ({'; '.join(before)})" if before else reason)


def small_passes(cell: Cell, like: Tensor) -> Passes | None:
    """What runs small layers of the cell whole, with weights like this one; None where nothing does."""
    for driver in DRIVERS:
        if driver.working_dtype(cell, like) is not None:
            return driver.small(cell, like.dtype)
    return None


def working_dtype(cell: Cell, like: Tensor) -> torch.dtype:
    """The dtype in which a cell with weights like this one is computed: float32 for half precision on the CPU."""
    for driver in DRIVERS:
        dtype = driver.working_dtype(cell, like)
        if dtype is not None:
            return dtype
    return like.dtype


def product_dtype(cell: Cell, like: Tensor, results: torch.dtype) -> torch.dtype:
    """The dtype of W and U, with weights like this one, for results in a dtype; see `Driver.product_dtype`."""
    for driver in DRIVERS:
        working = driver.working_dtype(cell, like)
        if working is not None:
            return driver.product_dtype(cell, working, results)
    return like.dtype


def keeps_bits(cell: Cell, like: Tensor) -> bool:
    """Whether a cell of this tensor's device and dtype gives every row the same bits alone and in any batch, chunk or
    stream."""
    for driver in DRIVERS:
        dtype = driver.working_dtype(cell, like)
        if dtype is not None:
            return driver.keeps_bits and dtype == like.dtype
    return False


def selfcheck(device: str | torch.device = "cuda") -> list[Check]:
    """Compare the kernels for GPUs with the reference, on this device: every cell, every regime and dtype, both ways.

    The same is done by itself for each kernel before its first use in a process; where one is found wrong, a loop takes
    its place and a warning says so. The environment variable ``GATEWISE_SELFCHECK=0`` turns that off.

    Args:
        device: where to compute.

    Returns:
        A check for each combination; `print(*selfcheck(), sep="\n")` shows them.

    Raises:
        InputError: the device has no such kernels.
    """
    return [check for cell in CELLS.values() for check in checks_of(cell, device)]


def checks_of(cell: Cell, device: str | torch.device) -> list[Check]:
    """Those of one cell. Raises InputError where the device has no such kernels."""
    checks: list[Check] = []
    for dtype, units in product(DTYPES, _CHECKED):
        like = torch.zeros(1, dtype=dtype, device=device)
        if why := GPU.refusal(cell, trial(cell, units, like)):
            raise InputError(f"no kernels to check on {device}: {why}")
        for backward in (False, True):
            checks += GPU.checks(cell, units, like, backward=backward)
    return checks
