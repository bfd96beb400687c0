from torch import sigmoid, tanh

from ..declaration import cell

_INNER = [f"inner_{gate}_{part}" for part in "xh" for gate in ("input", "forget", "candidate", "output")]


@cell(
    gates={
        **dict.fromkeys(("input", "forget", "candidate", "output"), "W x + U h + b"),
        **{name: "U(...)" if name.endswith("_x") else "U(...) + b" for name in _INNER},
    },
    state="h c n",
    candidate="g",
)
def nested_lstm(i, f, g, o, i_x, f_x, g_x, o_x, i_h, f_h, g_h, o_h, c, n):
    """LSTM whose memory is itself kept by an LSTM, which has a memory of its own.

    Moniz, Krueger, Nested LSTMs, arXiv:1801.10308; n is the inner memory.
    """
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    old, new = f * c, i * g
    n = sigmoid(f_x(new) + f_h(old)) * n + sigmoid(i_x(new) + i_h(old)) * tanh(g_x(new) + g_h(old))
    c = sigmoid(o_x(new) + o_h(old)) * tanh(n)
    h = o * tanh(c)
    return h, c, n
