"""Lines on a grid: each from what gives its value to all that read it, round the figures, forking on its way.

The grid has a track through each column and row of figures, and free tracks between them. Lines may cross at a right
angle, and never share a stretch. Each connection takes the cheapest way that is left: short, with few bends and few
crossings.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

Spot: TypeAlias = tuple[int, int]  # a point of the grid: track from the left, track from the bottom
EAST, NORTH, WEST, SOUTH = range(4)
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
BEND, FORK, CROSSING, NEAR = 6.0, 2.0, 8.0, 2.0
SHUT = 1e9


class Pin(NamedTuple):
    """A figure or an end of lines on the grid, and what it costs to enter it or to leave it on each side."""

    at: Spot
    enter: tuple[float, ...]
    leave: tuple[float, ...]


class Connection(NamedTuple):
    """One reader of a line."""

    line: str
    reader: str


class RouteStep(NamedTuple):
    """From a point to the next in one direction."""

    cell: Spot
    direction: int

    @property
    def end(self) -> Spot:
        """The next point."""
        return self.cell[0] + STEPS[self.direction][0], self.cell[1] + STEPS[self.direction][1]


@dataclass(eq=False)
class Line:
    """The way of one value: for each point that it touches, the directions in which it goes on."""

    source: str
    ways: dict[Spot, set[int]] = field(default_factory=dict[Spot, set[int]])
    cost: float = 0.0

    def paths(self, start: Spot, ends: set[Spot]) -> list[list[Spot]]:
        """The parts of it between its source, its forks and its ends, from the source on."""
        waiting = [(start, direction) for direction in sorted(self.ways[start])]
        paths: list[list[Spot]] = []
        while waiting:
            cell, direction = waiting.pop(0)
            path = [cell]
            while True:
                cell = (cell[0] + STEPS[direction][0], cell[1] + STEPS[direction][1])
                path.append(cell)
                onward = sorted(self.ways[cell] - {(direction + 2) % 4})
                if cell in ends or len(onward) != 1:
                    break
                direction = onward[0]
            paths.append(path)
            if cell not in ends:
                waiting += [(cell, way) for way in onward]
        return paths


class Router:
    """Lines are added one connection at a time, and stay between the points ``low`` and ``high``."""

    def __init__(self, low: Spot, high: Spot, pins: Mapping[str, Pin], sources: Mapping[str, str]) -> None:
        self.low, self.high, self.pins = low, high, pins
        self.lines = {name: Line(source) for name, source in sources.items()}
        self._at: dict[Spot, list[Line]] = defaultdict(list)
        # the points before figures are left to the lines that end there
        self._doors = {(pin.at[0] + x, pin.at[1] + y) for pin in pins.values() for x, y in STEPS}
        self._figures = {pin.at: name for name, pin in pins.items()}

    def connect(self, connection: Connection) -> bool:
        """Add the cheapest way to one more reader; False where there is none."""
        line, target = self.lines[connection.line], self.pins[connection.reader]
        before: dict[RouteStep, RouteStep | None] = {}
        waiting: list[tuple[float, int, float, RouteStep, RouteStep | None]] = []
        count = itertools.count()  # among equals, the first one found

        def consider(cost: float, step: RouteStep, last: RouteStep | None) -> None:
            end = step.end
            if end == target.at:
                cost += target.enter[(step.direction + 2) % 4]
            if cost < SHUT and step not in before:
                least = cost + abs(end[0] - target.at[0]) + abs(end[1] - target.at[1])
                heappush(waiting, (least, next(count), cost, step, last))

        for cost, step in self._starts(line):
            consider(cost, step, None)
        while waiting:
            _, _, cost, step, last = heappop(waiting)
            if step in before:
                continue
            before[step] = last
            if step.end == target.at:
                self._lay(line, step, before)
                line.cost += cost
                return True
            for extra, direction in self._onward(line, step):
                consider(cost + 1 + extra, RouteStep(step.end, direction), step)
        return False

    def reroute(self, name: str, readers: Iterable[str]) -> None:
        """Take a line away and lay it again, if that is cheaper."""
        old = self.lines[name]
        self._put(name, Line(old.source))
        done = all([self.connect(Connection(name, reader)) for reader in readers])
        if not done or self.lines[name].cost >= old.cost:
            self._put(name, old)

    @property
    def cost(self) -> float:
        """What all lines cost together."""
        return sum(line.cost for line in self.lines.values())

    def _starts(self, line: Line) -> Iterable[tuple[float, RouteStep]]:
        """Where a new way may leave what there is of a line."""
        pin = self.pins[line.source]
        used = line.ways.get(pin.at, set())
        for direction in self._free(line, pin.at):
            if direction not in used:
                yield pin.leave[direction] + (2 * FORK if used else 0.0), RouteStep(pin.at, direction)
        for cell, ways in line.ways.items():
            if cell not in self._figures and len(self._at[cell]) == 1:
                yield from ((FORK, RouteStep(cell, direction)) for direction in self._free(line, cell) - ways)

    def _onward(self, line: Line, step: RouteStep) -> Iterable[tuple[float, int]]:
        """The directions in which a way may go on after a step, and what each costs."""
        cell, direction = step.end, step.direction
        inside = all(low < at < high for at, low, high in zip(cell, self.low, self.high, strict=True))
        if cell in self._figures or cell in line.ways or not inside:
            return
        others = [other.ways[cell] for other in self._at[cell]]
        if others:
            if len(others) == 1 and others[0] == {(direction + 1) % 4, (direction + 3) % 4}:
                yield CROSSING, direction
            return
        for turn in range(4):
            if turn != (direction + 2) % 4:
                yield (0.0 if turn == direction else BEND) + (NEAR if cell in self._doors else 0.0), turn

    def _free(self, line: Line, cell: Spot) -> set[int]:
        """The directions from a point in which no other line goes."""
        taken = (other.ways[cell] for other in self._at[cell] if other is not line)
        return set(range(4)).difference(*taken)

    def _lay(self, line: Line, last: RouteStep, before: Mapping[RouteStep, RouteStep | None]) -> None:
        step: RouteStep | None = last
        while step is not None:
            for cell, direction in ((step.cell, step.direction), (step.end, (step.direction + 2) % 4)):
                line.ways.setdefault(cell, set()).add(direction)
                if line not in self._at[cell]:
                    self._at[cell].append(line)
            step = before[step]

    def _put(self, name: str, line: Line) -> None:
        for cell in self.lines[name].ways:
            self._at[cell].remove(self.lines[name])
        for cell in line.ways:
            self._at[cell].append(line)
        self.lines[name] = line
