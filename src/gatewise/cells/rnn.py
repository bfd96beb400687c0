from torch import tanh

from ..declaration import cell


@cell(gates="candidate", state="h", candidate="h")
def rnn(a):
    """The plain recurrent network that the others improve on.

    Elman, Finding Structure in Time, Cognitive Science 14(2), 1990, doi:10.1207/s15516709cog1402_1.
    Deviation: tanh in place of the logistic function, as PyTorch and cuDNN have it.
    """
    h = tanh(a)
    return h
