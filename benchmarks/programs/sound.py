"""Music taken apart into its sources."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .program import Library, Program, Step, trained


def _open_unmix(library: Library) -> Step:
    """open-unmix: a spectrum made narrow, three layers read both ways, and widened again into a mask."""
    frames, batch, units, bins = 60, 4, 64, 128
    narrow = nn.Sequential(nn.Linear(bins, units, bias=False), nn.BatchNorm1d(units), nn.Tanh())
    lstm = library.LSTM(units, units // 2, 3, bidirectional=True, dropout=0.4)
    wide = nn.Sequential(
        nn.Linear(2 * units, units, bias=False), nn.BatchNorm1d(units), nn.ReLU(), nn.Linear(units, bins), nn.ReLU()
    )
    x, expected = torch.rand(frames, batch, bins), torch.rand(frames, batch, bins)

    def loss() -> Tensor:
        y = narrow(x.flatten(0, 1)).view(frames, batch, units)
        mask = wide(torch.cat((y, lstm(y)[0]), -1).flatten(0, 1)).view(frames, batch, bins)
        return functional.mse_loss(mask * x, expected)

    return trained(loss, narrow, lstm, wide)


def _demucs(library: Library) -> Step:
    """Demucs: samples through convolutions with strides, two layers read both ways between them."""
    batch, channels = 4, 64
    encoder = nn.Sequential(nn.Conv1d(2, 32, 8, 4), nn.ReLU(), nn.Conv1d(32, channels, 8, 4), nn.ReLU())
    lstm, linear = library.LSTM(channels, channels, 2, bidirectional=True), nn.Linear(2 * channels, channels)
    decoder = nn.Sequential(nn.ConvTranspose1d(channels, 32, 8, 4), nn.ReLU(), nn.ConvTranspose1d(32, 2, 8, 4))
    mix = torch.randn(batch, 2, 996)
    sources = torch.randn_like(decoder(encoder(mix)))

    def loss() -> Tensor:
        x = encoder(mix).permute(2, 0, 1)
        y = linear(lstm(x)[0]).permute(1, 2, 0)
        return functional.l1_loss(decoder(y), sources)

    return trained(loss, encoder, lstm, linear, decoder)


def _blstm(library: Library) -> Step:
    """Demucs, its BLSTM: a long sequence cut into parts that overlap, run as one batch, and added to the input."""
    batch, channels, steps, width = 4, 48, 180, 60
    lstm, linear = library.LSTM(channels, channels, 2, bidirectional=True), nn.Linear(2 * channels, channels)
    x, expected = torch.randn(batch, channels, steps), torch.randn(batch, channels, steps)
    stride, edge = width // 2, width // 4

    def loss() -> Tensor:
        parts = x.unfold(2, width, stride)  # (B, C, parts, width)
        count = parts.shape[2]
        y = linear(lstm(parts.permute(3, 0, 2, 1).reshape(width, batch * count, channels))[0])
        y = y.view(width, batch, count, channels).permute(1, 2, 3, 0)
        middles = [y[:, part, :, edge if part else 0 : None if part == count - 1 else -edge] for part in range(count)]
        return functional.mse_loss(torch.cat(middles, 2) + x, expected)

    return trained(loss, lstm, linear)


PROGRAMS: dict[str, Program] = {"open-unmix": _open_unmix, "Demucs": _demucs, "BLSTM of Demucs": _blstm}
