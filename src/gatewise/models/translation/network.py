"""The network of a translator: an encoder in both directions, attention, and a decoder of whole-sequence layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...equation import Cell
from ...nn import Recurrent
from ...nn.dropout import dropout
from ...nn.init import recommended_
from ...nn.parts import apply
from ...nn.rowwise import times_projection
from .attention import Attention


@dataclass(frozen=True)
class Sizes:
    """How large a network is.

    source, target: units of each vocabulary; ``target`` None where both sides share one. embedding: numbers for each
    unit. hidden: units of a decoder layer; the encoder has half of it in each direction. heads: of the attention.
    """

    source: int
    target: int | None
    embedding: int
    hidden: int
    encoder_layers: int
    decoder_layers: int
    heads: int = 1

    @property
    def memory(self) -> int:
        """Of the encoder in each direction."""
        return -(-self.hidden // 2)


@dataclass(frozen=True)
class Rates:
    """What is dropped in training: of embeddings, between layers and before the softmax; whole source units."""

    dropout: float = 0.0
    words: float = 0.0


class Encoded(NamedTuple):
    """Sources after the encoder. memory: (B, S, C). padding: (B, S). ends: (B, C), of each direction's own end."""

    memory: Tensor
    padding: Tensor
    ends: Tensor


class Memories(NamedTuple):
    """What a decoder reads of B sources of one length. memory: (B, S, C), without padding. flipped: (B, C, S)."""

    memory: Tensor
    flipped: Tensor

    @classmethod
    def of(cls, memory: Tensor) -> Memories:
        """These, with what is made of them once."""
        return cls(memory, memory.transpose(1, 2).contiguous())


class Decoding(NamedTuple):
    """Where decoders stand after some units. bottom, upper: states as the recurrent modules take them."""

    bottom: Any
    upper: Any

    def rows(self, chosen: Tensor) -> Decoding:
        """These of the decoders, by their places (R,)."""
        return Decoding(_rows(self.bottom, chosen), _rows(self.upper, chosen))


def _rows(states: Any, chosen: Tensor) -> Any:
    if isinstance(states, Tensor):
        return states.index_select(1, chosen)
    return states and tuple(_rows(state, chosen) for state in states)


class Bridge(nn.Module):
    """The decoder's first states, from the ends of the encoder.

    A layer's output starts from a tanh of them; other states start from what the cell declares, as not every state may
    be any number.
    """

    def __init__(self, inputs: int, recurrent: Recurrent) -> None:
        super().__init__()
        self.widths = [recurrent.widths(place)[0] for place in recurrent.places]
        self.linear = nn.Linear(inputs, sum(self.widths))

    def forward(self, ends: Tensor, recurrent: Recurrent) -> Any:
        """(B, C) to states as the recurrent module takes them."""
        outputs = torch.tanh(_mapped(self.linear, ends)).split(self.widths, dim=1)
        layers = [
            [output.contiguous(), *recurrent.full_starts(place, len(ends), ends)[1:]]
            for place, output in zip(recurrent.places, outputs, strict=True)
        ]
        states = [recurrent.stacked(list(states)) for states in zip(*layers, strict=True)]
        return tuple(states) if len(states) > 1 else states[0]


