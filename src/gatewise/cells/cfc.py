from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates="time start end", state="h", inputs="elapsed")
def cfc(f, g, k, h, elapsed):
    """Closed-form continuous-time cell: between two targets, by a gate that the elapsed time moves.

    Hasani et al., Closed-form Continuous-time Neural Networks, doi:10.1038/s42256-022-00556-7, arXiv:2106.13898.
    The elapsed time is the last column of the input.
    Deviation: each of its three networks is one layer, without a backbone that they share.
    """
    w = sigmoid(-f * elapsed)
    h = w * tanh(g) + (1 - w) * tanh(k)
    return h
