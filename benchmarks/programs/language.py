"""Language models and translation."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .program import Library, Program, Step, trained

_WORDS = 200


def _word_language_model(kind: str, options: dict[str, Any], library: Library) -> Step:
    """pytorch/examples word_language_model: two layers with dropout, states detached and carried on."""
    steps, batch, units = 35, 20, 128
    embedding, drop, decoder = nn.Embedding(_WORDS, units), nn.Dropout(0.2), nn.Linear(units, _WORDS)
    layers = getattr(library, kind)(units, units, 2, dropout=0.2, **options)
    text = torch.randint(_WORDS, (steps + 1, batch))
    zeros = torch.zeros(2, batch, units)
    state: Any = (zeros, zeros) if kind == "LSTM" else zeros

    def loss() -> Tensor:
        nonlocal state
        y, state = layers(drop(embedding(text[:-1])), state)
        state = tuple(part.detach() for part in state) if kind == "LSTM" else state.detach()
        return functional.cross_entropy(decoder(drop(y)).flatten(0, 1), text[1:].flatten())

    return trained(loss, embedding, layers, decoder)


class _WeightDrop(nn.Module):
    """Recurrent weights that are replaced by dropped ones before every call."""

    def __init__(self, layer: Any, share: float) -> None:
        super().__init__()
        self.layer, self.share = layer, share
        self.raw = nn.Parameter(layer.weight_hh_l0.detach())
        del layer.weight_hh_l0

    def forward(self, x: Tensor, state: Any) -> Any:
        """What the layer returns."""
        self.layer.weight_hh_l0 = functional.dropout(self.raw, self.share, self.training)
        return self.layer(x, state)


def _awd_lstm(steps: int, batch: int, units: int, batch_first: bool, library: Library) -> Step:
    """salesforce AWD-LSTM, and fastai's with the batch first: weight drop, and one mask for all steps."""
    embedding, decoder = nn.Embedding(_WORDS, units), nn.Linear(units, _WORDS)
    made = [library.LSTM(units, units, batch_first=batch_first) for _ in range(3)]
    layers = [_WeightDrop(layer, 0.5) for layer in made]
    text = torch.randint(_WORDS, (batch, steps + 1) if batch_first else (steps + 1, batch))
    time = 1 if batch_first else 0
    read, expected = text.narrow(time, 0, steps), text.narrow(time, 1, steps)
    zeros = torch.zeros(1, batch, units)
    states: list[Any] = [(zeros, zeros)] * len(layers)

    def locked(x: Tensor) -> Tensor:
        return x * functional.dropout(torch.ones_like(x.narrow(time, 0, 1)), 0.3)

    def loss() -> Tensor:
        x = locked(embedding(read))
        for index, layer in enumerate(layers):
            x, (h, c) = layer(x, states[index])
            states[index] = (h.detach(), c.detach())
            x = locked(x)
        return functional.cross_entropy(decoder(x).flatten(0, 1), expected.flatten())

    return trained(loss, embedding, *layers, decoder)


def _translation(library: Library) -> Step:
    """bentrevett seq2seq 1: an encoder's last states, then a decoder called word by word."""
    batch, units = 16, 64
    embeddings = nn.ModuleList(nn.Embedding(_WORDS, 32) for _ in range(2))
    encoder, decoder = (library.LSTM(32, units, 2, dropout=0.5) for _ in range(2))
    output, drop = nn.Linear(units, _WORDS), nn.Dropout(0.5)
    source, target = torch.randint(_WORDS, (20, batch)), torch.randint(_WORDS, (16, batch))

    def loss() -> Tensor:
        _, (h, c) = encoder(drop(embeddings[0](source)))
        scores: list[Tensor] = []
        for word in target[:-1]:
            y, (h, c) = decoder(drop(embeddings[1](word.unsqueeze(0))), (h, c))
            scores.append(output(y.squeeze(0)))
        return functional.cross_entropy(torch.stack(scores).flatten(0, 1), target[1:].flatten())

    return trained(loss, embeddings, encoder, decoder, output)


def _translation_with_attention(library: Library) -> Step:
    """bentrevett seq2seq 3: a GRU read both ways, and a GRU called word by word on what attention picks out."""
    batch, units = 16, 64
    embeddings, drop = nn.ModuleList(nn.Embedding(_WORDS, 32) for _ in range(2)), nn.Dropout(0.5)
    encoder, decoder = library.GRU(32, units, bidirectional=True), library.GRU(2 * units + 32, units)
    bridge, energy, score = nn.Linear(2 * units, units), nn.Linear(3 * units, units), nn.Linear(units, 1, bias=False)
    output = nn.Linear(3 * units + 32, _WORDS)
    source, target = torch.randint(_WORDS, (20, batch)), torch.randint(_WORDS, (16, batch))

    def loss() -> Tensor:
        seen, ends = encoder(drop(embeddings[0](source)))
        h, seen = torch.tanh(bridge(torch.cat((ends[-2], ends[-1]), 1))), seen.transpose(0, 1)
        scores: list[Tensor] = []
        for word in target[:-1]:
            x = drop(embeddings[1](word.unsqueeze(0)))
            beside = torch.cat((h.unsqueeze(1).expand(-1, len(source), -1), seen), 2)
            share = functional.softmax(score(torch.tanh(energy(beside))).squeeze(2), 1)
            context = torch.bmm(share.unsqueeze(1), seen).transpose(0, 1)
            y, h = decoder(torch.cat((x, context), 2), h.unsqueeze(0))
            h = h.squeeze(0)
            scores.append(output(torch.cat((y, context, x), 2).squeeze(0)))
        return functional.cross_entropy(torch.stack(scores).flatten(0, 1), target[1:].flatten())

    return trained(loss, embeddings, encoder, decoder, bridge, energy, score, output)


PROGRAMS: dict[str, Program] = {
    "word language model, LSTM": partial(_word_language_model, "LSTM", {}),
    "word language model, GRU": partial(_word_language_model, "GRU", {}),
    "word language model, RNN tanh": partial(_word_language_model, "RNN", {"nonlinearity": "tanh"}),
    "word language model, RNN relu": partial(_word_language_model, "RNN", {"nonlinearity": "relu"}),
    "AWD-LSTM": partial(_awd_lstm, 70, 20, 128, False),
    "AWD-LSTM of fastai": partial(_awd_lstm, 32, 8, 64, True),
    "translation": _translation,
    "translation with attention": _translation_with_attention,
}
