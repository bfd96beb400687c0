"""Overfitting on a small set, and what helps: one LSTM on 48 chorales of Bach, with one regulariser at a time.

    python -m benchmarks overfitting [--quick] [--plot FILE.svg] [--markdown FILE.md]

The network hears one chord after the other, as 88 keys of a piano that sound or not, and says of every key how likely
it is to sound next. Figures are the negative log-likelihood of a chord in nats, lower is better.
"""
