from torch import sigmoid, tanh

from ..declaration import cell


@cell(
    gates={
        "reset": "W x + U h + b",
        "update": "W x + U h + b",
        "candidate": "W x + U(...) + b",
    },
    state="h",
    candidate="n",
)
def gru_reset_before(r, z, candidate, h):
    """Gated recurrent unit, reset before the product: the candidate multiplies U with r * h.

    Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, arXiv:1406.1078v3, equations 5 to 8;
    the form in Olah, Understanding LSTM Networks, 2015 (there with z and 1 - z exchanged).
    Deviation: biases, which the paper leaves out; 1 - z is written sigmoid(-z), which keeps its digits where z is
    nearly 1.
    """
    r, z, write = sigmoid(r), sigmoid(z), sigmoid(-z)
    n = tanh(candidate(r * h))
    h = write * n + z * h
    return h
