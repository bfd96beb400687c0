"""The chart of the README is drawn from the tables that were measured."""

from __future__ import annotations

from benchmarks.chart import PICTURE, TABLES, TITLES, drawn, measured, ratios

PAGE = TABLES.read_text(encoding="utf-8")


def test_it_is_what_the_command_draws():
    assert PICTURE.read_text(encoding="utf-8") == drawn(PAGE)


def test_it_shows_every_shape_and_leaves_none_out():
    for table in TITLES:
        rows = ratios(PAGE, table)
        assert len(rows) == 8
        assert all(row.low <= row.median <= row.high for row in rows)
    assert "cores" in measured(PAGE)
