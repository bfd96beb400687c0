"""Time constants are those of memories whose forgetting is known."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise import record
from gatewise.errors import CellError, InputError
from gatewise.inspect.memory.timescales import keeping, timescales
from gatewise.nn import GRU, JANET, LSTM, LSTM1997, RNN, SLSTM, PeepholeLSTM, Recurrent
from gatewise.transforms.rewrite import memories

from .. import tolerance
from ..user_cells import no_output_activation


def planted(keeps: list[float]) -> LSTM:
    """An LSTM each of whose units keeps this share at every step."""
    module = LSTM(2, len(keeps)).double()
    units = len(keeps)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.bias_ih_l0[units : 2 * units] = torch.tensor(keeps, dtype=torch.float64).logit()
    return module


def test_a_planted_forgetting_is_found_and_what_outlasts_the_data_is_censored():
    keeps = [0.5, 0.9, 0.999]
    found = timescales(record(planted(keeps), torch.randn(40, 3, 2, dtype=torch.float64)))
    assert found.tau[:2].tolist() == pytest.approx([-1 / math.log(k) for k in keeps[:2]])
    assert found.half_life[0].item() == pytest.approx(1.0)
    assert found.censored.tolist() == [False, False, True]
    assert float(found.tau[2]) == 40.0
    assert found.written(2) == ">40"
    assert found.survival.shape == (41, 3)
    for lag in (0, 1, 7, 40):
        assert found.survival[lag].tolist() == pytest.approx([k**lag for k in keeps])
    assert list(found.to_pandas().columns) == ["tau", "half_life", "censored"]
    assert "1 units beyond the data" in str(found)


def test_it_is_the_geometric_mean_over_steps_of_all_sequences_and_none_of_their_padding():
    module, lengths = LSTM(3, 4, bidirectional=True).double(), [9, 4, 0]
    seen = record(module, 3 * torch.randn(9, 3, 3, dtype=torch.float64), lengths=lengths)
    for direction in (0, 1):
        found = timescales(seen, direction=direction, lags=3)
        forget = seen.layer(0, direction).gates["forget"]
        steps = torch.cat([forget[:length, b] for b, length in enumerate(lengths)])
        tau = [-1 / math.log(math.prod(unit.tolist()) ** (1 / 13)) for unit in steps.t()]
        assert found.tau.tolist() == pytest.approx(tau)
        threes = [forget[t : t + 3, b].prod(0) for b, length in enumerate(lengths) for t in range(length - 2)]
        assert found.survival[3].tolist() == pytest.approx(torch.stack(threes).mean(0).tolist())


@pytest.mark.parametrize(
    ("module", "gate"),
    [
        (GRU(3, 4), "update"),
        (PeepholeLSTM(3, 4), "forget"),
        (LSTM(3, 4, proj_size=2), "forget"),
        (SLSTM(3, 4, heads=2), "forget"),
        (Recurrent(no_output_activation, 3, 4), "forget"),
        (LSTM(3, 4, layer_norm="output"), "forget"),
    ],
    ids=lambda given: repr(given),
)
def test_what_keeps_is_found_in_the_step_whatever_the_cell_calls_it(module, gate):
    seen = record(module.double(), torch.randn(6, 3, 3, dtype=torch.float64), lengths=[6, 2, 5])
    found, expected = keeping(seen, 0, 0, memories(seen.cell)[0]), seen.gates[gate][0, 0]
    assert torch.allclose(found, expected, rtol=0, atol=tolerance.PARITY["float64"])


def test_zoneout_keeps_its_share_on_top_of_the_gate():
    module = LSTM(3, 4, zoneout={"c": 0.25}).double().eval()
    seen = record(module, torch.randn(6, 3, 3, dtype=torch.float64))
    expected = 0.25 + 0.75 * seen.gates["forget"][0, 0]
    assert torch.allclose(keeping(seen, 0, 0, "c"), expected, rtol=0, atol=tolerance.PARITY["float64"])


def test_a_memory_that_never_forgets_outlasts_any_data():
    found = timescales(record(LSTM1997(3, 4), torch.randn(6, 2, 3)))
    assert found.censored.all()
    assert found.survival.eq(1).all()


def test_what_has_no_memory_or_no_steps_is_refused():
    with pytest.raises(CellError, match="keeps nothing of h"):
        timescales(record(RNN(3, 4), torch.randn(6, 2, 3)))
    seen = record(JANET(3, 4), torch.randn(6, 2, 3))
    with pytest.raises(InputError, match="no state 'c'"):
        timescales(seen, state="c")
    with pytest.raises(InputError, match="leaves steps out"):
        timescales(record(JANET(3, 4), torch.randn(6, 2, 3), span=(1, 4)))
    with pytest.raises(InputError, match="no step"):
        timescales(record(JANET(3, 4), torch.randn(6, 2, 3), lengths=[0, 0]))
