"""The Transformer that translates: torch's layers, whole or step by step, searched through like any other network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gatewise.models.bodies.transformer import HEADS, in_heads
from gatewise.models.translation.batches import batch_of
from gatewise.models.translation.learning import logits_of
from gatewise.models.translation.network import Memories
from gatewise.models.translation.search import Beam, search
from gatewise.models.translation.transformer import TargetLayer, TranslationTransformer, Width
from gatewise.models.translation.units import BEGIN, END

from ...tolerance import FLOAT32_LOG_PROBABILITY, IN_PIECES


def network(target: int | None = 7) -> TranslationTransformer:
    torch.manual_seed(0)
    made = TranslationTransformer(Width(6, target, 8, 12), 0.3).eval()
    for weight in made.parameters():  # far from zero, so that hypotheses differ
        nn.init.normal_(weight, std=0.5)
    return made


@torch.no_grad()
def test_a_layer_is_torchs_under_a_causal_mask() -> None:
    torch.manual_seed(0)
    layer, x, source = TargetLayer(8, 12, 0.0).eval(), torch.randn(5, 3, 8), torch.randn(6, 3, 8)
    padding = torch.arange(6) >= torch.tensor([[6], [2], [4]])
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    wanted = nn.TransformerDecoderLayer.forward(
        layer, x, source, tgt_mask=mask, tgt_is_causal=True, memory_key_padding_mask=padding
    )
    y, cache = layer(x, None, [layer.of_source(source).transpose(0, 1)], ~padding)
    torch.testing.assert_close(y, wanted, atol=IN_PIECES, rtol=0)
    assert cache.steps == 5


def test_heads_are_parts_of_a_row() -> None:
    x = torch.arange(2 * 3 * 8.0).view(2, 3, 8)
    assert torch.equal(in_heads(x, HEADS)[1, 2, 0], x[0, 1, 4:6])


@pytest.mark.parametrize("target", [7, None])
@torch.no_grad()
def test_steps_and_padding_change_nothing(target: int | None) -> None:
    model = network(target)
    pairs = [([3, 4, 5, 3], [3, 4, 5, 3, 4]), ([5], [4, 4]), ([], [3])]
    batch = batch_of(pairs)
    encoded = model.encode(batch.source, batch.source_lengths)
    whole, _ = model.decode(batch.target[:-1], batch.target_lengths, encoded)
    for row, (source, units) in enumerate(pairs):
        alone = batch_of([(source, units)])
        memory, _, ends = model.encode(alone.source, alone.source_lengths)
        decoding = model.start(ends)
        for at, unit in enumerate([BEGIN, *units]):
            before, decoding = model.step(torch.tensor([unit]), decoding, [Memories.of(memory)])
            torch.testing.assert_close(before[0], whole[at, row], atol=IN_PIECES, rtol=IN_PIECES)
        assert decoding.steps == len(units) + 1


def test_a_search_finds_targets_as_probable_as_it_says() -> None:
    model, sources = network(), [[3, 4, 5], [4, 3, 3]]
    with torch.no_grad():
        model.bias[END] = 4.0  # so that targets end
    for source, found in zip(sources, search(model, sources, Beam(4), 1.0, 20), strict=True):
        assert len(found) > 1
        for one in found:
            with torch.inference_mode():
                logits, units = logits_of(model, batch_of([(source, list(one.units))]))
            total = float(logits.double().log_softmax(1).gather(1, units[:, None]).sum())
            assert one.score == pytest.approx(total / (len(one.units) + 1), rel=FLOAT32_LOG_PROBABILITY)
