"""Every body reads only what came before, whole or in pieces, and computes what its paper says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from gatewise.cells import CELLS
from gatewise.models.bodies import CausalTransformer, TemporalConvolutions
from gatewise.models.bodies.convolutions import DilatedConvolution, ResidualBlock, blocks_for
from gatewise.models.bodies.transformer import CausalLayer, positions
from gatewise.nn import Recurrent

from ...tolerance import IN_PIECES

STEPS, ROWS, INPUTS = 12, 3, 2
BODIES = {
    "recurrent": lambda: Recurrent(CELLS["gru"], INPUTS, 5),
    "tcn": lambda: TemporalConvolutions(INPUTS, 6, [4, 3]),
    "transformer": lambda: CausalTransformer(INPUTS, 8, 12),
}
every_body = pytest.mark.parametrize("name", BODIES)


def body_and_input(name: str) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return BODIES[name]().eval(), torch.randn(STEPS, ROWS, INPUTS)


@every_body
@torch.no_grad()
def test_a_sequence_in_pieces_gives_what_it_gives_whole(name: str) -> None:
    body, x = body_and_input(name)
    whole, state = body(x)[0], None
    assert whole.shape == (STEPS, ROWS, body.output_size)
    for start, end in ((0, 1), (1, 6), (6, 7), (7, STEPS)):
        piece, state = body(x[start:end], state)
        torch.testing.assert_close(piece, whole[start:end], atol=IN_PIECES, rtol=0)


@every_body
@torch.no_grad()
def test_no_output_depends_on_a_later_step(name: str) -> None:
    body, x = body_and_input(name)
    other = x.clone()
    other[7:] += 1
    first, second = body(x)[0], body(other)[0]
    torch.testing.assert_close(first[:7], second[:7], atol=IN_PIECES, rtol=0)
    assert ((first[7:] - second[7:]).abs().amax(2) > IN_PIECES).all()


@every_body
@torch.no_grad()
def test_padding_changes_nothing_of_a_row(name: str) -> None:
    body, x = body_and_input(name)
    lengths = torch.tensor([STEPS, 5, 8])
    padded = body(x, lengths=lengths)[0]
    for row, length in enumerate(lengths.tolist()):
        alone = body(x[:length, row : row + 1])[0][:, 0]
        torch.testing.assert_close(padded[:length, row], alone, atol=IN_PIECES, rtol=0)


def test_a_convolution_is_the_sum_over_steps_apart() -> None:
    torch.manual_seed(0)
    layer, x = DilatedConvolution(2, 3, dilation=2), torch.randn(7, 1, 2)
    weight, bias = (each.detach().double().numpy() for each in (layer.convolution.weight, layer.convolution.bias))
    original = layer.convolution.parametrizations.weight
    direction = original.original1.detach().double().numpy()
    norms = np.sqrt((direction**2).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(weight, original.original0.detach().double().numpy() * direction / norms, IN_PIECES)
    y = layer(x, None)[0].detach().numpy()[:, 0]
    for step in range(7):
        wanted = bias.copy()
        for tap in range(3):
            if (at := step - 2 * (2 - tap)) >= 0:
                wanted += weight[:, :, tap] @ x[at, 0].double().numpy()
        np.testing.assert_allclose(y[step], wanted, atol=IN_PIECES)


def test_a_block_adds_what_goes_around_it() -> None:
    torch.manual_seed(0)
    block, x = ResidualBlock(2, 4, 3, 1, 0.0), torch.randn(5, 1, 2)
    inner = block.second(block.first(x, None)[0].relu(), None)[0].relu()
    torch.testing.assert_close(block(x, None)[0], (x @ block.around.weight.T + block.around.bias + inner).relu())


@pytest.mark.parametrize("longest", [1, 5, 6, 29, 100])
def test_blocks_reach_the_longest_sequence_and_no_fewer_would(longest: int) -> None:
    def reach(blocks: int) -> int:
        """Steps on which the last output depends, told from its gradient; absolute weights, so that none cancels."""
        body, x = TemporalConvolutions(1, 1, [1] * blocks), torch.ones(200, 1, 1, requires_grad=True)
        for weight in body.parameters():
            nn.init.constant_(weight, 0.1)
        body(x)[0][-1].sum().backward()
        assert x.grad is not None
        return int((x.grad != 0).sum())

    blocks = blocks_for(longest)
    assert reach(blocks) >= longest
    assert blocks == 1 or reach(blocks - 1) < longest


@torch.no_grad()
def test_a_layer_is_torchs_under_a_causal_mask() -> None:
    torch.manual_seed(0)
    layer, x = CausalLayer(8, 2, 12, 0.0).eval(), torch.randn(STEPS, ROWS, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(STEPS)
    wanted = nn.TransformerEncoderLayer.forward(layer, x, src_mask=mask, is_causal=True)
    torch.testing.assert_close(layer(x, None)[0], wanted, atol=IN_PIECES, rtol=0)


def test_positions_are_those_of_the_paper() -> None:
    for step in (0, 1, 7):
        for pair in range(3):
            angle = step / 10_000 ** (2 * pair / 6)
            row = positions(8, 6)[step]
            assert row[2 * pair] == pytest.approx(math.sin(angle), abs=IN_PIECES)
            assert row[2 * pair + 1] == pytest.approx(math.cos(angle), abs=IN_PIECES)


def test_bodies_drop_numbers_in_training_alone() -> None:
    for body in (TemporalConvolutions(INPUTS, 6, [4], 0.5), CausalTransformer(INPUTS, 8, 12, dropout=0.5)):
        x = torch.randn(STEPS, ROWS, INPUTS)
        assert not torch.equal(body(x)[0], body(x)[0])
        body.eval()
        assert torch.equal(body(x)[0], body(x)[0])
