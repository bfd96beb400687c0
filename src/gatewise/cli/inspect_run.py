"""The end of ``gatewise inspect``: look, write, show."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..files import atomic_write
from ..inspect.explain.explanation import Inside, look_inside
from ..inspect.subject import Subject


def looked(subject: Subject, layer: int | None) -> Inside:
    """What there is to see. Raises InputError for a layer that there is not."""
    inside = look_inside(subject)
    layers = inside.record.module.num_layers
    if layer is not None and layer >= layers:
        raise InputError(f"there is no layer {layer}", hint=f"there are 0 to {layers - 1}")
    return inside


def show(inside: Inside, report: Path | None, layer: int | None, *, json: bool) -> bool:
    """Write the page if one is wanted, print the document or the summary, and say whether every sum checks."""
    if report:
        from ..inspect.explain.documents import page_of

        atomic_write(report, page_of(inside))
    _print(inside, layer, json=json)
    return inside.holds


def _print(inside: Inside, layer: int | None, *, json: bool) -> None:
    if json:
        from ..inspect.explain.documents import as_json

        print(as_json(inside))
        return
    from rich.console import Console

    from .inspect_present import present

    present(inside, Console(highlight=False, markup=False, emoji=False), layer)
