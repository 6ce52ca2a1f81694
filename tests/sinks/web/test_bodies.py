"""Bodies that are too large, too slow, too deep or not JSON: a 4xx, and the endpoint lives on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import orjson
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.web import wire
from sinks.web.ports import Role
from sinks.web.wire import BODY_LIMIT, SCHEDULE_LIMIT, Failure, parse_object, snake, text, without_nulls
from tests.sinks.web.fakes import TOKENS, Site, served


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with served() as running:
        yield running


@pytest.mark.req("LH-NF-009")
@pytest.mark.parametrize(("path", "limit"), [
    ("/operator/stop", BODY_LIMIT), ("/markets/schedules/import", SCHEDULE_LIMIT)])
async def test_a_body_has_a_limit_whether_declared_or_streamed(site: Site, path: str, limit: int) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(limit // 65536 + 2):
            yield b" " * 65536

    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks():
            yield chunk

    async with site.client(Role.OPERATOR) as client:
        declared = await client.post(path, content=b" " * (limit + 1))
    async with site.client(Role.OPERATOR) as client:
        streamed = await client.post(path, content=stream())
    async with site.client(Role.OPERATOR) as client:
        within = await client.post(path, content=b" " * limit)
    for answer in (declared, streamed):
        assert (answer.status_code, answer.json()["error"]) == (413, "body-too-large")
    assert within.status_code == 400
    assert len(site.door.refusals) == 3


@pytest.mark.req("LH-NF-009")
async def test_a_body_that_never_comes_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BODY_S", 0.05)
    place = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"POST /operator/stop HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKENS[Role.OPERATOR]}\r\n"
                 "Content-Length: 100\r\n\r\n{".encode())
    async with asyncio.timeout(10):
        assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_hangs_up_in_the_middle_harms_nobody(site: Site) -> None:
    place = urlsplit(site.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"POST /operator/stop HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKENS[Role.OPERATOR]}\r\n"
                 "Content-Length: 100\r\n\r\n{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with site.client() as client:
        assert (await client.get("/health")).status_code == 200
    assert site.door.acts == []


@pytest.mark.req("LH-NF-009")
@pytest.mark.parametrize("body", [
    b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"reason": NaN}', b'{"reason": Infinity}', b'{"a":1,"a":2}',
    b'{"x":' * 40 + b"1" + b"}" * 40, b"[" * 100_000, b'{"x":' + b"9" * 5000 + b"}", b"{'reason':'x'}",
    b'{"reason":"x"}}',
])
async def test_what_is_not_an_object_is_refused(site: Site, body: bytes) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/stop", content=body)
    assert (answer.status_code, answer.json()["error"]) in {(400, "invalid-json"), (400, "missing-required-field")}
    assert site.door.acts == []


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=4)
                    | st.dictionaries(st.text(max_size=12), inner, max_size=4), max_leaves=12)
NAMES = st.sampled_from(["asset_id", "reason", "windows", "version", "type", "token", "x"])


@pytest.mark.req("LH-NF-009")
@given(st.binary(max_size=400) | JSON.map(lambda value: repr(value).encode()))
def test_any_bytes_are_an_object_or_a_refusal(body: bytes) -> None:
    try:
        status = 200 if isinstance(parse_object(body), dict) else 500
    except Failure as failure:
        status = failure.status
    assert status in {200, 400}


@given(st.dictionaries(st.sampled_from(["asset_id", "assetId", "reason", "Reason", "token", "windows", "type"]), JSON))
def test_any_object_gives_a_text_or_a_refusal(members: dict[str, object]) -> None:
    try:
        reason = text(parse_object(orjson.dumps(members, option=orjson.OPT_PASSTHROUGH_DATACLASS)), "reason")
        assert len(reason) <= 200
        assert reason.isprintable()
    except (Failure, TypeError):
        pass


@pytest.mark.req("LH-NF-009", "LH-API-007")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=2, deadline=None)
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=5), min_size=10, max_size=20))
def test_no_object_makes_the_endpoint_fail(bodies: list[dict[str, object]]) -> None:
    async def ask() -> None:
        async with served() as site, site.client(Role.OPERATOR) as client:
            for path in ("/operator/stop", "/operator/release", "/markets/schedules/import", "/session",
                         "/alarms/a1/acknowledge", "/limits/grid-operator"):
                for body in bodies:
                    try:
                        content = orjson.dumps(body)
                    except TypeError:
                        continue
                    answer = await client.post(path, content=content)
                    assert answer.status_code < 500, (path, body, answer.text)
            for act in site.door.acts:
                assert act.asset in {None, "bess1", "bess2"}

    asyncio.run(ask())


@pytest.mark.parametrize(("name", "expected"), [
    ("assetId", "asset_id"), ("AssetId", "asset_id"), ("asset_id", "asset_id"), ("DayAhead", "day_ahead"),
    ("targetPowerKw", "target_power_kw"), ("ASSET", "asset"),
])
def test_spellings(name: str, expected: str) -> None:
    assert snake(name) == expected


def test_nulls_go_and_places_in_lists_stay() -> None:
    assert without_nulls({"a": None, "b": {"c": None}, "d": [None, {"e": None}, 0, False, ""]}) == {
        "b": {}, "d": [None, {}, 0, False, ""]}
