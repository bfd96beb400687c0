from torch import sigmoid, tanh

from ..declaration import cell


@cell(
    gates={
        **dict.fromkeys(("candidate", "transform"), "W x + U h + b"),
        **dict.fromkeys(("candidate_2", "transform_2", "candidate_3", "transform_3"), "U(...) + b"),
    },
    state="h",
)
def rhn(g, t, g2, t2, g3, t3, h):
    """Recurrent highway network of depth 3: three gated layers from one step to the next.

    Zilly, Srivastava, Koutnik, Schmidhuber, Recurrent Highway Networks, arXiv:1607.03474, equations 6 to 9, with
    coupled gates c = 1 - t. For another depth, write the same with more gates.
    """
    h = sigmoid(t) * tanh(g) + (1 - sigmoid(t)) * h
    for candidate, transform in ((g2, t2), (g3, t3)):
        t = sigmoid(transform(h))
        h = t * tanh(candidate(h)) + (1 - t) * h
    return h
