from torch import exp, relu, sigmoid, tanh

from ..declaration import cell


@cell(
    gates=dict.fromkeys(("reset", "update", "candidate"), "W x + U(...) + b"),
    state="h",
    per_unit="w_decay b_decay",
    inputs="elapsed",
    candidate="n",
)
def gru_d(reset, update, candidate, h, w_decay, b_decay, elapsed):
    """GRU for samples at irregular times: its state decays with the time since the last one.

    Che, Purushotham, Cho, Sontag, Liu, Recurrent Neural Networks for Multivariate Time Series with Missing Values,
    arXiv:1606.01865, with the decay of hidden states. Masks of missing values are features of x.
    Deviations: one elapsed time for a row, the last column of the input, in place of one for each feature; and what
    takes the place of missing values is computed before the layer, since no state is part of it.
    """
    h = exp(-relu(w_decay * elapsed + b_decay)) * h
    r, z = sigmoid(reset(h)), sigmoid(update(h))
    n = tanh(candidate(r * h))
    h = (1 - z) * h + z * n
    return h
