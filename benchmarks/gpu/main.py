"""Kernels for GPUs beside torch.nn, a loop over the step and torch.compile of it, on this card: parity first.

    python -m benchmarks gpu --out FILE [--only TEXT ...] [--plan] [--limit 40]

Each piece is a process of its own that is ended after --limit seconds. Its lines are added to FILE as JSON, and a piece
that FILE has is not run again, so that a table can be had in several visits to a card.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from gatewise.cells import CELLS
from gatewise.kernels.choice import checks_of

from .rivals import contenders, milliseconds, regime
from .workload import Piece, pieces

_TOLERANCE = {"float32": 5e-3, "float16": 2e-2, "bfloat16": 1e-1}
"""Of outputs beside torch's: TF32, and other sums of half precision, over a thousand steps."""


def main(arguments: Sequence[str]) -> None:
    """Run what is missing."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu", description=__doc__, formatter_class=form)
    parser.add_argument("--out", type=Path, default=Path("gpu.jsonl"), help="a line for each figure is added here")
    parser.add_argument("--only", nargs="+", default=[""], help="pieces whose names have one of these texts")
    parser.add_argument("--plan", action="store_true", help="list the pieces, and run none")
    parser.add_argument("--limit", type=float, default=40.0, help="seconds of a piece")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--piece", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    chosen = [piece for piece in pieces() if any(text in piece.name for text in options.only)]
    if options.plan:
        print("\n".join(piece.name for piece in chosen))
    elif options.piece:
        for line in figures(next(p for p in pieces() if p.name == options.piece), options.device):
            print(json.dumps(line), flush=True)
    elif options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no GPU: torch.cuda.is_available() is False; --plan lists what would run")
    else:
        _run_missing(chosen, options.out, options.limit, options.device)


def _run_missing(chosen: Sequence[Piece], out: Path, limit: float, device: str) -> None:
    known = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    ended = {line["piece"]: line["ended"] for line in known if line.get("done")}
    for piece in chosen:
        wrong = {each.parity for each in pieces() if each.parity and ended.get(each.name, "done") != "done"}
        if piece.name in ended or any(work.cell in wrong for work in piece.workloads):
            continue
        ended[piece.name] = _in_its_process(piece, out, limit, device)
        print(f"{piece.name}: {ended[piece.name]}", flush=True)
        if piece.parity and ended[piece.name] != "done":
            print(f"{piece.parity}: results are not the reference's, so it is not timed", flush=True)


def _in_its_process(piece: Piece, out: Path, limit: float, device: str) -> str:
    """Run it, add its lines, and say how it ended."""
    command = [sys.executable, "-m", "benchmarks", "gpu", "--device", device, "--piece", piece.name]
    start = time.monotonic()
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
        text, ended = run.stdout, "done" if run.returncode == 0 else run.stderr.strip()[-500:]
    except subprocess.TimeoutExpired as expired:
        text = expired.stdout or ""
        text, ended = text.decode() if isinstance(text, bytes) else text, "out of time"
    seconds = round(time.monotonic() - start, 1)
    last = {"piece": piece.name, "done": True, "ended": ended, "seconds": seconds}
    with out.open("a") as lines:
        lines.write(text + json.dumps(last) + "\n")
    return ended


def figures(piece: Piece, device: str) -> Iterator[dict[str, object]]:
    """The lines of a piece. Raises SystemExit where results are not those of others."""
    about: dict[str, object] = {"piece": piece.name, "torch": torch.__version__, "device": device}
    if device == "cuda":
        about |= {"device": torch.cuda.get_device_name(), "cudnn": torch.backends.cudnn.version()}
    if piece.parity:
        yield from _parity(piece.parity, about, device)
    for work in piece.workloads:
        sides = contenders(work, device)
        if "torch" in sides and not work.ragged:
            ours, theirs = (sides[name].forward().double() for name in ("ours", "torch"))
            error = float((ours - theirs).abs().max() / theirs.abs().max())
            if not error <= _TOLERANCE[work.dtype]:
                raise SystemExit(f"{work}: outputs are {error:.1e} apart")
        for name, side in sides.items():
            times = {
                "forward_ms": milliseconds(side.forward, device),
                "training_ms": milliseconds(side.training, device),
            }
            yield {**about, **asdict(work), "contender": name, **times, "regime": regime(work, device)}


def _parity(cell: str, about: dict[str, object], device: str) -> Iterator[dict[str, object]]:
    """A cell in every regime and dtype beside the reference."""
    checks = checks_of(CELLS[cell], device)
    for check in checks:
        yield {**about, **check._asdict(), "dtype": str(check.dtype), "passed": check.passed}
    if not all(check.passed for check in checks):
        raise SystemExit("\n".join(str(check) for check in checks if not check.passed))
