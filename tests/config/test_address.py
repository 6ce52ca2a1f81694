from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.address import Address, AddressError, check_topic, is_loopback, parse_listen, parse_url, reaches

pytestmark = pytest.mark.req("LH-CONF-001")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("modbus-tcp://10.20.0.11:502/1", Address("modbus-tcp", "10.20.0.11", 502, unit=1)),
        ("modbus-tcp://gateway/255", Address("modbus-tcp", "gateway", 502, unit=255)),
        ("modbus-tcp://gateway/1-3,20", Address("modbus-tcp", "gateway", 502, units=(1, 2, 3, 20))),
        ("modbus-tls://gateway/7", Address("modbus-tls", "gateway", 802, unit=7)),
        ("modbus-tcp://gateway/7-7", Address("modbus-tcp", "gateway", 502, unit=7)),
        ("modbus-tcp://gateway/1-20", Address("modbus-tcp", "gateway", 502, units=tuple(range(1, 21)))),
        ("modbus-tcp://[fe80::1]:1502/7", Address("modbus-tcp", "fe80::1", 1502, unit=7)),
        ("mqtt://127.0.0.1:1883", Address("mqtt", "127.0.0.1", 1883)),
        ("mqtts://broker.lan", Address("mqtts", "broker.lan", 8883)),
        ("postgresql://db.lan:5433/ems", Address("postgresql", "db.lan", 5433, database="ems")),
        (
            "postgresql://ems@/ems?host=%2Frun%2Fpostgresql",
            Address("postgresql", "/run/postgresql", 5432, database="ems", user="ems"),
        ),
    ],
)
def test_a_url_is_taken_apart(text: str, address: Address) -> None:
    assert parse_url(text) == address


@given(st.text(max_size=60) | st.from_regex(r"(modbus-tcp|mqtt|mqtts|postgresql)://[!-~]{0,30}", fullmatch=True))
def test_any_text_is_an_address_or_a_refusal_that_does_not_repeat_it(text: str) -> None:
    try:
        address = parse_url(text)
    except AddressError as refusal:
        secret = text.partition("://")[2]
        assert len(secret) < 8 or secret not in refusal.message + refusal.help  # noqa: PT017
    else:
        assert 1 <= address.port <= 65535
        assert address.host


def test_listeners() -> None:
    assert parse_listen("127.0.0.1:0") == ("127.0.0.1", 0)
    assert parse_listen("[::1]:8088") == ("::1", 8088)
    for text in ("8088", ":8088", "a:b", "::1:8088", "127.0.0.1:65536", "127.0.0.1:8088/x", ""):
        with pytest.raises(AddressError):
            parse_listen(text)


@pytest.mark.req("LH-API-008")
def test_loopback_is_this_machine_only() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.lan", "127.0.0.1.lan", ""))


def test_topics() -> None:
    assert check_topic("demo/poc/meter") == "demo/poc/meter"
    for text in ("", "/a", "a/", "a//b", "a/+", "#", "$SYS", "a b", "a\n", "a" * 201):
        with pytest.raises(AddressError):
            check_topic(text)
    assert reaches("a/b", "a/b")
    assert reaches("a", "a/b")
    assert reaches("a/b/c", "a/b")
    assert not reaches("a/bc", "a/b")
