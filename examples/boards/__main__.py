"""``python -m examples.boards cortex-m4 model.c``: one exported model on one emulated board and on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from . import BOARDS, run_model
from .program import EXACT


def arguments() -> argparse.Namespace:
    """What the command was given."""
    parser = argparse.ArgumentParser(prog="python -m examples.boards", description=__doc__)
    parser.add_argument("board", choices=BOARDS)
    parser.add_argument("model", type=Path, help="the file of to_c(model, 'model.c', name='model'), model.h beside it")
    parser.add_argument("--input", type=Path, help="a CSV of numbers, one step a row (default: 100 random steps)")
    parser.add_argument("--flags", default=" ".join(EXACT), help="the compiler's (default: %(default)s)")
    return parser.parse_args()


def inputs(model: Path, table: Path | None) -> np.ndarray:
    """The rows of the table, or random ones as wide as the header says."""
    if table is not None:
        return np.loadtxt(table, np.float32, delimiter=",", ndmin=2)
    define = next(line for line in model.with_suffix(".h").read_text().splitlines() if "define MODEL_INPUTS" in line)
    return np.random.default_rng(0).standard_normal((100, int(define.split()[2])), np.float32)


def main() -> None:
    """Run the model on the board and here, and print what both say."""
    args = arguments()
    board = BOARDS[args.board]
    if board.missing():
        sys.exit(f"install first: {', '.join(board.missing())} (see examples/boards/README.md)")
    x = inputs(args.model, args.input)
    found = run_model(board, args.model, x, args.flags.split())
    here = run_model(BOARDS["host"], args.model, x)
    counted = f"{found.shortest} to {found.longest} instructions a step, {found.stack} bytes of stack"
    print(f"{args.board}: {len(x)} steps, {counted if board.emulator else 'nothing counted'}")
    print(f"last outputs: {' '.join(f'{value:.9g}' for value in found.outputs[-1])}")
    print(f"largest difference from this machine: {abs(found.outputs - here.outputs).max():.3g}")
    print(f"the same bits as on this machine: {'yes' if found.words == here.words else 'no'}")


if __name__ == "__main__":
    main()
