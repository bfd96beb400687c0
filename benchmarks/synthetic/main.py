"""The command line: measure, print, and write the page."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gatewise.synthetic import FAMILIES, PROFILES, Mixture, Profile
from gatewise.synthetic.augment import AUGMENTATIONS

from ..machine import processor
from . import __doc__ as description
from . import throughput
from .pictures import file_name, pictures

PROFILE = next(profile for profile in PROFILES if profile.name == "hourly")


@dataclass(frozen=True)
class Rates:
    """Millions of values a second."""

    families: Mapping[str, float]
    profiles: Mapping[str, float]
    mixture: float


def main(arguments: Sequence[str]) -> None:
    """Measure every family, and write what is asked for."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks synthetic", description=description, formatter_class=form
    )
    parser.add_argument("--page", type=Path, help="write the page there, as Markdown; needs --pictures")
    parser.add_argument("--pictures", type=Path, help="draw a picture of each family in this folder")
    given = parser.parse_args(arguments)
    if given.page and not given.pictures:
        parser.error("--page shows pictures: say where they are with --pictures")
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
        for name, text in pictures().items():
            (given.pictures / name).write_text(text, encoding="utf-8")
    rates = Rates(throughput.families(PROFILE), throughput.profiles(), throughput.mixture())
    for title, found in (("family", rates.families), ("profile", rates.profiles), ("mixture", {"all": rates.mixture})):
        print("\n".join([title, *(f"  {name:24}{rate:7.1f} M/s" for name, rate in found.items())]))
    if given.page:
        given.page.write_text(page(rates, os.path.relpath(given.pictures, given.page.parent)), encoding="utf-8")


def page(rates: Rates, folder: str) -> str:
    """The page's text; ``folder`` leads from it to the pictures."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, trim_blocks=True, undefined=StrictUndefined, autoescape=False)
    batch = Mixture(seed=0).batch(7)
    return environment.get_template("page.md.j2").render(
        families=list(FAMILIES.values()),
        total=sum(family.weight for family in FAMILIES.values()),
        rates=rates.families,
        profile_rates=rates.profiles,
        mixture=rates.mixture,
        profile=PROFILE,
        profiles=PROFILES,
        augmentations=AUGMENTATIONS,
        seasons=seasons,
        machine=processor(),
        shape=batch.values.shape,
        first=f"{batch.season[0]} {batch.family[0]}",
        folder=folder,
        file_name=file_name,
    )


def seasons(profile: Profile) -> str:
    """The pairs of seasons of a profile, the likeliest six."""
    likeliest = sorted(profile.seasons, key=lambda pair: -profile.seasons[pair])
    words = [str(first) if second == 1 else f"{first} in {second}" for first, second in likeliest[:6]]
    return ", ".join([*words, "..."] if len(likeliest) > len(words) else words).replace("1,", "none,", 0)
