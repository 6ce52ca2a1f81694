"""Where a broker is and how to reach it: `mqtt://host[:1883]` in plain TCP, `mqtts://host[:8883]` in verified TLS.

Certificates are always verified, host name included: against `ca` (a PEM file) or, without it, the system's
authorities. TLS 1.2 at least. A broker that asks who we are is shown `client`, our own certificate and its key.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from config.address import AddressError, parse_url


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`tls` None: plain TCP. `str()` is the URL."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{host}:{self.port}"


Client = tuple[Path, Path | None]  # certificate and key, both PEM; None: the key is in the certificate's file


def parse(url: str, ca: str | Path | None = None, client: Client | None = None) -> BrokerAddress:
    """The address of `url`. Raises `config.address.AddressError`, also for a file that cannot be read."""
    found = parse_url(url)
    if found.scheme not in {"mqtt", "mqtts"}:
        raise AddressError("E212", f"a broker is not reached by `{found.scheme}://`", "write `mqtt://` or `mqtts://`")
    return BrokerAddress(found.host, found.port, context(ca, client) if found.scheme == "mqtts" else None)


def context(ca: str | Path | None, client: Client | None) -> ssl.SSLContext:
    """What verifies the other side, host name included, and introduces us. Raises `config.address.AddressError`."""
    try:
        made = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        what = f"the certificate authority in `{ca}` cannot be read: {error}"
        raise AddressError("E212", what, "`ca:` is a file of certificates in PEM") from error
    if client is not None:
        try:
            made.load_cert_chain(*client, password="")  # a key with a password is refused, never asked for
        except (OSError, ssl.SSLError) as error:
            what = f"the client certificate cannot be used: {getattr(error, 'reason', None) or type(error).__name__}"
            how = "both in PEM, the key without a password and of this certificate"
            raise AddressError("E212", what, how) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
