"""Text and numbers from files, escaped so that neither a terminal nor a spreadsheet takes them for commands."""

from __future__ import annotations

import json
import math
import re

_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are the same signs in full width
_TRIMMED = " \u00a0\u3000\ufeff"  # what some readers take off
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def visible(text: str) -> str:
    r"""The text with everything that is not printable spelled out: an escape character becomes ``\x1b``.

    Covers control characters, terminal sequences, line breaks, direction overrides and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def spreadsheet_safe(text: str) -> str:
    """The text, after an apostrophe where a spreadsheet would take it for a formula (OWASP, CSV injection).

    A number such as ``-5`` stays as it is.
    """
    begins = text.startswith(_FORMULA) or text.lstrip(_TRIMMED).startswith(_FORMULA)
    return f"'{text}" if begins and not _NUMBER.fullmatch(text) else text


def plain_cell(text: str) -> str:
    r"""The text for a file of cells: `spreadsheet_safe`, with what steers a terminal or a reader spelled out.

    Those are control characters, line breaks, direction overrides and lone surrogates; every other letter stays.
    """
    if text.isalnum():  # as most are
        return text
    return spreadsheet_safe(_STEERING.sub(lambda match: visible(match[0]), text))


def without_steering(text: str) -> str:
    """The text with a blank in place of everything that steers a terminal or a reader; see `plain_cell`."""
    return _STEERING.sub(" ", text)


def json_ascii(document: object) -> str:
    """The document as JSON on one line, every letter of it printable ASCII; ValueError for what is not finite."""
    return json.dumps(document, allow_nan=False).replace("\x7f", "\\u007f")


def json_number(value: float) -> float | None:
    """The number as JSON knows it: None, which is null there, for what is infinite or not a number."""
    return float(value) if math.isfinite(value) else None
