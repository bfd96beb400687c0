from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates="forget candidate output", state="h c", candidate="g")
def coupled_lstm(f, g, o, c):
    """LSTM whose input gate is what the forget gate leaves, i = 1 - f.

    Greff et al., LSTM: A Search Space Odyssey, arXiv:1503.04069, variant CIFG.
    Deviation: 1 - f is written sigmoid(-f), which keeps its digits where f is nearly 1.
    """
    i, f, g, o = sigmoid(-f), sigmoid(f), tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
