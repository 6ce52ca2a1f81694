"""JSON in and out: bounded bodies, accepted spellings, one form of error.

Guarantees: a body is read at most to its limit and for at most `BODY_S`; what is not JSON, too deep or too large is a
`Failure` with a code; NaN and infinity become null on the way out. Large bodies are parsed off the loop.

    {"error": "missing-required-field", "detail": "`reason` is missing"}
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from sources.strict_json import JsonError, read

BODY_LIMIT = 256 * 1024
SCHEDULE_LIMIT = 2 * 1024 * 1024
BODY_S = 10.0
OFF_LOOP = 16 * 1024
MAX_DEPTH = 32

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Failure(Exception):  # noqa: N818 - the answer of a request, not a fault of ours
    """A request that is answered with `status` and `{error, detail}`."""

    def __init__(self, status: int, error: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {error}: {detail}")
        self.status = status
        self.error = error
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        return reply({"error": self.error, "detail": self.detail}, self.status, self.headers)


def encode(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer that nobody may keep."""
    return Response(encode(value), status, {"cache-control": "no-store", **(headers or {})}, "application/json")


def without_nulls(value: Any) -> Any:
    """The REST form of a value: members that are null are left out, at every depth; lists keep their places."""
    if isinstance(value, Mapping):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [without_nulls(member) for member in value]
    return value


def snake(name: str) -> str:
    """`assetId`, `AssetId` and `asset_id` are one name; `DayAhead` is `day_ahead`."""
    return name if name.islower() else _HUMP.sub("_", name).lower()


def snake_keys(value: Any) -> Any:
    """Keys in snake case at every depth. A name given twice in two spellings is a `Failure`."""
    if isinstance(value, dict):
        renamed = {snake(key): snake_keys(member) for key, member in value.items()}
        if len(renamed) != len(value):
            raise Failure(400, "ambiguous-field", "a member is given twice in different spellings")
        return renamed
    if isinstance(value, list):
        return [snake_keys(member) for member in value]
    return value


async def read_body(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes and `BODY_S` seconds."""
    too_large = Failure(413, "body-too-large", f"a body of at most {limit // 1024} KiB is accepted")
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or int(declared) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise Failure(408, "body-too-slow", f"the body did not arrive within {BODY_S:g} s") from None
    except ClientDisconnect:
        raise Failure(400, "body-incomplete", "the client went away") from None
    return b"".join(parts)


async def read_object(request: Request, limit: int = BODY_LIMIT) -> dict[str, Any]:
    """The body as a JSON object with keys in snake case; an empty body is an empty object."""
    body = await read_body(request, limit)
    if len(body) > OFF_LOOP:
        return await asyncio.to_thread(parse_object, body)
    return parse_object(body)


def parse_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = read(body, len(body))
    except JsonError as error:
        raise Failure(400, "invalid-json", str(error)) from None
    if not isinstance(value, dict):
        raise Failure(400, "invalid-json", "expected a JSON object")
    if _deeper_than(value, MAX_DEPTH):
        raise Failure(400, "invalid-json", f"nested deeper than {MAX_DEPTH} levels")
    renamed: dict[str, Any] = snake_keys(value)
    return renamed


def _deeper_than(value: Any, levels: int) -> bool:
    layer: list[Any] = [value]
    for _ in range(levels):
        layer = [member for item in layer if isinstance(item, dict | list)
                 for member in (item.values() if isinstance(item, dict) else item)]
        if not layer:
            return False
    return any(isinstance(item, dict | list) for item in layer)


def text(body: Mapping[str, Any], name: str, *, required: bool = False, limit: int = 200) -> str:
    """A text member: control characters and line breaks become spaces, so that it cannot forge a log line."""
    value = body.get(name)
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise Failure(400, "invalid-field", f"`{name}` must be a text")
    cleaned = " ".join("".join(letter if letter.isprintable() else " " for letter in value).split())[:limit]
    if required and not cleaned:
        raise Failure(400, "missing-required-field", f"`{name}` is missing")
    return cleaned


def chosen_asset(source: Mapping[str, Any], assets: Sequence[str]) -> str | None:
    """The asset that `asset_id` (or `assetId`) names, None when it names none. 404 for one that is not here."""
    name = source.get("asset_id", source.get("assetId"))
    if name is None:
        return None
    if not isinstance(name, str):
        raise Failure(400, "invalid-field", "`asset_id` must be a text")
    if name not in assets:
        raise unknown_asset(name)
    return name


def unknown_asset(name: str) -> Failure:
    return Failure(404, "asset-not-registered", f"there is no asset {name[:64]!r}")
