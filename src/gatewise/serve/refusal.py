"""A request that is answered by an error: with which status, and in which words."""

from __future__ import annotations

from starlette.responses import Response

from ..errors import GatewiseError
from ..escape import json_ascii

JSON = "application/json"
BAD, FORBIDDEN, MISSING, SLOW, LARGE, KIND, BUSY = 400, 403, 404, 408, 413, 415, 503
_UNREAD = (FORBIDDEN, SLOW, LARGE, KIND, BUSY)
"""What may be answered before all of a request was read, so that the connection ends with it."""


class RefusedError(GatewiseError):
    """A request that is refused.

    Args:
        status: Of the answer, 400 to 599.
        what: As for `GatewiseError`.
        where: As for `GatewiseError`; in a body by its path, such as ``inputs[0].shape``.
        hint: As for `GatewiseError`.
    """

    def __init__(self, status: int, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status


def answer(error: GatewiseError) -> Response:
    """The answer: ``error``, a sentence with its place, as every client of V2 reads it, and ``hint``."""
    status = error.status if isinstance(error, RefusedError) else BAD
    told = {"error": f"{error.where}: {error.what}" if error.where else error.what, "hint": error.hint}
    headers = {"connection": "close"} if status in _UNREAD else {}
    if status == BUSY:
        headers["retry-after"] = "1"
    return json_answer({name: text for name, text in told.items() if text}, status, headers)


def json_answer(told: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A document as JSON in ASCII."""
    return Response(json_ascii(told), status, headers, media_type=JSON)
