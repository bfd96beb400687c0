"""One entry point for everything that is measured: ``python -m benchmarks NAME [OPTIONS]``."""

from __future__ import annotations

import argparse
import sys

from .registry import BENCHMARKS, runner


def main() -> None:
    names = "\n".join(f"  {name:16}{text}" for name, (_, text) in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=(__doc__ or "").split("\n")[0],
        epilog=f"benchmarks:\n{names}\n\nEach has options of its own: python -m benchmarks NAME --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=BENCHMARKS, metavar="NAME")
    arguments = parser.parse_args(sys.argv[1:2])
    runner(arguments.name)(sys.argv[2:])


if __name__ == "__main__":
    main()
