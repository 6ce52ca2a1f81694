"""Where a broker is and how to reach it: `mqtt://host[:1883]` in plain TCP, `mqtts://host[:8883]` in verified TLS.

Certificates are always verified, host name included: against `ca` (a PEM file) or, without it, the system's
authorities. TLS 1.2 at least.
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


def parse(url: str, ca: str | Path | None = None) -> BrokerAddress:
    """The address of `url`. Raises `config.address.AddressError`, also for a `ca` that cannot be read."""
    found = parse_url(url)
    if found.scheme not in {"mqtt", "mqtts"}:
        raise AddressError("E212", f"a broker is not reached by `{found.scheme}://`", "write `mqtt://` or `mqtts://`")
    return BrokerAddress(found.host, found.port, _context(ca) if found.scheme == "mqtts" else None)


def _context(ca: str | Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        what = f"the certificate authority in `{ca}` cannot be read: {error}"
        raise AddressError("E212", what, "`ca:` is a file of certificates in PEM") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
