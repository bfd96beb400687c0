"""Ours in the hands of torch's own tools: exported, traced, recorded, differentiated, quantised."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
import torch
from torch.export import Dim

from gatewise.cells import CELLS
from gatewise.errors import CellError
from gatewise.kernels import registry
from gatewise.nn import LSTM, Recurrent

from ..matrix import values


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run():
    torch.manual_seed(0)


class Outputs(torch.nn.Module):
    """A model that holds a layer, as most do."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


# torch.export


def saved(module, x, **options):
    file = io.BytesIO()
    torch.export.save(torch.export.export(module, (x,), **options), file)
    file.seek(0)
    return file


@pytest.fixture
def new_process(monkeypatch):
    """The cells that a process knows which has made no module."""
    monkeypatch.setattr(registry, "_CELLS", {})
    registry.register.cache_clear()
    yield
    registry.register.cache_clear()


@pytest.mark.parametrize("cell", values(CELLS, quick=["gru"]))
def test_a_saved_program_runs_where_no_layer_was_made(cell, request):
    module, x = Outputs(Recurrent(cell, 3, 5)).eval(), torch.randn(6, 2, 3)
    file, expected = saved(module, x), module(x)
    request.getfixturevalue("new_process")
    assert torch.equal(torch.export.load(file).module()(x), expected)


def test_a_saved_program_names_the_cell_that_is_missing(request):
    module, x = Outputs(LSTM(3, 5, layer_norm="output")).eval(), torch.randn(6, 2, 3)
    program = torch.export.load(saved(module, x)).module()
    request.getfixturevalue("new_process")
    name = module.layer.cell.name
    with pytest.raises(CellError, match=f"(?s)the cell {name} of a saved program is not known.*declares it"):
        program(x)
    registry.register(module.layer.cell)
    assert torch.equal(program(x), module(x))


@pytest.mark.slow
def test_a_saved_program_runs_in_another_process(tmp_path):
    module, x = Outputs(LSTM(3, 5)).eval(), torch.ones(6, 2, 3)
    file = tmp_path / "program.pt2"
    file.write_bytes(saved(module, x).getvalue())
    code = (
        f"import torch, gatewise.nn\nprint(torch.export.load({str(file)!r}).module()(torch.ones(6, 2, 3)).sum().item())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(there.stdout) == module(x).sum().item()


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"proj_size": 2}], ids=lambda options: "-".join(options))
def test_a_program_takes_any_number_of_sequences(options):
    module = Outputs(LSTM(3, 5, batch_first=True, **options)).eval()
    shapes = ({0: Dim("batch", min=1), 1: Dim("steps", min=2)},)
    program = torch.export.export(module, (torch.randn(2, 7, 3),), dynamic_shapes=shapes).module()
    for batch, steps in ((9, 7), (1, 4)):
        x = torch.randn(batch, steps, 3)
        assert torch.equal(program(x), module(x))
