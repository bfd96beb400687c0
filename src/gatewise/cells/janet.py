from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates="forget candidate", state="h", candidate="g")
def janet(f, g, h):
    """Just another network: only the forget gate is left of the LSTM, and the state is the output.

    van der Westhuizen, Lasenby, The unreasonable effectiveness of the forget gate, arXiv:1804.04849, equations 7
    to 9, with beta = 1.
    Deviation: 1 - sigmoid(f - beta) is written sigmoid(beta - f), which keeps its digits where f is nearly 1.
    """
    beta = 1
    i, f, g = sigmoid(beta - f), sigmoid(f), tanh(g)
    h = f * h + i * g
    return h
