from torch import sigmoid, tanh

from ..declaration import cell


@cell(
    gates={"update": "W x + b", "reset": "W x + U h + b", "input": "W x", "candidate": "U(...) + b"},
    state="h",
    candidate="n",
)
def mut1(z, r, x, candidate, h):
    """The best of ten thousand cells that an evolutionary search found.

    Jozefowicz, Zaremba, Sutskever, An Empirical Exploration of Recurrent Network Architectures, ICML 2015,
    PMLR 37, MUT1.
    Deviation: where the paper adds tanh(x), here it is tanh(W x), so that x may be of any width.
    """
    z, r = sigmoid(z), sigmoid(r)
    n = tanh(candidate(r * h) + tanh(x))
    h = z * n + (1 - z) * h
    return h
