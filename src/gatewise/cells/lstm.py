from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates="input forget candidate output", state="h c", candidate="g")
def lstm(i, f, g, o, c):
    """Long short-term memory with a forget gate.

    Gers, Schmidhuber, Cummins, Learning to Forget, Neural Computation 12(10), 2000,
    doi:10.1162/089976600300015015, equations 3.1 to 3.5; Hochreiter, Schmidhuber, Long Short-Term Memory, 1997,
    doi:10.1162/neco.1997.9.8.1735, for the rest.
    Deviation: candidate and output are squashed by tanh in place of scaled logistic functions.
    """
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
