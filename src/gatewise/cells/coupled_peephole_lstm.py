from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates="forget candidate output", state="h c", per_unit="p_f p_o", candidate="g")
def coupled_peephole_lstm(f, g, o, c, p_f, p_o):
    """LSTM with peepholes whose input gate is what the forget gate leaves, i = 1 - f.

    Greff et al., LSTM: A Search Space Odyssey, arXiv:1503.04069, section 2 with variant CIFG.
    Deviation: 1 - f is written sigmoid(-f), which keeps its digits where f is nearly 1.
    """
    f = f + p_f * c
    i, f, g = sigmoid(-f), sigmoid(f), tanh(g)
    c = f * c + i * g
    o = sigmoid(o + p_o * c)
    h = o * tanh(c)
    return h, c
