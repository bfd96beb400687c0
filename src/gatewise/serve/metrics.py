"""What a server counts, in the text format of Prometheus (0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

TEXT = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds, of a histogram's buckets."""


class Metrics:
    """Requests by route and status, and how long they took; routes and not addresses, so that nobody adds a name."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(_BOUNDS) + 1))
        self._seconds: Counter[str] = Counter()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._answers[route, status] += 1
        self._buckets[route][bisect_left(_BOUNDS, seconds)] += 1
        self._seconds[route] += seconds  # pyright: ignore[reportArgumentType] - a sum

    def text(self, gauges: Mapping[str, Iterable[tuple[Mapping[str, str], float]]]) -> str:
        """All of it. gauges: by name, values that are read now, each with its labels."""
        lines = ["# TYPE gatewise_requests_total counter"]
        for (route, status), count in sorted(self._answers.items()):
            lines.append(_line("gatewise_requests_total", {"route": route, "status": str(status)}, count))
        lines.append("# TYPE gatewise_request_seconds histogram")
        for route, buckets in sorted(self._buckets.items()):
            lines += self._histogram(route, buckets)
        for name, values in gauges.items():
            lines.append(f"# TYPE {name} gauge")
            lines += [_line(name, labels, value) for labels, value in values]
        return "\n".join([*lines, ""])

    def _histogram(self, route: str, buckets: list[int]) -> Iterable[str]:
        so_far = 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), buckets, strict=True):
            so_far += count
            yield _line("gatewise_request_seconds_bucket", {"route": route, "le": bound}, so_far)
        yield _line("gatewise_request_seconds_sum", {"route": route}, self._seconds[route])
        yield _line("gatewise_request_seconds_count", {"route": route}, so_far)


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    said = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{said}}} {value!r}" if said else f"{name} {value!r}"
