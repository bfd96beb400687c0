from torch import exp, remainder, sigmoid, tanh, where

from ..declaration import cell

_LEAK = 0.001  # of a closed gate


@cell(
    gates="input forget candidate output",
    state="h c",
    per_unit="log_period shift",
    scalars={"open": 0.05},
    inputs="time",
    candidate="g",
)
def phased_lstm(i, f, g, o, h, c, log_period, shift, open, time):
    """LSTM whose units are open for a part of a period of their own, and keep what they have for the rest of it.

    Neil, Pfeiffer, Liu, Phased LSTM: Accelerating Recurrent Network Training for Long or Event-based Sequences,
    arXiv:1610.09513; time is the last column of the input, and open the share r_on.
    Deviations: no peepholes, one share for all units, a period by its logarithm, and the leak of training stays.
    """
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    phase = remainder((time - shift) / exp(log_period), 1.0)
    k = where(phase < 0.5 * open, 2 * phase / open, where(phase < open, 2 - 2 * phase / open, _LEAK * phase))
    new = f * c + i * g
    h = k * (o * tanh(new)) + (1 - k) * h
    c = k * new + (1 - k) * c
    return h, c
