from torch import sigmoid, tanh

from ..declaration import cell


@cell(gates={"input": "W x + U h + b", "candidate": "W x + b"}, state="h", candidate="z")
def star(k, z, h):
    """Stackable recurrent cell: one gate, and gradients that neither vanish nor grow through many layers.

    Turkoglu, D'Aronco, Wegner, Schindler, Gating Revisited: Deep Multi-layer RNNs That Can Be Trained,
    arXiv:1911.11033.
    """
    k, z = sigmoid(k), tanh(z)
    h = tanh((1 - k) * h + k * z)
    return h
