"""Ceilings over REST: what the grid operator, or who speaks for it, allows at the point of connection.

    POST /limits/grid-operator {"direction": "export", "percent": 60, "issued_at": "2026-11-22T10:00:00Z"}

The JSON is that of `sources.ceiling`, with the direction in it. A ceiling is a level: it is answered 200 only after the
journal is synced, acts on the next tick, falls back when it is not renewed, and survives a restart.
"""

from __future__ import annotations

from math import isfinite

from starlette.responses import Response

from sinks.web.acts import known
from sinks.web.guard import Access, Call
from sinks.web.ports import CeilingRefusedError, JournalError, Role
from sinks.web.wire import Failure, reply
from sources.ceiling import CeilingError
from sources.instant import format_utc


async def set_ceiling(call: Call) -> Response:
    """400 when it is no ceiling, 409 when it cannot be taken, 503 when it cannot be written down."""
    try:
        told = await call.shell.door.set_ceiling(call.body, known(call))
    except CeilingError as error:
        raise Failure(400, "invalid-ceiling", str(error)) from None
    except CeilingRefusedError as error:
        raise Failure(409, error.error, str(error)) from None
    except JournalError as error:
        raise Failure(503, "journal-failed", f"the ceiling was not taken: {error}") from None
    power = {"kw": told.kw} if isfinite(told.kw) else {}
    return reply({"direction": told.direction, "active": bool(power), **power, "issued_at": format_utc(told.issued_ns)})


CEILINGS = (Access("POST", "/limits/grid-operator", Role.OPERATOR, set_ceiling),)
