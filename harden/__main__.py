"""Hostile calls, drawn at random from a seed: ``python -m harden PART [--seed S] [--count N]``, or all parts."""

from __future__ import annotations

import argparse
import faulthandler
import subprocess
import sys
import time
from collections.abc import Sequence

from .part import about, names, part

ALL = "all"
LONGEST = 900
"""Seconds after which a part is taken to hang."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where there is nothing that must not have happened."""
    options = _parser().parse_args(arguments)
    if options.part == ALL:
        return _all(options.seed, quick=options.quick)
    chosen = part(options.part)
    report = chosen.run(options.seed, options.count or (chosen.QUICK if options.quick else chosen.NIGHTLY))
    print(f"{options.part}, seed {options.seed}: {report}")
    return bool(report.findings)


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:16}{about(name)}" for name in names())
    parser = argparse.ArgumentParser(
        prog="python -m harden",
        description=(__doc__ or "").split("\n")[0],
        epilog=f"parts:\n{listed}\n  {ALL:16}each in a process of its own",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=[*names(), ALL], metavar="PART")
    parser.add_argument("--seed", type=int, default=0, help="of the calls; 0 by default")
    parser.add_argument("--count", type=int, help="calls of one part; by default those of a nightly run")
    parser.add_argument("--quick", action="store_true", help="as few calls as CI makes")
    return parser


def _all(seed: int, *, quick: bool) -> int:
    """Each part in a process of its own, so that one that crashes or hangs is told too, and the others run."""
    failed: list[str] = []
    for name in names():
        begun = time.monotonic()
        command = [sys.executable, "-m", "harden", name, "--seed", str(seed), *["--quick"] * quick]
        failure = failure_of(command, LONGEST)
        print(f"{name}: {time.monotonic() - begun:.0f} s, {failure or 'clean'}", flush=True)
        failed += [name] if failure else []
    print(f"seed {seed}: {', '.join(failed) or 'nothing'} failed of {', '.join(names())}")
    return bool(failed)


def failure_of(command: Sequence[str], longest: float) -> str:
    """How a process failed, in words; empty where it did not. longest: seconds after which it is taken to hang."""
    try:
        status = subprocess.run(command, timeout=longest, check=False).returncode
    except subprocess.TimeoutExpired:
        return f"still running after {longest} s"
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}" if status else ""


if __name__ == "__main__":
    faulthandler.enable()
    sys.exit(main())
