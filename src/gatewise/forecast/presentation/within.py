"""The views inside the winning network, for the report."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import GatewiseError
from ...inspect.inside.command import page_of
from ...inspect.inside.look import look_inside
from ...inspect.page import script_hash
from ..estimator import Forecaster
from ..panel import Panel


@dataclass(frozen=True)
class Within:
    """page: one of HTML, complete in itself, or "". script: what a policy must let run for it, or "". sentence: what
    it is, or why there is none."""

    page: str
    script: str
    sentence: str


def within(forecaster: Forecaster, panel: Panel, row: int) -> Within:
    """What can be seen inside the network on one series of the panel."""
    name = panel.ids[row]
    try:
        page = page_of(look_inside(forecaster.subject(panel, series=name)))
    except GatewiseError as error:
        return Within("", "", f"Nothing is shown of the inside: {error.what}.")
    which = f" of {name}" if len(panel) > 1 else ""
    return Within(page, script_hash(), f"The gates and the memory behind the forecast{which}, to step through.")
