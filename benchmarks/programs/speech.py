"""Speech: recognised and spoken."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .program import Library, Program, Step, trained


def _tacotron(library: Library) -> Step:
    """NVIDIA Tacotron 2: a packed encoder read both ways, and a decoder of two cells with attention between them."""
    letters, batch, units, mels = 30, 8, 64, 20
    embedding, convolution = nn.Embedding(40, units), nn.Conv1d(units, units, 5, padding=2)
    encoder = library.LSTM(units, units // 2, batch_first=True, bidirectional=True)
    prenet, output = nn.Linear(mels, 32), nn.Linear(3 * units, mels)
    attender, decoder = library.LSTMCell(32 + units, 2 * units), library.LSTMCell(3 * units, 2 * units)
    query, score = nn.Linear(2 * units, units, bias=False), nn.Linear(units, 1, bias=False)
    text, lengths = torch.randint(40, (batch, letters)), torch.linspace(letters, letters // 2, batch).long()
    frames = torch.randn(16, batch, mels)

    def encoded() -> Tensor:
        x = torch.relu(convolution(embedding(text).transpose(1, 2))).transpose(1, 2)
        y, _ = encoder(pack_padded_sequence(x, lengths, batch_first=True))
        return pad_packed_sequence(y, batch_first=True)[0]

    def loss() -> Tensor:
        memory, said = encoded(), list[Tensor]()
        context = memory.new_zeros(batch, units)
        first: Any = [memory.new_zeros(batch, 2 * units) for _ in range(2)]
        second: Any = [memory.new_zeros(batch, 2 * units) for _ in range(2)]
        for frame in frames[:-1]:
            first = attender(torch.cat((functional.dropout(prenet(frame).relu(), 0.5), context), -1), tuple(first))
            first = (functional.dropout(first[0], 0.1), first[1])
            share = functional.softmax(score(torch.tanh(query(first[0]).unsqueeze(1) + memory)).squeeze(-1), 1)
            context = torch.bmm(share.unsqueeze(1), memory).squeeze(1)
            second = decoder(torch.cat((first[0], context), -1), tuple(second))
            second = (functional.dropout(second[0], 0.1), second[1])
            said.append(output(torch.cat((second[0], context), 1)))
        return functional.mse_loss(torch.stack(said), frames[1:])

    return trained(loss, embedding, convolution, encoder, prenet, output, attender, decoder, query, score)


def _recogniser(kind: str, library: Library) -> Step:
    """speechbrain LSTM, GRU, RNN: utterances of several lengths, packed, two layers read both ways."""
    batch, steps, units = 8, 50, 64
    layers = getattr(library, kind)(40, units, 2, dropout=0.1, batch_first=True, bidirectional=True)
    output = nn.Linear(2 * units, 30)
    x, expected = torch.randn(batch, steps, 40), torch.randint(30, (batch, steps))
    lengths = torch.linspace(0.5, 1.0, batch).mul(steps).long()
    lengths[-1] = steps

    def loss() -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(layers(packed)[0], batch_first=True)
        return functional.cross_entropy(output(y).flatten(0, 1), expected.flatten())

    return trained(loss, layers, output)


def _cells(kind: str, library: Library) -> Step:
    """speechbrain LSTMCell, GRUCell, RNNCell: two cells on top of each other, their states in one tensor."""
    batch, steps, units = 8, 20, 64
    cells = nn.ModuleList(getattr(library, kind)(40 if layer == 0 else units, units) for layer in range(2))
    output, drop, several = nn.Linear(units, 30), nn.Dropout(0.1), kind == "LSTMCell"
    x, expected = torch.randn(steps, batch, 40), torch.randint(30, (steps, batch))

    def stepped(y: Tensor, states: Any) -> tuple[Tensor, Any]:
        new: list[Any] = []
        for layer, cell in enumerate(cells):
            new.append(cell(y, tuple(state[layer] for state in states) if several else states[layer]))
            y = drop(new[-1][0] if several else new[-1])
        return y, tuple(map(torch.stack, zip(*new, strict=True))) if several else torch.stack(new)

    def loss() -> Tensor:
        zeros = torch.zeros(2, batch, units)
        states: Any = (zeros, zeros) if several else zeros
        outputs: list[Tensor] = []
        for step in x:
            y, states = stepped(step, states)
            outputs.append(output(y))
        return functional.cross_entropy(torch.stack(outputs).flatten(0, 1), expected.flatten())

    return trained(loss, cells, output)


def _decoder(kind: str, library: Library) -> Step:
    """speechbrain AttentionalRNNDecoder: a cell on a token and what attention picked out before."""
    batch, steps, heard, units = 8, 16, 40, 64
    embedding, cell = nn.Embedding(30, 32), getattr(library, kind)(32 + units, units)
    keys, query, score = nn.Linear(units, units), nn.Linear(units, units), nn.Linear(units, 1, bias=False)
    output, drop = nn.Linear(2 * units, 30), nn.Dropout(0.1)
    memory, tokens = torch.randn(batch, heard, units), torch.randint(30, (steps + 1, batch))

    def loss() -> Tensor:
        known, states, context = keys(memory), None, memory.new_zeros(batch, units)
        scores: list[Tensor] = []
        for token in tokens[:-1]:
            states = cell(drop(torch.cat((embedding(token), context), -1)), states)
            h = states[0] if isinstance(states, tuple) else states
            share = functional.softmax(score(torch.tanh(known + query(h).unsqueeze(1))).squeeze(-1), -1)
            context = torch.bmm(share.unsqueeze(1), memory).squeeze(1)
            scores.append(output(torch.cat((context, h), -1)))
        return functional.cross_entropy(torch.stack(scores).flatten(0, 1), tokens[1:].flatten())

    return trained(loss, embedding, cell, keys, query, score, output)


PROGRAMS: dict[str, Program] = {
    "Tacotron 2": _tacotron,
    **{f"recogniser, {kind}": partial(_recogniser, kind) for kind in ("LSTM", "GRU", "RNN")},
    **{f"cells, {kind}": partial(_cells, kind) for kind in ("LSTMCell", "GRUCell", "RNNCell")},
    **{f"attending decoder, {kind}": partial(_decoder, kind) for kind in ("LSTMCell", "GRUCell")},
}
