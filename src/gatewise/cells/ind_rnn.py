from torch import relu

from ..declaration import cell


@cell(gates={"candidate": "W x + b"}, state="h", per_unit="u", candidate="g")
def ind_rnn(a, h, u):
    """Recurrent network whose units hear only themselves: one recurrent weight for each.

    Li, Li, Cook, Zhu, Gao, Independently Recurrent Neural Network (IndRNN), arXiv:1803.04831, equation 2, with ReLU.
    """
    g = relu(a + u * h)
    h = g
    return h
