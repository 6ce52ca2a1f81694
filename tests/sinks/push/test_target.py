"""One POST to a real server: what it says of itself, whom it trusts, and that every bad server ends in an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPMessage
from pathlib import Path

import pytest

from sinks.push.target import Answer, Target, retry_after
from tests.real.collector import Behaviour, Collector, Says, dripping, reset, silent
from tests.real.mosquitto import certificates, free_port
from tests.real.until import until

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-CONF-004")]

TOKEN = "a-token-that-nobody-may-see"


@pytest.fixture
def server() -> Iterator[Collector]:
    with Collector() as made:
        yield made


def test_a_document_is_posted_with_its_key_and_the_token(server: Collector) -> None:
    answer = Target(server.url, TOKEN).post(b'{"seq":1}', "north/boot/1")
    assert answer == Answer(200)
    (posted,) = server.posted
    assert (posted.path, posted.document, posted.key) == ("/north", {"seq": 1}, '"north/boot/1"')
    assert posted.headers["Authorization"] == f"Bearer {TOKEN}"
    assert posted.headers["Host"] == f"127.0.0.1:{server.port}"
    assert posted.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (204, Answer(204)),
        (500, Answer(500, "it answers 500")),
        (Says(429, {"Retry-After": "7"}), Answer(429, "it answers 429", 7.0)),
        (Says(503, {"Retry-After": "99999999999"}), Answer(503, "it answers 503", 3600.0)),
        (reset, Answer(0, "it cannot be reached: Connection reset by peer")),
        (silent, Answer(0, "no answer in time")),
    ],
)
def test_every_answer_is_told(server: Collector, behaviour: Behaviour, expected: Answer) -> None:
    server.script.append(behaviour)
    assert Target(server.url, TOKEN, timeout_s=0.3).post(b"{}", "k") == expected


@pytest.mark.req("LH-API-008")
def test_no_redirect_is_followed_so_that_no_other_host_gets_token_or_measurements(server: Collector) -> None:
    with Collector() as other:
        for status in (301, 302, 307, 308):
            server.script.append(Says(status, {"Location": other.url}))
            assert Target(server.url, TOKEN).post(b"{}", "k") == Answer(status, f"it answers {status}")
        assert other.posted == []
    assert len(server.posted) == 4


@pytest.mark.req("LH-API-008")
def test_no_proxy_of_the_environment_is_asked(server: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert Target(server.url).post(b"{}", "k").status == 200


@pytest.mark.safety
@pytest.mark.req("LH-ZIEL-002")
def test_a_name_that_leads_to_a_device_gets_nothing(server: Collector) -> None:
    """`check` looks no names up: the address is compared when it is known (S2)."""
    url = server.url.replace("127.0.0.1", "localhost")
    answer = Target(url, TOKEN, never={"loopback"}).post(b"{}", "k")
    assert answer == Answer(0, "its name leads to a device: nothing is sent")
    assert server.posted == []


def test_a_server_that_is_not_there_is_an_answer() -> None:
    answer = Target(f"http://127.0.0.1:{free_port()}/north", TOKEN).post(b"{}", "k")
    assert answer == Answer(0, "it cannot be reached: Connection refused")


async def test_a_server_that_drips_is_ended_from_another_thread(server: Collector) -> None:
    server.script.append(dripping)
    target = Target(server.url, timeout_s=5.0)
    pushed = asyncio.ensure_future(asyncio.to_thread(target.post, b"{}", "k"))
    await until(lambda: server.posted)
    target.abort()
    assert (await pushed).status == 0
    await until(server.left.is_set)


@pytest.mark.req("LH-API-008")
def test_tls_is_verified_against_the_authority_alone_and_by_name(tmp_path: Path) -> None:
    """Without `ca` the system's authorities do not know it; a certificate for another name gets nothing."""
    certificates(tmp_path)
    ca = str(tmp_path / "ca.crt")
    with Collector(certificates=tmp_path) as server:
        assert Target(server.url, TOKEN, ca).post(b"{}", "k") == Answer(200)
        unknown = Target(server.url, TOKEN).post(b"{}", "k")
        assert len(server.posted) == 1
    certificates(tmp_path, "DNS:other.example")
    with Collector(certificates=tmp_path) as server:
        other = Target(server.url, TOKEN, ca).post(b"{}", "k")
        assert server.posted == []
    assert unknown.status == other.status == 0
    assert unknown.why.startswith("its certificate is refused: unable to get local issuer")
    assert other.why.startswith("its certificate is refused: Hostname mismatch")


def test_an_authority_that_cannot_be_read_is_an_answer_until_it_can(tmp_path: Path) -> None:
    certificates(tmp_path)
    with Collector(certificates=tmp_path) as server:
        target = Target(server.url, TOKEN, str(tmp_path / "late.crt"))
        assert target.post(b"{}", "k") == Answer(0, "the certificates of `ca` cannot be read")
        (tmp_path / "late.crt").write_bytes((tmp_path / "ca.crt").read_bytes())
        assert target.post(b"{}", "k") == Answer(200)


@pytest.mark.parametrize("token", ["two\r\nlines: of it", "schlüssel", "nul\0"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ValueError, match="cannot carry") as refused:
        Target("https://cloud.example/north", token)
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("told", "date", "wait_s"),
    [
        ("0", None, 0.0),
        ("120", None, 120.0),
        ("Fri, 20 Nov 2026 10:00:30 GMT", "Fri, 20 Nov 2026 10:00:00 GMT", 30.0),
        ("Fri, 20 Nov 2026 10:00:00 GMT", "Fri, 20 Nov 2026 10:00:30 GMT", 0.0),
        ("Fri, 20 Nov 2026 10:00:30 GMT", None, None),
        ("soon", None, None),
        ("-5", None, None),
        ("٣", None, None),
        (None, None, None),
    ],
)
def test_the_wait_that_a_server_asks_for_needs_no_clock_of_ours(
    told: str | None, date: str | None, wait_s: float | None
) -> None:
    headers: Message = HTTPMessage()
    for name, value in (("Retry-After", told), ("Date", date)):
        if value is not None:
            headers[name] = value
    assert isinstance(headers, HTTPMessage)
    assert retry_after(headers) == wait_s
