"""Which lines the table has, in its full and in its quick form."""

from __future__ import annotations

from .task import Task
from .tasks import (
    adding,
    carousel,
    chorales,
    chrono,
    continual,
    counting,
    equality,
    order,
    parity,
    reber,
    rows,
    shakespeare,
    slstm,
    timer,
)


def full() -> list[Task]:
    """Every line at its published size."""
    return [
        carousel.task(),
        chrono.task(),
        order.task(),
        adding.task(),
        timer.task(),
        parity.task(),
        continual.task(),
        chorales.task(),
        adding.long_task(),
        adding.longest_task(),
        counting.task(),
        reber.task(),
        rows.task(),
        shakespeare.task(),
        slstm.task(),
        equality.task(),
    ]


def quick() -> list[Task]:
    """What takes seconds, at the same pass lines: no data sets, a shorter lag, no peers."""
    return [
        carousel.task(),
        chrono.task((100, 1000)),
        order.task(steps=1500).only("LSTM", "RNN"),
        adding.task(length=100, steps=3000).only("LSTM", "RNN"),  # 96,000 sequences, of which 74,000 were published
        timer.task(),
        parity.task().only("PeepholeLSTM, U = 0", "LSTM, U = 0"),
        continual.task().only("LSTM", "LSTM without forget gate"),
        counting.task().only("LSTM, U = 0"),
        reber.task().only("LSTM"),
        slstm.task(),
        equality.task(),
    ]


FORMS = {"full": full, "quick": quick}
