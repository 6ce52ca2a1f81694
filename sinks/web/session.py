"""Signing in with a browser: a token becomes a cookie that scripts cannot read and other sites cannot send.

    POST /session {"token": …}  ──► Set-Cookie: bess_session=…; HttpOnly; SameSite=Strict; Path=/ [; Secure]
    GET /session                ──► who the page is
    DELETE /session             ──► signed out

The cookie is `Secure` whenever the client speaks TLS to us or to the proxy. The token itself is not kept anywhere.
"""

from __future__ import annotations

from starlette.responses import Response

from sinks.web.auth import COOKIE
from sinks.web.guard import Access, Call, identify, prove
from sinks.web.ports import Role
from sinks.web.wire import Failure, reply
from sources.instant import format_utc


async def sign_in(call: Call) -> Response:
    token = call.body.get("token")
    if not isinstance(token, str) or not token:
        raise Failure(400, "missing-required-field", "`token` is missing")
    principal = prove(token.strip(), call.address, call.shell)
    sessions = call.shell.sessions
    name = sessions.open(principal)
    expires = format_utc(call.shell.utc_ns() + int(sessions.life_s * 1e9))
    answer = reply({"name": principal.name, "role": principal.role.word, "expires_at": expires})
    answer.set_cookie(COOKIE, name, max_age=int(sessions.life_s), path="/", secure=_encrypted(call), httponly=True,
                      samesite="strict")
    return answer


async def who_am_i(call: Call) -> Response:
    who = call.who
    if who is None:
        raise Failure(401, "unauthenticated", "nobody is signed in")
    return reply({"name": who.name, "role": who.role.word, "via": who.via})


async def sign_out(call: Call) -> Response:
    """Ends the session of the cookie. Without one there is nothing to end, which is no error."""
    who = identify(call.request, call.shell)
    if who is not None and who.via == "cookie" and "origin" not in call.request.headers:
        raise Failure(403, "origin-required", "a write by cookie must come from this site's own page")
    call.shell.sessions.close(call.request.cookies.get(COOKIE, ""))
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", secure=_encrypted(call), httponly=True, samesite="strict")
    return answer


def _encrypted(call: Call) -> bool:
    return str(call.request.state.seen.origin).startswith("https:")


SESSION = (
    Access("POST", "/session", None, sign_in),
    Access("GET", "/session", Role.VIEWER, who_am_i),
    Access("DELETE", "/session", None, sign_out),
)
