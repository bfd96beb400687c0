from torch import relu, sigmoid

from ..declaration import cell


@cell(gates="update candidate", state="h", candidate="n")
def li_gru(z, n, h):
    """Light GRU: no reset gate, and ReLU in place of tanh.

    Ravanelli, Brakel, Omologo, Bengio, Light Gated Recurrent Units for Speech Recognition, arXiv:1803.10225.
    Deviation: biases in place of batch normalisation, whose statistics are of a batch and not of a step.
    """
    z, n = sigmoid(z), relu(n)
    h = z * h + (1 - z) * n
    return h
