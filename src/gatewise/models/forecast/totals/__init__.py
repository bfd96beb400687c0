"""Totals of a horizon, with intervals of their own: sums of paths whose steps hang together as errors did."""
