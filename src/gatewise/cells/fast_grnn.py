from torch import sigmoid, tanh

from ..declaration import cell


@cell(
    gates={"candidate": "W x + U h"},
    state="h",
    per_unit="b_z b_h",
    scalars={"zeta": 1.0, "nu": -4.0},
    candidate="n",
)
def fast_grnn(a, h, b_z, b_h, zeta, nu):
    """Gated network of a few kilobytes: gate and candidate share their matrices, and differ in their biases.

    Kusupati et al., FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated Recurrent Neural Network,
    arXiv:1901.02358, zeta and nu as sigmoids of what is learned.
    Deviation: matrices of full rank; ``torch.nn.utils.parametrize`` gives them a low one.
    """
    z, n = sigmoid(a + b_z), tanh(a + b_h)
    share, least = sigmoid(zeta), sigmoid(nu)
    h = (share * (1 - z) + least) * n + z * h
    return h
