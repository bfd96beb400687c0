from torch import sigmoid

from ..declaration import cell


@cell(gates={"update": "W x + b", "candidate": "W x + b"}, state="h", candidate="n")
def min_gru(z, n, h):
    """GRU without recurrent products: its gates see the input alone, and what it keeps is linear in the state.

    Feng, Tung, Ahmed, Bengio, Hajimirsadeghi, Were RNNs All We Needed?, arXiv:2410.01201, section 3.1.
    """
    z = sigmoid(z)
    h = (1 - z) * h + z * n
    return h
