from torch import sigmoid

from ..declaration import cell


@cell(gates="input candidate output", state="h c", candidate="g")
def lstm_1997(i, g, o, c):
    """The first LSTM: no forget gate, so that what is written stays.

    Hochreiter, Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997, doi:10.1162/neco.1997.9.8.1735,
    section 4 and appendix A.1; candidate in (-2, 2), output squashed into (-1, 1).
    Deviation: a cell for each pair of gates (memory cell blocks of size 1), and gradients are not truncated.
    """
    i, g, o = sigmoid(i), 4 * sigmoid(g) - 2, sigmoid(o)
    c = c + i * g
    h = o * (2 * sigmoid(c) - 1)
    return h, c
