"""The application: every address, what answers there, and what no request gets past."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import GatewiseError
from ..version import version
from . import tensors
from .body import Reader, json_of
from .limits import Limits
from .metrics import TEXT, Metrics
from .openapi import document
from .page import page, policy
from .refusal import BAD, FORBIDDEN, JSON, MISSING, RefusedError, answer, json_answer
from .served import Models, Served, chosen, chosen_for, served
from .tasks import Task
from .worker import Work

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY = "*"
_VERSION = "1"
_log = logging.getLogger("gatewise.serve")


def application(models: Models, *, limits: Limits | None = None, hosts: Collection[str] = LOOPBACK) -> Starlette:
    """Serve models by HTTP: an ASGI application.

    It speaks the Open Inference protocol, version 2, with binary tensors, for models that go step by step, and plain
    JSON for forecasters, detectors, estimators of sequences and language models; ``/openapi.json`` says how. Nothing is
    loaded but the files named here, and no request makes it run code or write a file.

    Args:
        models: Files that gatewise has written, called as they are without their ending; or a mapping from names to
            files. Names have letters, digits and ``._-``.
        limits: What it lets anybody have; by default ``Limits()``.
        hosts: Names by which it may be addressed, in a request's ``Host``; ``("*",)`` for any. The default keeps pages
            of others, opened in a browser on this machine, from asking it.

    Returns:
        The application, for ``uvicorn`` or any other ASGI server. `gatewise.serve.run` runs it with time limits for
        connections too, which an application cannot set.

    Raises:
        ModelFileError: A file is damaged, foreign, or of a kind that answers no request.
        InputError: Two models have one name, or a name cannot stand in an address.

    Example:
        >>> application({"passengers": "model.safetensors"})
    """
    limits = limits or Limits()
    api = Api(served(models, limits), limits)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        for one in api.models.values():
            one.worker.open()
        yield
        for one in api.models.values():
            await asyncio.to_thread(one.worker.close)

    handlers: dict[Any, Any] = {HTTPException: _not_found}
    app = Starlette(
        routes=api.routes(),
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers=handlers,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.limits = limits
    return app


class Api:
    """What answers at each address."""

    def __init__(self, models: Mapping[str, Served], limits: Limits) -> None:
        self.models, self.limits = models, limits
        self.reader, self.metrics = Reader(limits), Metrics()
        self.tasks = list(dict.fromkeys(one.task for one in models.values() if one.task is not None))
        self._document = document(models, limits)
        self._page, self._policy = page(models), policy()

    def routes(self) -> list[Route]:
        """All addresses."""
        model = "/v2/models/{model}"
        versions = (model, f"{model}/versions/{{version}}")
        # In the order in which they are tried: what is asked again and again comes first.
        all_of_them: list[tuple[str, str, Handler]] = [
            *(("POST", f"{at}/infer", self.infer) for at in versions),
            *(("POST", task.path, partial(self.ask, task)) for task in self.tasks),
            ("GET", "/", self.show_page),
            ("GET", "/openapi.json", self.show_document),
            ("GET", "/metrics", self.show_metrics),
            ("GET", "/v2", self.show_server),
            ("GET", "/v2/health/live", self.is_live),
            ("GET", "/v2/health/ready", self.is_ready),
            ("POST", "/v2/repository/index", self.list_models),
            ("DELETE", f"{model}/sessions/{{session}}", self.end_session),
            *(("GET", at, self.show_model) for at in versions),
            *(("GET", f"{at}/ready", self.is_model_ready) for at in versions),
        ]
        return [Route(path, self._counted(path, handler), methods=[method]) for method, path, handler in all_of_them]

    def _counted(self, path: str, handler: Handler) -> Handler:
        """The handler, its errors as answers, and all of them counted."""

        async def handle(request: Request) -> Response:
            begun = time.perf_counter()
            try:
                response = await handler(request)
            except GatewiseError as error:
                response = answer(error)
            except Exception:
                _log.exception("%s failed", path)
                response = json_answer({"error": "the server failed; its log says how"}, 500)
            self.metrics.answered(path, response.status_code, time.perf_counter() - begun)
            return response

        return handle

    async def show_page(self, request: Request) -> Response:
        """The page to try models on."""
        return HTMLResponse(self._page, headers={"content-security-policy": self._policy, "cache-control": "no-store"})

    async def show_document(self, request: Request) -> Response:
        """The OpenAPI document."""
        return json_answer(self._document)

    async def show_metrics(self, request: Request) -> Response:
        """Counters for Prometheus."""
        by_model = [({"model": name}, one) for name, one in self.models.items()]
        gauges = {
            "gatewise_waiting_requests": [(labels, one.worker.waiting) for labels, one in by_model],
            "gatewise_sessions": [(labels, len(one.means.sessions)) for labels, one in by_model if one.goes_on],
            "gatewise_held_bytes": [({}, self.reader.held)],
        }
        return Response(self.metrics.text(gauges), media_type=TEXT)

    async def show_server(self, request: Request) -> Response:
        """What the server is."""
        about = {"name": "gatewise", "version": version(), "extensions": ["binary_tensor_data", "sequence"]}
        return json_answer({**about, "models": list(self.models)})

    async def is_live(self, request: Request) -> Response:
        """Whether it answers."""
        return json_answer({"live": True})

    async def is_ready(self, request: Request) -> Response:
        """Whether its models do: they were loaded before it began."""
        return json_answer({"ready": True})

    async def list_models(self, request: Request) -> Response:
        """Every model."""
        return json_answer([{"name": name, "version": _VERSION, "state": "READY"} for name in self.models])

    async def show_model(self, request: Request) -> Response:
        """What a model takes and gives."""
        return json_answer(self._model(request).metadata())

    async def is_model_ready(self, request: Request) -> Response:
        """Whether a model answers."""
        return json_answer({"name": self._model(request).name, "ready": True})

    async def infer(self, request: Request) -> Response:
        """Tensors in, tensors out."""
        model = self._model(request).by_tensors()
        header = request.headers.get(tensors.HEADER)
        if header is not None and not (header.isdecimal() and len(header) < 12):
            raise RefusedError(BAD, f"{header[:40]!r} is no number of bytes", where=tensors.HEADER)
        async with self.reader.body(request) as content:
            asked = tensors.read(content, None if header is None else int(header))
            del content
            outputs = await model.infer(asked)
            written = tensors.write(model.name, asked.id, outputs)
        if written.header is None:
            return Response(written.content, media_type=JSON)
        headers = {tensors.HEADER: str(written.header)}
        return Response(written.content, headers=headers, media_type="application/octet-stream")

    async def end_session(self, request: Request) -> Response:
        """Forget a session's state."""
        one, name = self._model(request), request.path_params["session"]
        if not one.goes_on:
            raise RefusedError(MISSING, f"the {one.kind.noun} {one.name!r} has no sessions")
        sessions = one.means.sessions
        if not (sessions.end(name) or (name.isdecimal() and len(name) < 20 and sessions.end(int(name)))):
            raise RefusedError(MISSING, f"there is no session {name[:40]!r}")
        return Response(status_code=204)

    async def ask(self, task: Task, request: Request) -> Response:
        """Plain JSON in and out."""
        async with self.reader.body(request) as content:
            asked = task.body.check("", json_of(content))
            one = chosen_for(self.models, task, asked.get("model"))
            work = Work(lambda requests: [task.run(one.model, requests[0], one.means)])
            told = await one.worker.ask(work, asked)
        return Response(told, media_type=JSON)

    def _model(self, request: Request) -> Served:
        one = chosen(self.models, request.path_params["model"])
        if request.path_params.get("version", _VERSION) != _VERSION:
            raise RefusedError(MISSING, f"{one.name!r} has one version, {_VERSION}")
        return one


class Guard:
    """Refuses requests that were meant for another server, or come from a page of another.

    A page of a stranger, open in a browser on this machine, could otherwise ask a server that only this machine can
    reach: by its address, which the browser tells in ``Origin``, or by a name of the stranger's that leads here.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it."""
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (self._app if refusal is None else answer(refusal))(scope, receive, send)

    def _refusal(self, request: Request) -> RefusedError | None:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if ANY not in self._hosts and _name(host) not in self._hosts:
            what = f"{host[:80]!r} is not this server"
            return RefusedError(FORBIDDEN, what, hint="name it in hosts, where the application is made")
        if origin is not None and origin.partition("://")[2] != host:
            return RefusedError(FORBIDDEN, "pages of other servers may not ask this one", hint="ask from its own page")
        return None


def _name(host: str) -> str | None:
    """Without the port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


async def _not_found(request: Request, error: HTTPException) -> Response:
    """No such address, or not by this method."""
    return json_answer({"error": error.detail.lower()}, error.status_code, dict(error.headers or {}))
