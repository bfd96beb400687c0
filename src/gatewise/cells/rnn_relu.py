from torch import relu

from ..declaration import cell


@cell(gates="candidate", state="h", candidate="h")
def rnn_relu(a):
    """The plain recurrent network with rectified units.

    Elman, Finding Structure in Time, Cognitive Science 14(2), 1990, doi:10.1207/s15516709cog1402_1; with the
    rectifier as in Le, Jaitly, Hinton, A Simple Way to Initialize Recurrent Networks of Rectified Linear Units,
    arXiv:1504.00941, section 2.
    Deviation: none; that paper's identity matrix for U is a choice of initial weights.
    """
    h = relu(a)
    return h
