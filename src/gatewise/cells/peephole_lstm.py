from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates="input forget candidate output", state="h c", per_unit="p_i p_f p_o", candidate="g")
def peephole_lstm(i, f, g, o, c, p_i, p_f, p_o):
    """LSTM whose gates look at the cell state; the output gate sees the new one.

    Gers, Schraudolph, Schmidhuber, Learning Precise Timing with LSTM Recurrent Networks, JMLR 3, 2002,
    doi:10.1162/153244303768966139; equations as in Greff et al., LSTM: A Search Space Odyssey, arXiv:1503.04069,
    section 2.
    Deviation: gradients flow through the peepholes, and the output is squashed by tanh.
    """
    i, f, g = sigmoid(i + p_i * c), sigmoid(f + p_f * c), tanh(g)
    c = f * c + i * g
    o = sigmoid(o + p_o * c)
    h = o * tanh(c)
    return h, c
