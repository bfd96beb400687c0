"""Synthetic series: how fast each family is drawn, and a page with a picture of each.

    python -m benchmarks synthetic
    python -m benchmarks synthetic --page docs/synthetic.md --pictures docs/pictures/synthetic

Figures are millions of values a second of the processor's time on one core, the best of several drawings.
"""
