from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates={"forget": "W x + U h + b", "candidate": "W x + U(...) + b"}, state="h", candidate="n")
def mgu(f, candidate, h):
    """Minimal gated unit: one gate both forgets and resets.

    Zhou, Wu, Zhang, Zhou, Minimal Gated Unit for Recurrent Neural Networks, arXiv:1603.09420, table 1.
    Deviation: 1 - f is written sigmoid(-f), which keeps its digits where f is nearly 1.
    """
    f, keep = sigmoid(f), sigmoid(-f)
    n = tanh(candidate(f * h))
    h = keep * h + f * n
    return h
