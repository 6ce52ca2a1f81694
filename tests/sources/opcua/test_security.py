"""Who may be talked to, and how: policies, certificates, users. Nothing weaker than what is asked for is ever taken."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from asyncua import ua
from cryptography import x509

from sources.opcua.access import Access
from sources.opcua.connection import REFUSED_BACK_OFF, Connection
from sources.opcua.errors import Untrusted
from sources.opcua.session import Session
from tests.real.opcua import CLIENT_URI, SERVER_URI, Served, der, issue, key_pem, pem

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-OPCUA-005")]


class Site(NamedTuple):
    served: Served
    authority: x509.Certificate
    certificate: x509.Certificate
    access: Access
    user: str
    user_key: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    authority = issue("urn:test:ca", authority=True)
    certificate, key = issue(SERVER_URI, by=authority)
    own, own_key = issue(CLIENT_URI)
    user, user_key = issue("urn:test:user")
    served = Served((der(certificate), key_pem(key).encode()), {"ems": "right"}, [der(user)])
    gc.collect()
    gc.freeze()
    ca = tmp_path_factory.mktemp("trust") / "ca.pem"
    ca.write_text(pem(authority[0]))
    access = Access(
        served.url, "Basic256Sha256/SignAndEncrypt", "ems", "right", pem(own) + key_pem(own_key), None, str(ca)
    )
    try:
        yield Site(served, authority[0], certificate, access, pem(user), key_pem(user_key))
    finally:
        gc.unfreeze()
        served.stop()


async def opened(access: Access) -> Session:
    session = Session(access, timeout=5.0, lost=lambda: None)
    try:
        await session.open()
    except BaseException:
        session.abort()
        raise
    return session


@pytest.mark.parametrize(
    "security", ["Basic256Sha256/Sign", "Basic256Sha256/SignAndEncrypt", "Aes256Sha256RsaPss/SignAndEncrypt"]
)
async def test_each_policy_reads_and_writes(site: Site, security: str) -> None:
    node = site.served.variable("power", ua.VariantType.Double, 0.0)
    session = await opened(replace(site.access, security=security))
    await session.write(session.node(node), "float64", 80.5, allowed=lambda: True)
    (got,) = await session.read([session.node(node)])
    assert got.Value is not None
    assert got.Value.Value == 80.5
    await session.goodbye(1.0)


async def test_keys_are_renewed_while_it_goes_on(site: Site) -> None:
    session = await opened(site.access)
    node = session.node("i=2258")
    for _ in range(3):
        await session._client.open_secure_channel(renew=True)
        session._ua.revolve_security_token()
        assert len(await session.read([node])) == 1
    await session.goodbye(1.0)


async def test_a_server_that_offers_only_less_is_refused(served: Served, site: Site) -> None:
    """A downgrade: the server, or somebody in between, offers no security at all."""
    with pytest.raises(Untrusted, match="nothing weaker is taken"):
        await opened(replace(site.access, url=served.url))


async def test_a_certificate_that_nobody_vouches_for_is_refused(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(pem(issue("urn:test:ca", authority=True)[0]))  # the same name, another key
    with pytest.raises(Untrusted, match="nor signed by one that is"):
        await opened(replace(site.access, ca=str(other)))
    other.write_text(pem(site.certificate))  # the server's own, pinned
    await (await opened(replace(site.access, ca=str(other)))).goodbye(1.0)
    other.write_text("nothing")
    with pytest.raises(Untrusted, match="cannot be read"):
        await opened(replace(site.access, ca=str(other)))


async def test_the_first_certificate_is_kept_and_any_other_refused(site: Site, tmp_path: Path) -> None:
    pin = tmp_path / "server-ess.der"
    access = replace(site.access, ca=None, pin=pin)
    await (await opened(access)).goodbye(1.0)
    assert pin.read_bytes() == der(site.certificate)
    await (await opened(access)).goodbye(1.0)
    pin.write_bytes(der(issue(SERVER_URI)[0]))
    with pytest.raises(Untrusted, match="another certificate than the first one"):
        await opened(access)


@pytest.mark.parametrize(
    ("begins", "ends", "what"),
    [
        (timedelta(days=-9), timedelta(days=-2), "ended on"),
        (timedelta(days=2), timedelta(days=9), "begins on"),
        (timedelta(days=-9), timedelta(days=9), ""),
    ],
)
def test_a_certificate_is_good_in_its_days_only(begins: timedelta, ends: timedelta, what: str) -> None:
    today = (datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    access = Access("opc.tcp://h:1", utc_day=lambda: today)
    certificate = der(issue(SERVER_URI, begins=begins, ends=ends)[0])
    if what:
        with pytest.raises(Untrusted, match=what):
            access.trust(certificate)
    else:
        access.trust(certificate)
    with pytest.raises(Untrusted, match="cannot be read"):
        access.trust(b"none")


def test_an_authority_that_is_none_vouches_for_nobody(tmp_path: Path) -> None:
    """A certificate that is no authority's has signed another one: whoever holds a device's key could do that."""
    device = issue("urn:test:device")
    signed, _ = issue(SERVER_URI, by=device)
    (tmp_path / "ca.pem").write_text(pem(device[0]))
    with pytest.raises(Untrusted, match="nor signed"):
        Access("opc.tcp://h:1", ca=str(tmp_path / "ca.pem")).trust(der(signed))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "ess.lan"])
def test_an_authoritys_word_counts_for_the_host_that_it_names(tmp_path: Path, host: str) -> None:
    """One authority signs for every device of a site: the certificate of another device proves nothing."""
    authority = issue("urn:test:ca", authority=True)
    (tmp_path / "ca.pem").write_text(pem(authority[0]))
    access = Access(f"opc.tcp://{host}:4840", ca=str(tmp_path / "ca.pem"))
    other, _ = issue(SERVER_URI, by=authority, host="10.0.0.9")
    with pytest.raises(Untrusted, match=r"made out to 10\.0\.0\.9, not to"):
        access.trust(der(other))
    access.trust(der(issue(SERVER_URI, by=authority, host=host.strip("[]"))[0]))


async def test_a_wrong_password_is_not_tried_until_the_account_is_locked(site: Site) -> None:
    connection = Connection(
        replace(site.access, password="wrong"), clock=asyncio.get_running_loop().time, jitter=lambda: 1.0
    )
    assert await connection.connect() is False
    assert connection._next_delay() == REFUSED_BACK_OFF
    await connection.close()


@pytest.mark.parametrize("apart", [False, True], ids=["one file", "two files"])
async def test_a_user_signs_in_by_certificate(site: Site, apart: bool) -> None:
    own = (site.user, site.user_key) if apart else (site.user + site.user_key, None)
    access = replace(site.access, user=None, password=None, user_certificate=own[0], user_key=own[1])
    session = await opened(access)
    assert len(await session.read([session.node("i=2258")])) == 1
    await session.goodbye(1.0)
    assert "PRIVATE KEY" not in repr(access)


async def test_a_certificate_that_the_server_does_not_know_is_not_tried_on_and_on(site: Site) -> None:
    other, key = issue("urn:test:user")
    access = replace(site.access, user=None, password=None, user_certificate=pem(other), user_key=key_pem(key))
    connection = Connection(access, clock=asyncio.get_running_loop().time, jitter=lambda: 1.0)
    assert await connection.connect() is False
    assert connection._next_delay() == REFUSED_BACK_OFF
    await connection.close()


async def test_a_key_of_another_certificate_and_a_server_that_wants_no_proof_are_refused(
    site: Site, served: Served
) -> None:
    access = replace(site.access, user=None, password=None, user_certificate=site.user)
    with pytest.raises(Untrusted, match="is no RSA key of"):
        await opened(replace(access, user_key=key_pem(issue("urn:test:user")[1])))
    with pytest.raises(Untrusted, match="cannot be read"):
        await opened(access)  # no key at all
    with pytest.raises(Untrusted, match="no proof of the user's key"):
        await opened(replace(access, url=served.url, security=None, user_key=site.user_key))


async def test_a_password_leaves_in_plain_text_only_where_that_is_written(site: Site) -> None:
    """The user policy of this server's open endpoint is encrypted, so the password may go there."""
    for security in (None, "None"):
        session = Session(replace(site.access, security=security, certificate=None), timeout=5.0, lost=lambda: None)
        await session.open()
        await session.goodbye(1.0)


async def test_a_password_in_plain_text_is_refused_and_a_secured_connection_needs_a_certificate() -> None:
    users = Served(None, {"ems": "right"})
    try:
        with pytest.raises(Untrusted, match="plain text"):
            await opened(Access(users.url, None, "ems", "right"))
        await (await opened(Access(users.url, "None", "ems", "right"))).goodbye(1.0)
        with pytest.raises(Untrusted, match="needs `certificate:`"):
            await opened(Access(users.url, "Basic256Sha256/Sign", "ems", "right"))
    finally:
        users.stop()


def test_we_say_the_uri_that_our_certificate_is_made_out_to(site: Site) -> None:
    assert site.access.application_uri() == CLIENT_URI
    assert Access("opc.tcp://h:1").application_uri() == "urn:bess-pipeline:client"
    assert Access("opc.tcp://h:1", certificate="none").application_uri() == "urn:bess-pipeline:client"
    assert "right" in site.access.password  # type: ignore[operator]
    assert "right" not in repr(site.access)
