"""The body of a request: no more of it than may be, no longer than it may take, and JSON that is plain."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from ..errors import InputError
from .limits import Limits
from .refusal import BAD, BUSY, KIND, LARGE, SLOW, RefusedError


def json_of(content: bytes) -> Any:
    """What the bytes hold as JSON. Raises InputError for anything else, and for NaN and infinities."""
    try:
        return json.loads(content, parse_constant=_strange)
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InputError(f"the body is not JSON: {error.msg}", where=f"byte {error.pos}") from error
    except (ValueError, RecursionError) as error:
        raise InputError("the body holds numbers too long, or lists too deep") from error


def _strange(word: str) -> NoReturn:
    raise InputError(f"{word} is no number of JSON", hint="leave it out")


class Reader:
    """Reads bodies within limits: of each, and of all that are read, wait, or are worked on."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self.held = limits, 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncGenerator[bytes]:
        """The body, which counts as held until the block is left. Raises RefusedError."""
        if request.headers.get("content-encoding", "identity") != "identity":
            raise RefusedError(KIND, "the body is compressed", hint="send it as it is")
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limits.body:
            raise self._too_large()
        parts = bytearray()
        try:
            await self._read(request, parts)
            yield bytes(parts)
        finally:
            self.held -= len(parts)

    async def _read(self, request: Request, parts: bytearray) -> None:
        try:
            async with asyncio.timeout(self._limits.patience):
                async for part in request.stream():
                    parts += part
                    self.held += len(part)
                    self._check(len(parts))
        except TimeoutError as error:
            raise RefusedError(SLOW, f"the body did not arrive in {self._limits.patience:g} seconds") from error
        except ClientDisconnect as error:
            raise RefusedError(BAD, "the connection ended before the body") from error

    def _check(self, size: int) -> None:
        if size > self._limits.body:
            raise self._too_large()
        if self.held > self._limits.bodies:
            raise RefusedError(BUSY, "the server holds as many requests as it may", hint="ask again later")

    def _too_large(self) -> RefusedError:
        return RefusedError(LARGE, f"the body has more than {self._limits.body:,} bytes", hint="send less at once")
