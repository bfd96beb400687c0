"""Programs as people write them around torch.nn's recurrent classes, run with those and with ours.

    python -m benchmarks programs [--only PROGRAM ...] [--seconds 2] [--json FILE] [--markdown FILE]

Each is a training step of the shape of a public program: which classes it calls, how often, with what around them; a
few lines of our own, at sizes that take milliseconds. Losses of the first steps are compared before anything is timed,
on one thread. Every ratio is the median over rounds in which both took their turn, with quartiles behind it.
"""
