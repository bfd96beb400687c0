"""Our CPU kernels and their peers, timed alternately in one run.

    python -m benchmarks cpu [--quick] [--only SECTION ...] [--threads 1 2] [--json FILE]

Parity comes first: where a peer's results are not ours, nothing is timed and the exit code is 1. Every ratio is the
median over rounds in which all contenders took their turn, with quartiles behind it.
"""
