"""Where a request comes from: listener, Host, Origin and, only behind a declared proxy, its forwarding headers.

Guarantees: a page of another site can neither write nor open the websocket (foreign Origin: refused); a foreign name
that resolves to this machine reaches nothing on a loopback listener (foreign Host: refused, the answer to DNS
rebinding). Forwarding headers are read only with `behind_proxy`, and then only their last entry, the proxy's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class ListenRefusedError(ValueError):
    """The listener would be open to others without what protects it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where to listen and what stands in front. `port` 0 takes a free one (tests)."""

    host: str
    port: int
    tls: bool = False
    behind_proxy: bool = False
    anonymous_viewer: bool = False

    @classmethod
    def parse(cls, listen: str, *, tls: bool = False, behind_proxy: bool = False,
              anonymous_viewer: bool = False) -> Listener:
        """`127.0.0.1:8088`, `[::1]:8088`. ValueError says what is wrong."""
        host, _, port = listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"expected an address and a port such as `127.0.0.1:8088`, got `{listen}`")
        return cls(host, int(port), tls, behind_proxy, anonymous_viewer)

    @property
    def loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def anonymous(self) -> bool:
        """Whether reads may come without a token: said so, loopback, and no proxy that could bring strangers."""
        return self.anonymous_viewer and self.loopback and not self.behind_proxy

    def verify(self, *, tokens: bool) -> None:
        """Raise `ListenRefusedError` when others could reach what nothing protects."""
        if self.anonymous_viewer and not self.anonymous:
            raise ListenRefusedError("anonymous viewing is possible on a loopback address without a proxy only, "
                                     f"not on {self.host}")
        if self.loopback and not self.behind_proxy:
            return
        if not tokens:
            raise ListenRefusedError(f"listening on {self.host} needs at least one token")
        if not self.tls and not self.behind_proxy:
            raise ListenRefusedError(f"listening on {self.host} needs TLS, or `behind_proxy: true`")


@dataclass(frozen=True, slots=True)
class Seen:
    """How the client sees us: `origin` ("https://ems.example") and the client's address."""

    origin: str
    address: str


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def seen(listener: Listener, headers: Mapping[str, str], client: tuple[str, int] | None) -> Seen:
    """What the client typed and where it is. Keys of `headers` are lower case or case-insensitive."""
    scheme = "https" if listener.tls else "http"
    host = headers.get("host", "")
    address = client[0] if client else "unknown"
    if listener.behind_proxy:
        scheme = "http" if _last(headers.get("x-forwarded-proto")) == "http" else "https"
        host = _last(headers.get("x-forwarded-host")) or host
        address = _last(headers.get("x-forwarded-for"))[:64] or address
    return Seen(f"{scheme}://{host.lower()}", address)


def foreign_host(listener: Listener, headers: Mapping[str, str]) -> bool:
    """Whether a loopback listener was addressed by a name that is not its own. Any port: it may be tunnelled."""
    if not listener.loopback or listener.behind_proxy:
        return False
    host = headers.get("host", "").lower()
    name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    own = f"[{listener.host}]" if ":" in listener.host else listener.host.lower()
    return name not in LOOPBACK_NAMES and name != own


def foreign_origin(ours: Seen, headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another site asks. No Origin at all is not foreign: no browser page asked."""
    origin = headers.get("origin")
    return origin is not None and origin.lower() != ours.origin


def _last(header: str | None) -> str:
    return (header or "").rpartition(",")[2].strip()
