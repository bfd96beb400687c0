from torch import sigmoid, tanh

from ..declaration import cell


@cell(
    gates={
        "multiplied": "W x",
        "multiplier": "U h",
        **dict.fromkeys(("input", "forget", "candidate", "output"), "W x + U(...) + b"),
    },
    state="h c",
    candidate="g",
)
def multiplicative_lstm(a, b, input, forget, candidate, output, c):
    """LSTM whose gates see a state that the input has transformed: each input has recurrent weights of its own.

    Krause, Lu, Murray, Renals, Multiplicative LSTM for Sequence Modelling, arXiv:1609.07959.
    """
    m = a * b
    i, f, g, o = sigmoid(input(m)), sigmoid(forget(m)), tanh(candidate(m)), sigmoid(output(m))
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
