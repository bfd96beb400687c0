"""Runs of rows that repeat the row before, or are missing: far longer than any before."""

from __future__ import annotations

from dataclasses import dataclass

KNOWN = 100
"""Rows in which it is learned what is usual."""


@dataclass
class Runs:
    """Runs of one kind.

    A run stands out when it is twice as long as any before, and so at most a few dozen times in a series of any length.

    Attributes:
        least: Rows of the shortest run that stands out.
        rows: How many were seen.
        longest: The longest run that is over, or that began among the first `KNOWN` rows.
        length: Of the present one.
        usual: Whether the present one began among the first `KNOWN` rows.
    """

    least: int
    rows: int = 0
    longest: int = 0
    length: int = 0
    usual: bool = True

    def stands_out(self, goes_on: bool) -> bool:
        """Add a row, which the run goes on with or not; whether it makes the run one that stands out."""
        if goes_on:
            self.usual = self.usual if self.length else self.rows < KNOWN
            self.length += 1
        else:
            self.longest, self.length = max(self.longest, self.length), 0
        self.rows += 1
        return goes_on and not self.usual and self.length >= max(self.least, 2 * self.longest)
