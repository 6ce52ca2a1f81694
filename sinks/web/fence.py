"""The ASGI fence around everything: Host and Origin checks, and the security headers of every answer.

    request ──► fence ──foreign Host or Origin──► 403 (a write: audited)
                  └──► page, REST, websocket ──► + security headers

It is plain ASGI, because Starlette's `BaseHTTPMiddleware` does not see websockets. A refused websocket is closed
before it is accepted, which the client sees as HTTP 403.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinks.web.origin import Seen, foreign_host, foreign_origin, seen
from sinks.web.shell import Shell
from sinks.web.wire import Failure

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
       "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
SECURITY = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Fence:
    """Wraps the application; leaves how the client sees us in `scope["state"]["seen"]`."""

    def __init__(self, app: ASGIApp, shell: Shell) -> None:
        self._app = app
        self._shell = shell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return
        headers = joined(scope)
        ours = seen(self._shell.listener, headers, scope.get("client"))
        scope.setdefault("state", {})["seen"] = ours
        guarded = self._guarded(send) if scope["type"] == "http" else send
        failure = self._judge(ours, headers)
        if failure is None:
            await self._app(scope, receive, guarded)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})
        else:
            if scope["method"] not in SAFE:
                await self._shell.audit(None, ours.address, scope["method"], scope["path"][:128], failure.status,
                                        failure.error)
            await failure.response()(scope, receive, guarded)

    def _judge(self, ours: Seen, headers: dict[str, str]) -> Failure | None:
        if foreign_host(self._shell.listener, headers):
            return Failure(403, "foreign-host", "this listener answers to its own names only")
        if foreign_origin(ours, headers):
            return Failure(403, "foreign-origin", "requests from pages of other sites are refused")
        return None

    def _guarded(self, send: Send) -> Send:
        encrypted = self._shell.listener.tls

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers[name] = value
                if encrypted:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        return with_headers


def joined(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name; lines that come several times are joined by a comma, in order."""
    result: dict[str, str] = {}
    for name, value in Headers(scope=scope).items():
        result[name] = f"{result[name]}, {value}" if name in result else value
    return result
