from torch import sigmoid

from ..declaration import cell


@cell(gates={"forget": "W x + b", "input": "W x + b", "candidate": "W x + b"}, state="h", candidate="n")
def min_lstm(f, i, n, h):
    """LSTM without recurrent products, its two gates scaled so that they add up to one.

    Feng, Tung, Ahmed, Bengio, Hajimirsadeghi, Were RNNs All We Needed?, arXiv:2410.01201, section 3.2.
    """
    f, i = sigmoid(f), sigmoid(i)
    h = f / (f + i) * h + i / (f + i) * n
    return h
