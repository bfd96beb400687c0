from torch import floor, minimum, sigmoid, tanh

from ..declaration import cell


@cell(
    gates={
        "reset": "W x + U h + b",
        "update": "W x + U h + b",
        "candidate": "W x + U(...) + b",
        "increment": "U(...) + b",
    },
    state={"h": 0.0, "u": 1.0},
    widths={"increment": 1, "u": 1},
    candidate="n",
)
def skip_gru(r, z, candidate, increment, h, u):
    """GRU that learns to skip steps: one number for each row, u, decides whether its state is updated or copied.

    Campos, Jou, Giro-i-Nieto, Torres, Chang, Skip RNN: Learning to Skip State Updates in Recurrent Neural Networks,
    arXiv:1708.06834, with the GRU of Cho et al., arXiv:1406.1078. u is rounded, and gradients pass as if it were not.
    Deviation: u is computed at every step, which leaves out nothing that a skipped step would have computed.
    """
    updated = u + (floor(u + 0.5) - u).detach()
    n = tanh(candidate(sigmoid(r) * h))
    new = sigmoid(z) * h + (1 - sigmoid(z)) * n
    h = updated * new + (1 - updated) * h
    du = sigmoid(increment(h))
    u = updated * du + (1 - updated) * (u + minimum(du, 1 - u))
    return h, u
