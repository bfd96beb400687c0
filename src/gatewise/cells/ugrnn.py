from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates="update candidate", state="h", candidate="n")
def ugrnn(z, n, h):
    """Update gate RNN: the plain recurrent network with one gate that keeps.

    Collins, Sohl-Dickstein, Sussillo, Capacity and Trainability in Recurrent Neural Networks, arXiv:1611.09913.
    """
    z, n = sigmoid(z), tanh(n)
    h = z * h + (1 - z) * n
    return h
