"""Who may do what: the whole matrix of roles and routes, sessions, other sites' pages, failed tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from loguru import logger

from sinks.web.app import ACCESSES
from sinks.web.auth import COOKIE
from sinks.web.guard import Access
from sinks.web.ports import Role
from tests.sinks.web.fakes import ANONYMOUS, LOOPBACK, TOKENS, Site, served

CALLERS = ("nobody", "wrong", "not bearer", "anonymous", *Role)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with served(metrics=lambda: b"") as running:
        yield running


def expected(access: Access, caller: object) -> int:
    """0: passes. Written apart from the guard: open routes first, then who is known, then what the role may."""
    if access.role is None:
        return 0
    if caller in {"nobody", "wrong", "not bearer"} or (caller == "anonymous" and access.role > Role.VIEWER):
        return 401
    return 403 if isinstance(caller, Role) and caller < access.role else 0


@pytest.mark.req("LH-API-007")
@pytest.mark.parametrize("caller", CALLERS, ids=str)
@pytest.mark.hazard("peer 22")
async def test_every_route_for_every_caller(caller: object) -> None:
    listener = ANONYMOUS if caller == "anonymous" else LOOPBACK
    headers = {"wrong": {"authorization": "Bearer " + "x" * 40}, "not bearer": {"authorization": "Basic eDp5"}}
    async with served(metrics=lambda: b"", listener=listener) as site:
        site.shell.attempts._limit = 10_000
        role = caller if isinstance(caller, Role) else None
        async with site.client(role, **headers.get(str(caller), {})) as client:
            for access in ACCESSES:
                before = len(site.door.acts) + len(site.door.schedules) + len(site.door.alarms)
                path = access.path.replace("{id}", "a1" if "alarms" in access.path else "bess1")
                answer = await client.request(access.method, path)
                wanted = expected(access, caller)
                label = f"{access.method} {access.path} by {caller}: {answer.status_code}"
                if wanted:
                    assert answer.status_code == wanted, label
                    assert answer.json()["error"] in {"unauthenticated", "forbidden"}, label
                    after = len(site.door.acts) + len(site.door.schedules) + len(site.door.alarms)
                    assert after == before, label
                elif access.role is not None:
                    assert answer.status_code not in {401, 403, 429, 500}, label
        refused = [access for access in ACCESSES if access.method != "GET" and expected(access, caller)]
        audited = [(entry.method, entry.route) for entry in site.door.refusals if entry.status in {401, 403}]
        assert set(audited) >= {(access.method, access.path) for access in refused}


@pytest.mark.req("LH-API-007")
async def test_authorisation_comes_before_the_body(site: Site) -> None:
    async with site.client(Role.VIEWER) as client:
        answer = await client.post("/operator/stop", content=b"{" * 1000)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert site.door.refusals[0].who == "viewer"


@pytest.mark.req("LH-API-007")
async def test_a_cookie_session_from_sign_in_to_sign_out(site: Site) -> None:
    async with site.client() as client:
        assert (await client.get("/session")).status_code == 401
        signed = await client.post("/session", json={"token": TOKENS[Role.OPERATOR]})
        assert signed.json()["role"] == "operator"
        cookie = signed.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "Secure" not in cookie
        assert TOKENS[Role.OPERATOR] not in cookie
        assert (await client.get("/session")).json() == {"name": "operator", "role": "operator", "via": "cookie"}
        origin = {"origin": site.url}
        assert (await client.post("/operator/stop", json={"reason": "x"}, headers=origin)).status_code == 200
        assert (await client.delete("/session", headers=origin)).status_code == 204
        client.cookies.set(COOKIE, cookie.split("=", 1)[1].split(";")[0])
        assert (await client.get("/assets")).status_code == 401


@pytest.mark.req("LH-API-007")
async def test_a_session_ends_by_itself(site: Site) -> None:
    async with site.client() as client:
        await client.post("/session", json={"token": TOKENS[Role.VIEWER]})
        assert (await client.get("/assets")).status_code == 200
        site.hands.ahead_s = site.shell.sessions.life_s + 1.0
        assert (await client.get("/assets")).status_code == 401


@pytest.mark.req("LH-API-007")
@pytest.mark.parametrize(("headers", "status", "error"), [
    ({}, 403, "origin-required"),
    ({"origin": "http://evil.example"}, 403, "foreign-origin"),
    ({"origin": "null"}, 403, "foreign-origin"),
    ({"origin": "SITE", "content-type": "text/plain"}, 415, "json-required"),
    ({"origin": "SITE", "content-type": "application/x-www-form-urlencoded"}, 415, "json-required"),
])
async def test_a_write_by_cookie_must_come_from_our_own_page(
        site: Site, headers: dict[str, str], status: int, error: str) -> None:
    headers = {name: site.url if value == "SITE" else value for name, value in headers.items()}
    async with site.client() as client:
        await client.post("/session", json={"token": TOKENS[Role.OPERATOR]})
        answer = await client.post("/operator/stop", content=b'{"reason":"x"}',
                                   headers={"content-type": "application/json"} | headers)
        out = await client.delete("/session", headers={"origin": headers["origin"]} if "evil" in str(headers) else {})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert out.status_code == 403
    assert site.door.acts == []
    assert site.door.refusals[0].error == error


@pytest.mark.req("LH-API-007")
async def test_a_foreign_origin_is_refused_even_with_a_token(site: Site) -> None:
    async with site.client(Role.OPERATOR, origin="https://evil.example") as client:
        write = await client.post("/operator/stop", json={"reason": "x"})
        read = await client.get("/assets")
    assert (write.status_code, read.status_code) == (403, 403)
    assert site.door.refusals[0].error == "foreign-origin"


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("localhost:9000", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("LOCALHOST:80", 200),
    ("evil.example", 403), ("evil.example:80", 403), ("127.0.0.1.evil.example", 403), ("localhost.evil.example", 403),
    ("", 403),
])
async def test_a_loopback_listener_answers_to_its_own_names_only(site: Site, host: str, status: int) -> None:
    async with site.client(Role.VIEWER, host=host) as client:
        assert (await client.get("/assets")).status_code == status


@pytest.mark.req("LH-API-007", "LH-NF-009")
async def test_wrong_tokens_are_slowed_down_and_cannot_lock_out_a_stop(site: Site) -> None:
    async with site.client(authorization="Bearer " + "w" * 40) as stranger:
        answers = [(await stranger.post("/operator/stop", json={"reason": "x"})).status_code for _ in range(12)]
        late = await stranger.post("/operator/stop", json={"reason": "x"})
    assert answers == [401] * 10 + [429] * 2
    assert 1 <= int(late.headers["retry-after"]) <= 60
    async with site.client(Role.OPERATOR) as client:
        assert (await client.post("/operator/stop", json={"reason": "smoke"})).status_code == 200
    site.hands.ahead_s = 61.0
    async with site.client(authorization="Bearer " + "w" * 40) as stranger:
        assert (await stranger.get("/assets")).status_code == 401


async def test_a_flood_of_refusals_is_counted_in_the_audit_and_not_written_one_by_one(site: Site) -> None:
    site.shell.gate.burst = site.shell.gate.tokens = 3.0
    site.shell.gate.rate = 0.0
    async with site.client() as client:
        for _ in range(8):
            await client.post("/operator/stop")
        assert len(site.door.refusals) == 3
        site.shell.gate.tokens = 1.0
        await client.post("/operator/stop")
    assert site.door.refusals[-1].suppressed == 5


async def test_a_broken_audit_does_not_change_the_refusal(site: Site) -> None:
    site.door.broken_audit = True
    async with site.client(Role.VIEWER) as client:
        assert (await client.post("/operator/stop", json={"reason": "x"})).status_code == 403


@pytest.mark.req("LH-API-008")
async def test_forwarding_headers_count_behind_a_declared_proxy_only() -> None:
    forwarded = {"x-forwarded-for": "10.9.9.9, 192.0.2.7", "x-forwarded-host": "ems.example",
                 "x-forwarded-proto": "https"}
    async with served() as site, site.client(None, **forwarded) as client:
        await client.post("/operator/stop", headers={"authorization": "Bearer " + "w" * 40})
        assert site.door.refusals[0].address == "127.0.0.1"
    async with served(listener=replace(LOOPBACK, behind_proxy=True)) as site, site.client(None, **forwarded) as client:
        await client.post("/operator/stop", headers={"authorization": "Bearer " + "w" * 40})
        assert site.door.refusals[0].address == "192.0.2.7"
        signed = await client.post("/session", json={"token": TOKENS[Role.OPERATOR]},
                                   headers={"origin": "https://ems.example"})
        assert "Secure" in signed.headers["set-cookie"]
        assert (await client.get("/assets", headers={"origin": "http://ems.example"})).status_code == 403


@pytest.mark.req("LH-API-007")
async def test_no_token_reaches_the_log(site: Site) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level=0, format="{message} {extra}", backtrace=True)
    wrong = "wrong-token-0123456789"
    try:
        async with site.client(authorization=f"Bearer {wrong}") as client:
            await client.post("/operator/stop", json={"reason": "x"})
        async with site.client() as client:
            await client.post("/session", json={"token": wrong})
            await client.post("/session", json={"token": TOKENS[Role.OPERATOR]})
        async with site.client(Role.OPERATOR) as client:
            await client.post("/operator/stop", json={"reason": "x"})
        async with site.socket(token=wrong) as socket:
            await socket.wait_closed()
    finally:
        logger.remove(sink)
    text = "".join(lines)
    assert "refused" in text
    assert wrong not in text
    assert TOKENS[Role.OPERATOR] not in text


@pytest.mark.req("LH-NF-009")
async def test_security_headers_are_on_every_answer(site: Site) -> None:
    async with site.client() as client:
        for path in ("/", "/health", "/assets", "/nowhere", "/static/nothing.js"):
            headers = (await client.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "server" not in headers
            assert "access-control-allow-origin" not in headers
        assert (await client.get("/health")).headers["cache-control"] == "no-store"
