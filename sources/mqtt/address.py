"""Where a broker is and how to reach it: `mqtt://host[:1883]` in plain TCP, `mqtts://host[:8883]` in verified TLS.

Certificates are always verified, host name included: against `ca` (a PEM file) or, without it, the system's
authorities. Credentials in the URL are refused, because URLs are logged.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class AddressError(ValueError):
    """A URL or a certificate file that cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Address:
    """`tls` None: plain TCP. `str()` is the URL."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtt' if self.tls is None else 'mqtts'}://{host}:{self.port}"


def parse(url: str, ca: str | Path | None = None) -> Address:
    """The address of `url`. Raises `AddressError`; it names neither user nor password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressError("not a URL such as mqtt://host:1883 or mqtts://host:8883") from None
    if parts.scheme not in _PORTS:
        raise AddressError(f"expected mqtt:// or mqtts://, got {parts.scheme or 'no scheme'}")
    if parts.username is not None or parts.password is not None:
        raise AddressError("user and password belong in `user` and `password`, not in the URL")
    if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise AddressError("expected a host and an optional port, nothing after it")
    tls = _context(ca) if parts.scheme == "mqtts" else None
    return Address(parts.hostname, port or _PORTS[parts.scheme], tls)


def _context(ca: str | Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise AddressError(f"the certificate authority in {ca} cannot be read: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
