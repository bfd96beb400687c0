"""The backtest of the README's example, over several seeds of the network.

    python -m benchmarks air_passengers [--seeds 3]

Prints for each seed the verdict, and every model's error relative to the seasonal naive forecast's with its standard
error and seconds; then how many of the verdicts say the same. The series is an example, and one on which the forecaster
was developed: no proof of anything.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gatewise.forecast import Forecaster
from gatewise.tables.reading import load_panel

TABLE = Path(__file__).parents[1] / "examples" / "air_passengers.csv"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    panel = load_panel(TABLE)
    said: Counter[tuple[str, str]] = Counter()
    for seed in range(parser.parse_args(arguments).seeds):
        backtest = Forecaster(horizon=12, seed=seed).backtest(panel)
        figures = (
            f"{score.model} {score.relative:.2f} \u00b1 {score.relative_error:.2f} ({score.seconds:.1f} s)"
            for score in backtest.scores
        )
        print(f"seed {seed}: {backtest.verdict}\n  {', '.join(figures)}", flush=True)
        said[backtest.judgement.claim, backtest.judgement.chosen] += 1
    for (claim, chosen), count in said.most_common():
        print(f"{count} times: {claim}, {chosen} forecasts")


if __name__ == "__main__":
    main(sys.argv[1:])