class TranslationNetwork(nn.Module):
    """From source units to the logits of target units.

    The attention is that of Wu et al., Google's Neural Machine Translation System, arXiv:1609.08144, section 3, with
    one change that NVIDIA's version of it makes too: the bottom layer of the decoder reads target units alone, and no
    earlier context. So its outputs at all positions are known before any context is, and each recurrent layer is one
    call over whole sequences, in training as in scoring. The layers above read the state below and its context, and
    so remember what was attended to. Target embeddings are the weights of the last layer too (arXiv:1608.05859).

    Letters: T target positions, S source positions, B sentences, V target units, E numbers of an embedding, N heads.
    """

    def __init__(self, cell: Cell, sizes: Sizes, rates: Rates, options: Mapping[str, Any]) -> None:
        super().__init__()
        E, H, L = sizes.embedding, sizes.hidden, sizes.decoder_layers
        self.rates = rates
        self.source_embedding = nn.Embedding(sizes.source, E)
        self.target_embedding = nn.Embedding(sizes.target, E) if sizes.target is not None else None
        between = rates.dropout if sizes.encoder_layers > 1 else 0.0
        self.encoder = Recurrent(
            cell, E, sizes.memory, sizes.encoder_layers, bidirectional=True, dropout=between, **options
        )
        C = self.encoder.output_size
        self.bottom = Recurrent(cell, E, H, **options)
        self.attention = Attention(self.bottom.output_size, C, sizes.heads)
        between = rates.dropout if L > 2 else 0.0
        inputs = self.bottom.output_size + C
        self.upper = Recurrent(cell, inputs, H, L - 1, dropout=between, **options) if L > 1 else None
        self.bottom_bridge = Bridge(C, self.bottom)
        self.upper_bridge = Bridge(C, self.upper) if self.upper is not None else None
        self.linear = nn.Linear((self.upper or self.bottom).output_size + C, E)
        self.bias = nn.Parameter(torch.zeros(len(self.target_units.weight)))
        self._start()

    @property
    def target_units(self) -> nn.Embedding:
        """The embedding of target units, which is the source's where both share one vocabulary."""
        return self.source_embedding if self.target_embedding is None else self.target_embedding

    @property
    def memory_size(self) -> int:
        """C, how many numbers the encoder says of each source position."""
        return self.encoder.output_size

    def _start(self) -> None:
        """Draw weights; on the meta device there are none."""
        if self.bias.is_meta:
            return
        for embedding in dict.fromkeys((self.source_embedding, self.target_units)):  # in this order: a set has any
            nn.init.normal_(embedding.weight, std=embedding.embedding_dim**-0.5)
        for recurrent in (self.encoder, self.bottom, *([self.upper] if self.upper is not None else [])):
            recommended_(recurrent)

    def encode(self, source: Tensor, lengths: Tensor) -> Encoded:
        """source: (S, B), padded with any unit. lengths: (B,), each at least 1."""
        embedded = self._dropped(self.source_embedding(source))
        if self.training and self.rates.words:
            kept = torch.rand(source.shape, device=source.device) >= self.rates.words
            embedded = embedded * kept[:, :, None]
        outputs, _ = self.encoder(embedded, lengths=lengths)
        memory = self._dropped(outputs).transpose(0, 1).contiguous()
        half = memory.shape[-1] // 2
        last = memory[torch.arange(len(lengths)), lengths - 1]
        padding = torch.arange(memory.shape[1]) >= lengths[:, None]
        return Encoded(memory, padding, torch.cat((last[:, :half], memory[:, 0, half:]), dim=1))

    def decode(self, target: Tensor, lengths: Tensor, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """What stands before the softmax at every position, (T, B, E), and the weights of attention (B, N, T, S).

        target: (T, B), units that are read, the first `units.BEGIN`.
        """
        embedded = self._dropped(self.target_units(target))
        start = self.start(encoded.ends)
        states, _ = self.bottom(embedded, start.bottom, lengths=lengths)
        states = self._dropped(states)
        contexts, weights = self.attention(states, encoded.memory, encoded.padding)
        contexts = self._dropped(contexts)
        if self.upper is not None:
            states, _ = self.upper(torch.cat((states, contexts), dim=2), start.upper, lengths=lengths)
            states = self._dropped(states)
        return self._dropped(_mapped(self.linear, torch.cat((states, contexts), dim=2))), weights

    def start(self, ends: Tensor) -> Decoding:
        """Decoders that have read nothing, one for each row of ``ends`` (R, C)."""
        upper = None if self.upper_bridge is None else self.upper_bridge(ends, self.upper)
        return Decoding(self.bottom_bridge(ends, self.bottom), upper)

    def step(self, units: Tensor, decoding: Decoding, memories: Sequence[Memories]) -> tuple[Tensor, Decoding]:
        """One unit further, in evaluation mode: what stands before the softmax, (R, E), and the decoders then.

        The bits of each row are its own. units: (R,), as many for each of B sources side by side. memories: of the
        sources of each length, one after the other.
        """
        hypotheses = len(units) // sum(len(one.memory) for one in memories)
        states, bottom = self.bottom(self.target_units(units)[None], decoding.bottom)
        parts = states[0].split([hypotheses * len(one.memory) for one in memories])
        attended = [
            self.attention.rowwise(part.unflatten(0, (-1, hypotheses)), one.memory, one.flipped)[0].flatten(0, 1)
            for part, one in zip(parts, memories, strict=True)
        ]
        contexts = torch.cat(attended)
        read = torch.cat((states[0], contexts), dim=1)
        upper = None
        if self.upper is not None:
            states, upper = self.upper(read[None], decoding.upper)
            read = torch.cat((states[0], contexts), dim=1)
        return _mapped(self.linear, read), Decoding(bottom, upper)

    def logits(self, before: Tensor) -> Tensor:
        """(N, E) to (N, V)."""
        weight = self.target_units.weight
        if self.training:
            return linear(before, weight, self.bias)
        return times_projection(before, weight) + self.bias

    def _dropped(self, values: Tensor) -> Tensor:
        return dropout(values, self.rates.dropout, training=self.training)


def _mapped(module: nn.Linear, x: Tensor) -> Tensor:
    """A linear layer; outside of training each row's bits are its own."""
    return module(x) if module.training else apply(module, x)
