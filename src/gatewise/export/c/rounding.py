"""Weights to int8 such that what rounding one of them changes in a sum, those after it and the bias take back.

Frantar, Ashkboos, Hoefler, Alistarh, GPTQ, arXiv:2210.17323, algorithm 1, on the second moments of what the weights
multiplied on calibration data. The bias is one more weight, of a number that is always 1, and is not rounded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import Numbers

_DAMPING = 0.001
"""Of the mean second moment, added to each, so that what calibration did not see is not relied on."""


class Rounded(NamedTuple):
    """Rows (R, K) of whole numbers, and their biases (R,) in float64."""

    whole: Numbers
    biases: Numbers


def rounded(weights: Numbers, units: Numbers, biases: Numbers, moments: Numbers) -> Rounded:
    """weights: (R, K) in float64. units: (R, K), what 1 stands for. biases: (R,). moments: (K + 1, K + 1), of what is
    multiplied and 1; the largest are rounded first.

    Biases that are all zero stay so: nothing times the weights must be nothing, which a layer norm would blow up.
    """
    order = np.argsort(-np.diag(moments)[:-1], kind="stable")
    places = [*order, weights.shape[1]] if biases.any() else order
    spread = _spread(moments[np.ix_(places, places)])
    left = np.concatenate([weights, biases[:, None]], axis=1)[:, places]
    whole = np.empty(weights.shape)
    for at, place in enumerate(order):
        whole[:, place] = np.clip(np.rint(left[:, at] / units[:, place]), -127, 127)
        lost = (left[:, at] - whole[:, place] * units[:, place]) / spread[at, at]
        left[:, at + 1 :] -= lost[:, None] * spread[at, at + 1 :]
    return Rounded(whole.astype(np.int8), left[:, -1] if biases.any() else biases)


def _spread(moments: Numbers) -> Numbers:
    """The Cholesky factor of the inverse, upper: how the rest takes back what one loses."""
    count = len(moments)
    inverse = np.linalg.inv(moments + _DAMPING * max(float(np.trace(moments)) / count, 1e-12) * np.eye(count))
    return np.linalg.cholesky((inverse + inverse.T) / 2).T
