"""The forecasting network's parts, each against what its words say."""

from __future__ import annotations

import pytest
import torch

from gatewise.models.forecast.network.network import PatchLSTM, QuantileHead, SeasonMixture

LEVELS = (0.1, 0.5, 0.9)


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.5, 0.9), (0.1, 0.2, 0.5), (0.5, 0.7, 0.9)])
def test_head_never_crosses(levels: tuple[float, ...]) -> None:
    forecast = QuantileHead(4, 3, levels)(10 * torch.randn(50, 4, generator=torch.Generator().manual_seed(0)))
    assert forecast.shape == (50, 3, len(levels))
    assert (forecast.diff(dim=-1) >= 0).all()


def set_to_last(mixture: SeasonMixture) -> None:
    with torch.no_grad():
        mixture.linear.weight.zero_()
        mixture.linear.bias.view(-1, mixture.observed)[:, -1] = 50.0


def test_mixture_on_the_last_season_is_the_seasonal_naive() -> None:
    mixture = SeasonMixture(2, horizon=5, season=3, look_back=10)
    set_to_last(mixture)
    past = torch.arange(20.0).view(2, 10)
    forecast = mixture(torch.zeros(2, 2), past, torch.ones(2, 10))
    torch.testing.assert_close(forecast, past[:, [7, 8, 9, 7, 8]])


def test_mixture_passes_over_what_was_not_seen() -> None:
    mixture = SeasonMixture(2, horizon=3, season=3, look_back=6)
    seen = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]])
    past = torch.tensor([[0.0, 0.0, 0.0, 4.0, 5.0, 6.0]])
    torch.testing.assert_close(mixture(torch.randn(1, 2), past, seen), past[:, 3:])


def test_patches_are_cut_in_order() -> None:
    network = PatchLSTM(2, LEVELS, look_back=6, patch=2, season=1, hidden=4).eval()
    past, seen = torch.arange(6.0)[None], torch.ones(1, 6, dtype=torch.bool)
    seen_by_embedding: list[torch.Tensor] = []
    network.embed.register_forward_hook(lambda module, inputs, output: seen_by_embedding.append(inputs[0]))
    network(past, seen, torch.zeros(1, 3))
    (patches,) = seen_by_embedding
    assert patches[:, 0, :2].tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


def test_look_back_is_whole_patches() -> None:
    with pytest.raises(ValueError, match="whole number"):
        PatchLSTM(2, LEVELS, look_back=7, patch=2, season=1, hidden=4)
