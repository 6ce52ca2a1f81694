"""Every route declares who may use it; the guard enforces it before the endpoint runs.

    identify ──► role ──► (a write by cookie: same Origin, JSON) ──► body ──► endpoint ──► answer
       401        403                    403, 415                    4xx

Guarantees: deny by default (a route without a declared role does not exist); authorisation comes before the body is
read; every refused write is audited with the route's template and an error code, never with its body; an exception of
our own is a 500 without inner details.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from loguru import logger
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from sinks.web.auth import COOKIE, bearer
from sinks.web.fence import SAFE
from sinks.web.origin import Seen
from sinks.web.ports import Principal, Role
from sinks.web.shell import Shell
from sinks.web.wire import BODY_LIMIT, Failure, read_object


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One permitted request. `who` is None on open routes only; `body` is the JSON object of a write."""

    request: Request
    shell: Shell
    who: Principal | None
    body: dict[str, Any]

    @property
    def address(self) -> str:
        return address(self.request)


Endpoint = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Access:
    """A route: method, path, the least role (None: open to all), and what answers it."""

    method: str
    path: str
    role: Role | None
    endpoint: Endpoint
    body_limit: int = BODY_LIMIT


def guarded(access: Access, shell: Shell) -> Route:
    """The Starlette route of `access`."""

    async def answer(request: Request) -> Response:
        who: Principal | None = None
        try:
            who = identify(request, shell) if access.role is not None else None
            _permit(access, who)
            body = await _body(access, request, who)
            return await access.endpoint(Call(request, shell, who, body))
        except Failure as failure:
            refusal = failure
        except Exception:
            logger.bind(component="web", reason="internal-error").exception("{} {} failed", access.method, access.path)
            refusal = Failure(500, "internal-error", "this is a fault of ours; the log has the details")
        if access.method not in SAFE:
            await shell.audit(who, address(request), access.method, access.path, refusal.status, refusal.error)
        return refusal.response()

    return Route(access.path, answer, methods=[access.method])


def identify(connection: HTTPConnection, shell: Shell) -> Principal | None:
    """Who asks: by token, by cookie, or as an anonymous viewer. None: nobody known. A wrong token is a `Failure`."""
    token = bearer(connection.headers.get("authorization"))
    if token is not None:
        return prove(token, address(connection), shell)
    return shell.sessions.find(connection.cookies.get(COOKIE, "")) or shell.visitor()


def prove(token: str, where: str, shell: Shell) -> Principal:
    """The owner of a token; failures are counted per address."""
    principal = shell.keyring.find(token)
    if principal is not None:
        return principal
    wait_s = shell.attempts.fail(where)
    if wait_s > 0.0:
        raise Failure(429, "too-many-attempts", f"too many wrong tokens from this address, wait {wait_s:.0f} s",
                      headers={"retry-after": f"{wait_s:.0f}"})
    raise Failure(401, "unauthenticated", "this token is not known", headers={"www-authenticate": "Bearer"})


def address(connection: HTTPConnection) -> str:
    ours: Seen = connection.state.seen
    return ours.address


def _permit(access: Access, who: Principal | None) -> None:
    if access.role is None:
        return
    if who is None or (who.via == "anonymous" and who.role < access.role):
        raise Failure(401, "unauthenticated", "this needs a token: `Authorization: Bearer <token>`",
                      headers={"www-authenticate": "Bearer"})
    if who.role < access.role:
        raise Failure(403, "forbidden", f"this needs the role {access.role.word}, the token has {who.role.word}")


async def _body(access: Access, request: Request, who: Principal | None) -> dict[str, Any]:
    if access.method in SAFE:
        return {}
    by_cookie = who is not None and who.via == "cookie"
    if by_cookie and "origin" not in request.headers:
        raise Failure(403, "origin-required", "a write by cookie must come from this site's own page")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if by_cookie and kind != "application/json" and access.method != "DELETE":
        raise Failure(415, "json-required", "a write by cookie must be sent as application/json")
    return await read_object(request, access.body_limit)
