"""What the server's OpenAPI document allows, and what it does not, as schemathesis makes it up."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import torch

from gatewise.serve import application, running

from ..part import Report
from .server import LIMITS, saved_models

NIGHTLY, QUICK = 4_000, 400
_OPERATIONS, _BESIDE = 13, 25
"""Addresses of the document, and the cases that schemathesis makes of each beside those that it draws."""
_COUNTED = re.compile(r'^gatewise_requests_total\{route="([^"]+)",status="(\d+)"\} (\d+)$', re.MULTILINE)
_REFUSED_ALL_THE_SAME = "positive_data_acceptance"
"""The one check that is left out: a document cannot say that lengths fit a shape, nor that a table has its columns."""


_ROOMY = replace(LIMITS, body=4 << 20)
"""Bodies as long as schemathesis makes them: one that is too long is refused before it is known to be wrong."""
_LONGEST = 300
"""Characters of a line that is shown."""


def run(seed: int, count: int) -> Report:
    """Let it ask about so many times; what it finds fault with is a finding."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # numbers are as large as can be
    report = Report()
    with tempfile.TemporaryDirectory() as folder, running(application(saved_models(Path(folder)), limits=_ROOMY)) as at:
        drawn = max(1, count // _OPERATIONS - _BESIDE)
        options = {"max-examples": drawn, "seed": seed, "exclude-checks": _REFUSED_ALL_THE_SAME}
        words = [f"--{name}={value}" for name, value in options.items()]
        command = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{at}/openapi.json",
            *words,
            "--no-color",
            "--warnings=off",
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        with urlopen(f"{at}/metrics") as answer:
            told = answer.read().decode()
    for route, status, answers in _COUNTED.findall(told):
        report.outcomes[f"{route.split('/')[-1] or '/'} {status}"] += int(answers)
    if done.returncode:
        told = done.stdout.partition("FAILURES")[2] or done.stdout + done.stderr
        report.findings += [line[:_LONGEST] for line in told.splitlines() if line.strip()]
    return report
