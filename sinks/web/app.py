"""The Starlette application: page, REST and websocket behind one fence.

    /  /static/…         the page: no data in it, so it needs no token
    READS, ACTS, …       REST, every route with the least role that may use it
    /ws                  the websocket
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from sinks.web.acts import ACTS
from sinks.web.alarms import ALARMS
from sinks.web.ceilings import CEILINGS
from sinks.web.fence import Fence
from sinks.web.guard import Access, guarded
from sinks.web.hub import Hub
from sinks.web.live import Live
from sinks.web.rest import READS
from sinks.web.schedules import SCHEDULES
from sinks.web.session import SESSION
from sinks.web.shell import Shell
from sinks.web.wire import Failure

ACCESSES: tuple[Access, ...] = (*READS, *ACTS, *ALARMS, *SCHEDULES, *CEILINGS, *SESSION)


def build(shell: Shell, hub: Hub) -> ASGIApp:
    """The application. The hub's task is started by whoever serves it."""
    routes: list[BaseRoute] = [guarded(access, shell) for access in ACCESSES]
    routes.append(WebSocketRoute("/ws", Live(shell, hub)))
    routes.append(Route("/", _page(shell.static), methods=["GET"]))
    routes.append(Mount("/static", StaticFiles(directory=shell.static, check_dir=False)))
    return Fence(Starlette(routes=routes, exception_handlers={HTTPException: _plain}), shell)


def _page(static: Path) -> Callable[[Request], Awaitable[Response]]:
    async def page(_: Request) -> Response:
        index = static / "index.html"
        if not index.is_file():
            return Failure(404, "no-page", "this installation has no page").response()
        return FileResponse(index, headers={"cache-control": "no-cache"})

    return page


async def _plain(request: Request, error: Exception) -> Response:
    """404 and 405 in the same form as every other error."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    codes = {404: "not-found", 405: "method-not-allowed"}
    return Failure(status, codes.get(status, "http-error"), f"{request.method} is not possible here"
                   if status == 405 else "there is nothing at this address", headers=headers).response()
