"""The vanilla LSTM and its eight variants in Greff et al., LSTM: A Search Space Odyssey, arXiv:1503.04069.

The letters are the paper's: z block input, i f o gates, c cell state, y output, p peephole weights, R recurrent
weights. The vanilla formulas are in section II-A, the variants in section IV-C.
"""

from __future__ import annotations

from torch import sigmoid, tanh

from gatewise import cell


@cell(gates="candidate input forget output", state="y c", per_unit="p_i p_f p_o")
def vanilla(z, i, f, o, c, p_i, p_f, p_o):
    """V: the LSTM with forget gate and peepholes. Greff et al., arXiv:1503.04069, section II-A. Deviation: none."""
    z, i, f = tanh(z), sigmoid(i + p_i * c), sigmoid(f + p_f * c)
    c = z * i + c * f
    o = sigmoid(o + p_o * c)
    y = tanh(c) * o
    return y, c


@cell(gates="candidate forget output", state="y c", per_unit="p_f p_o")
def no_input_gate(z, f, o, c, p_f, p_o):
    """NIG: i = 1. Greff et al., arXiv:1503.04069, section IV-C. Deviation: none."""
    z, f = tanh(z), sigmoid(f + p_f * c)
    c = z + c * f
    o = sigmoid(o + p_o * c)
    y = tanh(c) * o
    return y, c


@cell(gates="candidate input output", state="y c", per_unit="p_i p_o")
def no_forget_gate(z, i, o, c, p_i, p_o):
    """NFG: f = 1. Greff et al., arXiv:1503.04069, section IV-C. Deviation: none."""
    z, i = tanh(z), sigmoid(i + p_i * c)
    c = z * i + c
    o = sigmoid(o + p_o * c)
    y = tanh(c) * o
    return y, c


@cell(gates="candidate input forget", state="y c", per_unit="p_i p_f")
def no_output_gate(z, i, f, c, p_i, p_f):
    """NOG: o = 1. Greff et al., arXiv:1503.04069, section IV-C. Deviation: none."""
    z, i, f = tanh(z), sigmoid(i + p_i * c), sigmoid(f + p_f * c)
    c = z * i + c * f
    y = tanh(c)
    return y, c


@cell(gates="candidate input forget output", state="y c", per_unit="p_i p_f p_o")
def no_input_activation(z, i, f, o, c, p_i, p_f, p_o):
    """NIAF: g(x) = x, the block input as it is. Greff et al., arXiv:1503.04069, section IV-C. Deviation: none."""
    i, f = sigmoid(i + p_i * c), sigmoid(f + p_f * c)
    c = z * i + c * f
    o = sigmoid(o + p_o * c)
    y = tanh(c) * o
    return y, c


@cell(gates="candidate input forget output", state="y c", per_unit="p_i p_f p_o")
def no_output_activation(z, i, f, o, c, p_i, p_f, p_o):
    """NOAF: h(x) = x, the output as it is. Greff et al., arXiv:1503.04069, section IV-C. Deviation: none."""
    z, i, f = tanh(z), sigmoid(i + p_i * c), sigmoid(f + p_f * c)
    c = z * i + c * f
    o = sigmoid(o + p_o * c)
    y = c * o
    return y, c


@cell(gates="candidate input output", state="y c", per_unit="p_i p_o")
def coupled_gates(z, i, o, c, p_i, p_o):
    """CIFG: f = 1 - i. Greff et al., arXiv:1503.04069, section IV-C.

    Deviation: 1 - i is written sigmoid(-i), which keeps its digits where i is nearly 1.
    """
    z, i = tanh(z), i + p_i * c
    i, f = sigmoid(i), sigmoid(-i)
    c = z * i + c * f
    o = sigmoid(o + p_o * c)
    y = tanh(c) * o
    return y, c


@cell(gates="candidate input forget output", state="y c")
def no_peepholes(z, i, f, o, c):
    """NP: no gate sees the cell state. Greff et al., arXiv:1503.04069, section IV-C. Deviation: none."""
    z, i, f, o = tanh(z), sigmoid(i), sigmoid(f), sigmoid(o)
    c = z * i + c * f
    y = tanh(c) * o
    return y, c


GATES = dict.fromkeys(("candidate", "input", "forget", "output"), "W x + U h + b")
BETWEEN_GATES = dict.fromkeys(("R_ii", "R_fi", "R_oi", "R_if", "R_ff", "R_of", "R_io", "R_fo", "R_oo"), "U(...)")


@cell(gates=GATES | BETWEEN_GATES, state="y c i f o", per_unit="p_i p_f p_o")
def full_gate_recurrence(
    z, i_in, f_in, o_in, R_ii, R_fi, R_oi, R_if, R_ff, R_of, R_io, R_fo, R_oo, c, i, f, o, p_i, p_f, p_o
):
    """FGR: every gate also reads what the three gates were one step ago. Greff et al., arXiv:1503.04069, section IV-C.

    R_fi leads from the forget to the input gate, and so on; the output gate's peephole sees the new c, as in V.
    Deviation: the gates one step ago are states, and start from zero.
    """
    i_in = i_in + p_i * c + R_ii(i) + R_fi(f) + R_oi(o)
    f_in = f_in + p_f * c + R_if(i) + R_ff(f) + R_of(o)
    o_in = o_in + R_io(i) + R_fo(f) + R_oo(o)
    z, i, f = tanh(z), sigmoid(i_in), sigmoid(f_in)
    c = z * i + c * f
    o = sigmoid(o_in + p_o * c)
    y = tanh(c) * o
    return y, c, i, f, o


VARIANTS = {
    "V": vanilla,
    "NIG": no_input_gate,
    "NFG": no_forget_gate,
    "NOG": no_output_gate,
    "NIAF": no_input_activation,
    "NOAF": no_output_activation,
    "CIFG": coupled_gates,
    "NP": no_peepholes,
    "FGR": full_gate_recurrence,
}
