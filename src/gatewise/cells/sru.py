from torch import sigmoid

from ..declaration import cell


@cell(
    gates={"candidate": "W x", "forget": "W x + b", "reset": "W x + b", "highway": "W x"},
    state="h c",
    per_unit="v_f v_r",
    candidate="g",
)
def sru(g, f, r, w, c, v_f, v_r):
    """Simple recurrent unit: a memory without recurrent products, read through a highway.

    Lei, Zhang, Wang, Dai, Artzi, Simple Recurrent Units for Highly Parallelizable Recurrence, arXiv:1709.02755,
    equations 1 to 4, without the scaling of section 3.3.
    Deviation: the highway carries W x, which the paper has where x is not as wide as the state.
    """
    f, r = sigmoid(f + v_f * c), sigmoid(r + v_r * c)
    c = f * c + (1 - f) * g
    h = r * c + (1 - r) * w
    return h, c
