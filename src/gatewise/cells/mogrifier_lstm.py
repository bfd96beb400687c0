from torch import sigmoid, tanh

from ..declaration import cell

_GATES = ("input", "forget", "candidate", "output")


@cell(
    gates={
        "embedding": "W x",
        **dict.fromkeys(("round_1", "round_2", "round_3", "round_4", "round_5"), "U(...)"),
        **{f"{name}_x": "U(...)" for name in _GATES},
        **{f"{name}_h": "U(...) + b" for name in _GATES},
    },
    state="h c",
    candidate="g",
)
def mogrifier_lstm(x, q1, r2, q3, r4, q5, i_x, f_x, g_x, o_x, i_h, f_h, g_h, o_h, h, c):
    """LSTM whose input and output gate each other, in five rounds, before its gates see either.

    Melis, Kocisky, Blunsom, Mogrifier LSTM, arXiv:1909.01792, equations 1 and 2, with full matrices.
    Deviation: what is gated is W x, an embedding as wide as the state.
    """
    for q, r in ((q1, r2), (q3, r4)):
        x = 2 * sigmoid(q(h)) * x
        h = 2 * sigmoid(r(x)) * h
    x = 2 * sigmoid(q5(h)) * x
    i, f, o = (sigmoid(a(x) + b(h)) for a, b in ((i_x, i_h), (f_x, f_h), (o_x, o_h)))
    g = tanh(g_x(x) + g_h(h))
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
