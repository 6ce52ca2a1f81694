"""Who a broker is and who we are: TLS against its authority, users, our own certificate, and no secret in a log."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from config.address import AddressError
from sources.mqtt.address import parse
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto, require
from tests.real.until import until

pytestmark = pytest.mark.integration


@pytest.mark.req("LH-API-008")
async def test_tls_is_verified_and_users_are_checked(tmp_path: Path, connecting: Connecting) -> None:
    require()
    with Mosquitto(tmp_path, tls=True, users={"ems": "right"}) as server:
        async with connecting(server, ca=server.ca, user="ems", password="right") as broker:
            await until(lambda: broker.connected)
        async with connecting(server, ca=server.ca, user="ems", password="wrong") as broker:
            await until(lambda: broker.counters.failures)
            assert not broker.connected
        async with connecting(server, user="ems", password="right") as broker:  # the system does not know this CA
            await until(lambda: broker.counters.failures)
            assert not broker.connected
    with pytest.raises(AddressError, match="cannot be read"):
        parse("mqtts://localhost", tmp_path / "missing.crt")


@pytest.mark.req("LH-API-008")
async def test_a_broker_that_asks_for_our_certificate_is_shown_it(tmp_path: Path, connecting: Connecting) -> None:
    """With it we are let in, also with the key in the same file; without it, or with another's, we are not."""
    require()
    with Mosquitto(tmp_path, tls=True, options={"require_certificate": "true"}) as server:
        certificate, key = server.client("ems")
        both = tmp_path / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        for shown in ((certificate, key), (both, None)):
            async with connecting(server, ca=server.ca, client=shown) as broker:
                await until(partial(getattr, broker, "connected"))
        async with connecting(server, ca=server.ca) as broker:
            await until(lambda: broker.counters.failures)
            assert not broker.connected
    with pytest.raises(AddressError, match="client certificate cannot be used"):
        parse("mqtts://localhost", client=(certificate, server.directory / "server.key"))


async def test_passwords_are_never_logged(
    tmp_path: Path, connecting: Connecting, logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    require()
    caplog.set_level("DEBUG")
    with Mosquitto(tmp_path, users={"ems": "right"}) as server:
        async with connecting(server, user="ems", password="s3cr3t-wrong") as broker:
            await until(lambda: broker.counters.failures)
            everything = "\n".join([*logged, caplog.text, repr(broker._identity), str(vars(broker))])
    assert "cannot connect" in everything
    assert "s3cr3t" not in everything
