from torch import sigmoid, tanh

from ..declaration import cell


@cell(
    gates={
        "reset": "W x + U h + b",
        "update": "W x + U h + b",
        "candidate_x": "W x + b",
        "candidate_h": "U h + b",
    },
    state="h",
    candidate="n",
)
def gru(r, z, n_x, n_h, h):
    """Gated recurrent unit, reset after the product, as cuDNN and PyTorch compute it.

    Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, arXiv:1406.1078v1, section 2.3.
    Deviation: the recurrent part of the candidate has a bias of its own, inside the reset, as in cuDNN;
    1 - z is written sigmoid(-z), which keeps its digits where z is nearly 1.
    """
    r, z, write = sigmoid(r), sigmoid(z), sigmoid(-z)
    n = tanh(n_x + r * n_h)
    h = write * n + z * h
    return h
