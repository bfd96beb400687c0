from math import e

from torch import log, relu, sigmoid, tanh

from ..declaration import cell


@cell(
    gates=dict.fromkeys(("input", "forget", "candidate", "output"), "W x + U h + b") | {"short": "U(...) + b"},
    state="h c",
    inputs="elapsed",
    candidate="g",
)
def t_lstm(i, f, g, o, short, c, elapsed):
    """Time-aware LSTM: the short-term part of its memory is discounted by the time that has passed.

    Baytas, Xiao, Zhang, Wang, Jain, Zhou, Patient Subtyping via Time-Aware LSTM Networks, KDD 2017,
    doi:10.1145/3097983.3097997. The elapsed time is the last column of the input; below zero it counts
    as zero.
    """
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    s = tanh(short(c))
    discounted = s / log(e + relu(elapsed))
    c = f * (c - s + discounted) + i * g
    h = o * tanh(c)
    return h, c
