"""What an estimator has learned as a chain of modules, to be carried on step by step or exported."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from ...errors import InputError
from ...nn.chain import Chain
from ...nn.maps import Standardize, Unstandardize
from ..language.model import LanguageModel
from .estimator import SequenceEstimator
from .regressor import SequenceRegressor
from .scaling import Standard


def chain_of(estimator: SequenceEstimator | LanguageModel) -> Chain:
    """The chain that says after every step what the estimator says of the sequence up to there.

    Of a classifier logits of its classes, of a regressor its targets in their own units. A language model takes one
    number for each token of its vocabulary, 1 for the one that comes and 0 for the others, and says logits of the next.
    Raises InputError for one that cannot say anything before the end: with two directions, or a mean over all steps;
    and for one that is not fitted.
    """
    if isinstance(estimator, LanguageModel):
        return _chain_of_language(estimator)
    if not hasattr(estimator, "network_"):
        raise InputError("the estimator is not fitted", hint="call fit first, or load a saved one")
    name = type(estimator).__name__
    if estimator.bidirectional:
        raise InputError(f"this {name} reads sequences from both ends", hint=f"{name}(bidirectional=False)")
    if estimator.pooling != "last":
        raise InputError(f"this {name} takes the {estimator.pooling} of all steps", hint=f'{name}(pooling="last")')
    network = estimator.network_
    after = [_scaling(Unstandardize, estimator.target_scale_)] if isinstance(estimator, SequenceRegressor) else []
    return Chain(_scaling(Standardize, estimator.scale_), network.recurrent, network.linear, *after).eval()


def _scaling(kind: type[Standardize] | type[Unstandardize], scale: Standard) -> nn.Module:
    return kind(_float32(scale.mean), _float32(scale.deviation))


def _float32(column: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(column).float()


def _chain_of_language(model: LanguageModel) -> Chain:
    """An embedding is a linear layer of what is 1 in one place."""
    if not hasattr(model, "network_"):
        raise InputError("the language model is not fitted", hint="call fit first, or load a saved one")
    network = model.network_
    embedding = nn.Linear(network.embedding.num_embeddings, network.embedding.embedding_dim, bias=False)
    embedding.weight = nn.Parameter(network.embedding.weight.detach().t().contiguous())
    return Chain(embedding, network.recurrent, network.linear).eval()
