"""The backtest of the README's example, over several seeds of the network.

    python -m benchmarks air_passengers [--seeds 3]

Prints the MASE of every model over 3 windows of 12 months, and seconds to fit and predict.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gatewise.forecast import Forecaster
from gatewise.tables.reading import load_panel

TABLE = Path(__file__).parents[1] / "examples" / "air_passengers.csv"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    panel = load_panel(TABLE)
    for seed in range(parser.parse_args(arguments).seeds):
        backtest = Forecaster(horizon=12, seed=seed).backtest(panel, 3)
        figures = "  ".join(f"{score.model} {score.mase:.3f} ({score.seconds:.1f} s)" for score in backtest.scores)
        print(f"seed {seed}: {figures}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
