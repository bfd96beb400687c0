"""How far exp, tanh and sigmoid of the CPU kernels are from the truth, over every float32.

    python -m benchmarks ulp [FUNCTION ...] [--every 1] [--brief] [--torch]

Prints for each function the largest error in units in the last place and where it is. ``--brief`` measures those of
kernels whose products take bfloat16, whose sigmoid may be 0 where it would be subnormal; ``--torch`` adds torch's own.
The truth is NumPy's float64. All 2^32 numbers take some four minutes for each function; ``--every 97`` takes one in 97.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gatewise.kernels.cpu.functions import function

FUNCTIONS: dict[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
_BLOCK = 2**22
_LARGEST, _SMALLEST = float(np.finfo(np.float32).max), float(np.finfo(np.float32).tiny)


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks ulp", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one in N numbers (all)")
    parser.add_argument("--brief", action="store_true", help="as in kernels whose products take bfloat16")
    parser.add_argument("--torch", action="store_true", help="torch's functions too")
    parser.add_argument("names", nargs="*", metavar="FUNCTION", help=f"of {', '.join(FUNCTIONS)} (all)")
    given = parser.parse_args(arguments)
    for name in given.names or FUNCTIONS:
        kinds = {
            "kernels": function(name, brief=given.brief),
            **({"torch": getattr(torch, name)} if given.torch else {}),
        }
        for kind, apply in kinds.items():
            flushed = given.brief and kind == "kernels" and name == "sigmoid"
            error, at = worst(name, apply, given.every, flushed=flushed)
            print(f"{name}, {kind}: {error:.3f} ULP, at {at:.8g}", flush=True)


def worst(name: str, apply: Callable[[Tensor], Tensor], every: int, *, flushed: bool = False) -> tuple[float, float]:
    """The largest error over one in so many float32, and the number that has it.

    flushed: 0 is right where the result would be subnormal.
    """
    found, at = 0.0, 0.0
    for start in range(0, 2**32, _BLOCK * every):
        if sys.stderr.isatty():
            print(f"\r\033[K{name}: {start / 2**32:.0%}", end="", file=sys.stderr, flush=True)
        bits = np.arange(start, min(2**32, start + _BLOCK * every), every, dtype=np.uint32)
        x = bits.view(np.float32)
        error = errors(name, apply, x[~np.isnan(x)], flushed=flushed)
        if len(error) and error.max() > found:
            found, at = float(error.max()), float(x[~np.isnan(x)][error.argmax()])
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return found, at


def errors(
    name: str, apply: Callable[[Tensor], Tensor], x: npt.NDArray[np.float32], *, flushed: bool = False
) -> npt.NDArray[np.float64]:
    """In units in the last place of the true result; where that is too large for float32, 0 or infinite."""
    with np.errstate(over="ignore"):
        truth = FUNCTIONS[name](x.astype(np.float64))
    found = apply(torch.from_numpy(x)).numpy().astype(np.float64)
    truth = np.where(flushed & (np.abs(truth) < _SMALLEST) & (found == 0.0), 0.0, truth)
    fits = np.abs(truth) <= _LARGEST
    spacing = np.spacing(np.maximum(np.abs(np.where(fits, truth, 1.0)), _SMALLEST).astype(np.float32))
    with np.errstate(invalid="ignore"):
        error = np.abs(found - truth) / spacing.astype(np.float64)
    rounded = np.abs(truth) <= _LARGEST * (1 + 2.0**-25)  # so little above the largest is it, rounded
    return np.where(fits, error, np.where(np.isinf(found) | rounded, 0.0, np.inf))


if __name__ == "__main__":
    main(sys.argv[1:])
