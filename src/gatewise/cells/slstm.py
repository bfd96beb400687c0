from math import inf

from torch import exp, maximum, sigmoid, tanh
from torch.nn.functional import logsigmoid

from ..declaration import cell


@cell(gates="input forget candidate output", state={"h": 0, "c": 0, "n": 0, "m": -inf}, candidate="z")
def slstm(i, f, z, o, c, n, m):
    """LSTM with exponential input gate, normalised by n; c and n are stored divided by exp(m), so nothing overflows.

    Beck et al., xLSTM: Extended Long Short-Term Memory, arXiv:2405.04517, equations 8 to 17, the forget gate a
    sigmoid.
    Deviation: the stabiliser m starts at minus infinity, which makes the first step exact for every row.
    """
    z, o, kept = tanh(z), sigmoid(o), logsigmoid(f) + m
    m = maximum(kept, i)
    i, f = exp(i - m), exp(kept - m)
    c = f * c + i * z
    n = f * n + i
    h = o * c / n
    return h, c, n, m
