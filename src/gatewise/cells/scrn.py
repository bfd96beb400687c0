from torch import sigmoid

from ..declaration import cell


@cell(
    gates={"context": "W x", "read": "U(...)", "hidden": "W x + U h"},
    state="h s",
    widths={"b": "context", "s": "context"},
    candidate="b",
)
def scrn(b, p, a, h, s):
    """Structurally constrained recurrent network: a plain one with a context of its own width, which changes slowly.

    Mikolov, Joulin, Chopra, Mathieu, Ranzato, Learning Longer Memory in Recurrent Neural Networks, arXiv:1412.7753,
    with its fixed alpha of 0.95.
    Deviation: the output is h; what V adds to it from s is a layer of the user's, since s is among the states.
    """
    s = 0.05 * b + 0.95 * s
    h = sigmoid(p(s) + a)
    return h, s
