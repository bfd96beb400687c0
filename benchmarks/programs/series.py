"""Forecasts of time series."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from .program import Library, Program, Step, trained


def _time_sequence_prediction(library: Library) -> Step:
    """pytorch/examples time_sequence_prediction: two cells, float64, LBFGS. Every step starts from the same weights."""
    model = nn.ModuleList((library.LSTMCell(1, 51), library.LSTMCell(51, 51), nn.Linear(51, 1))).double()
    first, second, output = model
    start = {name: weight.clone() for name, weight in model.state_dict().items()}
    waves = torch.sin(torch.arange(51) / 5.0 + torch.rand(97, 1) * 6).double()

    def predicted() -> Tensor:
        states: list[Any] = [tuple(waves.new_zeros(97, 51) for _ in range(2)) for _ in range(2)]
        outputs: list[Tensor] = []
        for x in waves[:, :-1].split(1, 1):
            states[0] = first(x, states[0])
            states[1] = second(states[0][0], states[1])
            outputs.append(output(states[1][0]))
        return torch.cat(outputs, 1)

    def step() -> Tensor:
        model.load_state_dict(start)
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.8, max_iter=3)

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = functional.mse_loss(predicted(), waves[:, 1:])
            loss.backward()
            return loss

        optimizer.step(closure)
        with torch.no_grad():
            return functional.mse_loss(predicted(), waves[:, 1:])

    return step


def _deepar(library: Library) -> Step:
    """zhykoties/TimeSeries DeepAR: three layers called with one step at a time, a normal distribution at each."""
    steps, batch, units, layers = 30, 32, 40, 3
    ids, lstm = nn.Embedding(8, 8), library.LSTM(12, units, layers, dropout=0.1)
    mean, spread = nn.Linear(units * layers, 1), nn.Linear(units * layers, 1)
    for names in lstm._all_weights:
        for name in names:
            if "bias" in name:
                nn.init.constant_(getattr(lstm, name)[units : 2 * units].data, 1.0)
    x, which = torch.randn(steps + 1, batch, 4), torch.randint(8, (1, batch))

    def loss() -> Tensor:
        h = c = torch.zeros(layers, batch, units)
        total = torch.zeros(())
        for t in range(steps):
            _, (h, c) = lstm(torch.cat((x[t].unsqueeze(0), ids(which)), 2), (h, c))
            top = h.permute(1, 2, 0).contiguous().view(batch, -1)
            place, scale = mean(top).squeeze(1), functional.softplus(spread(top)).squeeze(1) + 1e-3
            total = total - torch.distributions.Normal(place, scale).log_prob(x[t + 1, :, 0]).mean()
        return total / steps

    return trained(loss, ids, lstm, mean, spread)


def _forecaster(library: Library) -> Step:
    """neuralforecast LSTM: an encoder of two layers, batch first, and a decoder that sees every step."""
    batch, steps, horizon, units = 32, 48, 12, 64
    encoder = library.LSTM(1, units, 2, batch_first=True)
    decoder = nn.Sequential(nn.Linear(units, 64), nn.ReLU(), nn.Linear(64, horizon))
    x, expected = torch.randn(batch, steps, 1), torch.randn(batch, steps, horizon)
    return trained(lambda: functional.l1_loss(decoder(encoder(x)[0]), expected), encoder, decoder)


def _dilated(library: Library) -> Step:
    """neuralforecast DilatedRNN: layers that see every second, fourth and eighth step, side by side as a batch."""
    batch, steps, units, rates = 16, 48, 32, (1, 2, 4, 8)
    layers = nn.ModuleList(library.LSTM(1 if rate == 1 else units, units) for rate in rates)
    output = nn.Linear(units, 1)
    x, expected = torch.randn(steps, batch, 1), torch.randn(steps, batch, 1)

    def loss() -> Tensor:
        y = x
        for rate, layer in zip(rates, layers, strict=True):
            side_by_side = torch.cat([y[start::rate] for start in range(rate)], 1)
            y = layer(side_by_side)[0].view(steps // rate, rate, batch, units).flatten(0, 1)
        return functional.mse_loss(output(y), expected)

    return trained(loss, layers, output)


def _encoder_decoder(library: Library) -> Step:
    """pytorch-forecasting RecurrentNetwork: histories of several lengths, packed, and a decoder from their states."""
    batch, steps, horizon, units = 32, 24, 12, 32
    encoder, decoder = (library.GRU(4, units, 2, dropout=0.1, batch_first=True) for _ in range(2))
    output = nn.Linear(units, 1)
    history, future, expected = (torch.randn(batch, *rest) for rest in ((steps, 4), (horizon, 4), (horizon, 1)))
    lengths = torch.randint(steps // 2, steps + 1, (batch,))

    def loss() -> Tensor:
        packed = pack_padded_sequence(history, lengths, batch_first=True, enforce_sorted=False)
        _, states = encoder(packed)
        return functional.mse_loss(output(decoder(future, states)[0]), expected)

    return trained(loss, encoder, decoder, output)


PROGRAMS: dict[str, Program] = {
    "time sequence prediction": _time_sequence_prediction,
    "DeepAR": _deepar,
    "forecaster": _forecaster,
    "dilated LSTM": _dilated,
    "forecaster, encoder and decoder": _encoder_decoder,
}
