"""The forecasting network: patches of the past through a body, then every step and quantile at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ....nn import LSTM
from ....nn.parts import apply
from ...bodies import Body
from .covariates import Beside, Influence
from .scaling import FEATURES

State = tuple[Tensor, Tensor]

FAVOUR_OF_LAST = 2.0
"""The last season's head start in the logits of `SeasonMixture`."""


class QuantileHead(nn.Module):
    """Quantiles that cannot cross: the median, and positive distances summed up outward from it."""

    def __init__(self, width: int, horizon: int, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.horizon, self.below, self.count = horizon, levels.index(0.5), len(levels)
        self.linear = nn.Linear(width, horizon * self.count)

    def forward(self, hidden: Tensor, more: Tensor | None = None) -> Tensor:
        """(B, width) to (B, horizon, Q), non-decreasing along Q. more: added before what makes it so, as large."""
        raw = self.linear(hidden).view(-1, self.horizon, self.count)
        raw = raw if more is None else raw + more
        lower, median, upper = raw.split((self.below, 1, self.count - self.below - 1), dim=-1)
        down = softplus(lower.flip(-1)).cumsum(-1).flip(-1)
        return torch.cat((median - down, median, median + softplus(upper).cumsum(-1)), dim=-1)


class SeasonMixture(nn.Module):
    """A seasonal naive forecast that chooses: each season ahead is a weighted mean of the seasons observed.

    The weights come from the window itself, so that a Saturday may repeat the last Saturday and not the Friday
    before it. At first the last season, the plain seasonal naive, weighs most.
    """

    def __init__(self, width: int, horizon: int, season: int, look_back: int) -> None:
        super().__init__()
        self.horizon, self.season, self.observed = horizon, season, look_back // season
        self.linear = nn.Linear(width, -(-horizon // season) * self.observed)
        with torch.no_grad():
            self.linear.weight.mul_(0.1)
            self.linear.bias.zero_().view(-1, self.observed)[:, -1] = FAVOUR_OF_LAST

    def forward(self, hidden: Tensor, past: Tensor, seen: Tensor) -> Tensor:
        """(B, width), past and seen as floats (B, look_back), to (B, horizon); unobserved seasons have no weight."""
        weights = self.linear(hidden).view(len(hidden), -1, self.observed).softmax(-1)
        values, present = weights @ self._seasons(past), weights @ self._seasons(seen)
        return (values / present.clamp(min=1e-6)).flatten(1)[:, : self.horizon]

    def _seasons(self, values: Tensor) -> Tensor:
        """The last whole seasons, (B, observed, season)."""
        return values[:, -self.observed * self.season :].view(len(values), self.observed, self.season)


class PatchNetwork(nn.Module):
    """A direct forecaster whose every step sees the whole look-back, around a body that reads the patches in order.

    The past is cut into patches, each embedded; the body's last output, the last patch and the window's features give
    all steps and quantiles as departures from a mixture of past seasons. Patching, window normalisation and direct
    decoding follow P-sLSTM (arXiv:2408.10006) and SegRNN (arXiv:2308.11200).

    make: a body that reads so many numbers at each step. width: of an embedded patch. covariates: columns that tell of
    each step what else is known, see `Influence`.
    """

    def __init__(
        self,
        horizon: int,
        levels: tuple[float, ...],
        make: Callable[[int], Body],
        *,
        look_back: int,
        patch: int,
        season: int,
        width: int,
        features: int = FEATURES,
        covariates: int = 0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if look_back % patch:
            raise ValueError(f"look_back {look_back} is not a whole number of patches of {patch}")
        self.patch = patch
        self.embed = nn.Sequential(nn.Linear(2 * patch + features, width), nn.GELU())
        self.body = make(width)
        self.dropout = nn.Dropout(dropout)
        hidden = self.body.output_size + width
        self.head = QuantileHead(hidden, horizon, levels)
        self.mixture = SeasonMixture(hidden, horizon, season, look_back)
        self.influence = Influence(covariates, hidden, horizon, len(levels)) if covariates else None

    def forward(
        self,
        past: Tensor,
        seen: Tensor,
        features: Tensor,
        memory: Tensor | None = None,
        beside: Beside | None = None,
    ) -> Tensor:
        """Normalised past (B, look_back), mask (B, look_back) and features (B, FEATURES) to (B, horizon, Q).

        memory: the body's last output (B, K), where the past was read already; see `PatchLSTM.read`. beside: the
        covariates of a network that takes some.
        """
        if self.influence is None:
            hidden, naive = self._read(past, seen, features, memory)
            return self.head(hidden) + naive[..., None]
        assert beside is not None
        then, ahead = self.influence.added(beside).split((past.shape[1], self.head.horizon), dim=1)
        hidden, naive = self._read(past - then, seen, features, memory)
        return self.head(hidden, self.influence(hidden, beside)) + (naive + ahead)[..., None]

    def _read(self, past: Tensor, seen: Tensor, features: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """What is known of windows (B, K), and the mixture of their seasons (B, horizon)."""
        observed = seen.to(past.dtype)
        past = past * observed
        if memory is None:
            memory, last = self._read_window(past, observed, features)
        else:
            last = self.embed(torch.cat((past[:, -self.patch :], observed[:, -self.patch :], features), dim=-1))
        hidden = self.dropout(torch.cat((memory, last), dim=-1))
        return hidden, self.mixture(hidden, past, observed)

    def _read_window(self, past: Tensor, observed: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """The body's last output (B, K) and the last patch embedded (B, E), of windows read from nothing."""
        patches = torch.cat((self._patches(past), self._patches(observed)), dim=-1)
        about = features.expand(patches.shape[0], -1, -1)
        embedded = self.embed(torch.cat((patches, about), dim=-1))
        outputs, _ = self.body(embedded)
        return outputs[-1], embedded[-1]

    def _patches(self, values: Tensor) -> Tensor:
        """(B, look_back) to (look_back / patch, B, patch)."""
        return values.view(len(values), -1, self.patch).transpose(0, 1)


class PatchLSTM(PatchNetwork):
    """A `PatchNetwork` around an LSTM, whose state can be carried on from patch to patch."""

    def __init__(
        self,
        horizon: int,
        levels: tuple[float, ...],
        *,
        look_back: int,
        patch: int,
        season: int,
        hidden: int,
        features: int = FEATURES,
        covariates: int = 0,
        layers: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            horizon,
            levels,
            lambda inputs: LSTM(inputs, hidden, layers, dropout=dropout if layers > 1 else 0.0),
            look_back=look_back,
            patch=patch,
            season=season,
            width=hidden,
            features=features,
            covariates=covariates,
            dropout=dropout,
        )

    @property
    def lstm(self) -> LSTM:
        """The body."""
        assert isinstance(self.body, LSTM)
        return self.body

    def read(self, steps: Tensor, lengths: Tensor, state: State | None = None) -> State:
        """Carry the state of the recurrent layers, h and c of (layers, B, H) each, over embeddings of patches.

        steps: (R, B, 2 * patch + FEATURES), each a patch, its mask and its window's features. lengths: (B,), how many
        of them are each row's own, 0 to R. Every row's bits are its own, whatever else is in the batch, and however
        its steps are dealt out to calls.
        """
        embed, activation = self.embed
        assert isinstance(embed, nn.Linear)
        return self.lstm(activation(apply(embed, steps)), state, lengths=lengths)[1]
