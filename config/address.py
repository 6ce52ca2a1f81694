"""Addresses: `connect:` and `url:` URLs, listeners, topics, parsed and refused by one set of rules.

    modbus-tcp://10.20.0.11:502/1      host, port (502), unit 1..247 or 255
    modbus-tcp://10.20.0.11:502/1-9,20 the same, one of these units, at most 20: it is found by what it says
    modbus-tls://10.20.0.11:802/1      the same over TLS, host, port (802); named under `connections:`
    mqtt://broker:1883, mqtts://…      host, port (1883, 8883)
    opc.tcp://10.0.0.22:4840           host, port (4840), path
    postgresql://db:5432/ems           host, port (5432), database; `?host=/run/postgresql` for a socket
    https://cloud.example/sites/n      where documents are pushed (`parse_push`): host, port (443, 80), path

A password never stands in a URL (E211). Errors are `AddressError` with a code; no message repeats the URL.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

PORTS = {"modbus-tcp": 502, "modbus-tls": 802, "mqtt": 1883, "mqtts": 8883, "postgresql": 5432, "opc.tcp": 4840}
MODBUS = ("modbus-tcp", "modbus-tls")
PUSH_PORTS = {"https": 443, "http": 80}
MOST_UNITS = 20  # each that is silent takes a time-out to be asked
LATER_SCHEMES = frozenset({"modbus-rtu", "sim", "replay"})

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_SOME_UNITS = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")
_SOCKET = re.compile(r"/[^,\x00-\x20]*")
_THIS_MACHINE = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_PATH = re.compile(r"[!$&-;=@A-Z_a-z~%]*")
_TOPIC = re.compile(r"[^\x00-\x20\x7f+#/$][^\x00-\x20\x7f+#]{0,199}")


class AddressError(ValueError):
    """A text that is not the address asked for: code (E211, E212, E216, E217), what is wrong, how to write it."""

    def __init__(self, code: str, message: str, how: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = how


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL. `unit` is the Modbus unit, 0 when it is one of `units`, `database` a PostgreSQL name.

    `user` is from the URL, never a password.
    """

    scheme: str
    host: str
    port: int
    unit: int = 0
    database: str = ""
    user: str = ""
    units: tuple[int, ...] = ()


def parse_url(text: str) -> Address:
    """The address in a URL. Raises `AddressError`."""
    try:
        parts = urlsplit(text)
        port, query = parts.port, parse_qs(parts.query)
    except ValueError:
        raise AddressError("E212", "this is not a URL", "write `scheme://host:port`; the port is 1 to 65535") from None
    if parts.password or "password" in query or (parts.username and parts.scheme != "postgresql"):
        raise AddressError("E211", "credentials in a URL", "write `user:` and `password: !secret name` beside the URL")
    if parts.scheme not in PORTS:
        what = "is not supported in this version" if parts.scheme in LATER_SCHEMES else "is not known"
        known = ", ".join(f"`{scheme}://`" for scheme in PORTS)
        raise AddressError("E212", f"the scheme `{parts.scheme[:20]}` {what}", f"possible here: {known}")
    socket = parts.scheme == "postgresql" and "host" in query
    odd = list(query) != ["host"] or len(query["host"]) > 1 or not _SOCKET.fullmatch(query["host"][0])
    if parts.scheme == "postgresql" and parts.query and odd:
        raise AddressError("E212", "only a socket's folder stands behind `?`", "e.g. `?host=/run/postgresql`")
    if not socket and not _HOST.fullmatch(parts.hostname or ""):
        raise AddressError("E212", "the URL names no host", f"write `{parts.scheme}://host:{PORTS[parts.scheme]}`")
    if port == 0:
        raise AddressError("E212", "port 0 cannot be connected to", f"usually `{PORTS[parts.scheme]}`")
    host = query["host"][0] if socket else (parts.hostname or "")
    address = Address(parts.scheme, host, port or PORTS[parts.scheme], user=parts.username or "")
    return _with_path(address, parts.path.strip("/"), bool(parts.fragment) or bool(query and not socket))


def _with_path(address: Address, path: str, surplus: bool) -> Address:
    if address.scheme in MODBUS:
        units = () if surplus else _units(path)
        if not units:
            how = f"write `{address.scheme}://host:{address.port}/1`; units are 1 to 247, or 255; `1-9`: one of them"
            raise AddressError("E212", "the URL ends in no unit, nor in units of which it is one", how)
        if len(units) == 1:
            return Address(address.scheme, address.host, address.port, unit=units[0])
        return Address(address.scheme, address.host, address.port, units=units)
    if address.scheme == "postgresql":
        if not path or "/" in path:
            raise AddressError("E212", "the URL names no database", "write `postgresql://host:5432/database`")
        return Address(address.scheme, address.host, address.port, database=path, user=address.user)
    if address.scheme == "opc.tcp" and not surplus:
        return address
    if path or surplus:
        raise AddressError("E212", "a broker's URL ends with its port", "write the topic under `topic:`")
    return address


def _units(path: str) -> tuple[int, ...]:
    """The units in `1`, `1-9` or `1-9,20`; none when one is no unit, twice there, or they are too many to be asked."""
    found: list[int] = []
    for part in path.split(","):
        match = _SOME_UNITS.fullmatch(part)
        if match is None or len(found) > MOST_UNITS:
            return ()
        first, last = int(match[1]), int(match[2] or match[1])
        found += range(first, last + 1)[: MOST_UNITS + 1]
        if last < first:
            return ()
    good = all(1 <= unit <= 247 or unit == 255 for unit in found)
    return tuple(found) if good and len(set(found)) == len(found) <= MOST_UNITS else ()


def parse_push(text: str) -> Address:
    """The address in a URL that documents are pushed to. Raises `AddressError`: a query may hold a key."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError("E212", "this is not a URL", "write `https://host/path`; a port is 1 to 65535") from None
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise AddressError("E211", "credentials or a query in a URL", "write `token: !secret name` beside the URL")
    if parts.scheme not in PUSH_PORTS or not _HOST.fullmatch(parts.hostname or "") or port == 0:
        raise AddressError("E212", "this is nowhere to push to", "write `https://host/path`")
    if not _PATH.fullmatch(parts.path) or any(ord(letter) <= 32 for letter in text):
        raise AddressError("E212", "the path has characters that a URL cannot have", "write them as `%20`")
    return Address(parts.scheme, parts.hostname or "", port or PUSH_PORTS[parts.scheme])


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of a listener, e.g. `127.0.0.1:8088` or `[::1]:8088`; port 0 takes a free one."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:
        raise AddressError("E216", "expected an address to listen on", "write host and port, e.g. `127.0.0.1:8088`")
    return match[1] or match[2], int(match[3])


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def canonical_host(host: str) -> str:
    """One spelling per machine, as far as a name says it: `10.1`, `0x0a000001` and `::ffff:10.0.0.1` are `10.0.0.1`.

    This machine is `loopback`, whatever it is called. Names are not looked up.
    """
    text = host.casefold().rstrip(".")
    number = _shorthand(text)
    try:
        ip = ipaddress.ip_address(text if number is None else number)
    except ValueError:
        return "loopback" if text in _THIS_MACHINE or text.endswith(".localhost") else text
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return "loopback" if ip.is_loopback or ip.is_unspecified else str(ip)


def _shorthand(text: str) -> int | None:
    """The IPv4 address that resolvers make of one to four numbers, decimal, octal or hexadecimal."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4 or not all(re.fullmatch(r"0x[0-9a-f]+|[0-9]+", part) for part in parts):
        return None
    try:
        numbers = [int(part, 16 if part[:2] == "0x" else 8 if part[0] == "0" else 10) for part in parts]
    except ValueError:
        return None
    *high, low = numbers
    if any(number > 255 for number in high) or low >= 256 ** (4 - len(high)):
        return None
    return sum(number << 8 * (3 - place) for place, number in enumerate(high)) + low


def check_topic(text: str) -> str:
    """`text` if it is an MQTT topic to publish on or to read from: no wildcards, spaces or outer slashes."""
    if _TOPIC.fullmatch(text) and not text.endswith("/") and "//" not in text:
        return text
    raise AddressError("E217", "this is not a topic", "write e.g. `site/state`: no `+`, `#`, `$`, spaces or outer `/`")


def canonical_topic(topic: str) -> str:
    """One spelling per topic for whoever is careless with letters: case, width and percent signs make no difference."""
    return unicodedata.normalize("NFKC", unquote(topic)).casefold()


def reaches(first: str, second: str) -> bool:
    """Whether two topics are the same or one stands below the other, for the most careless of readers."""
    first, second = canonical_topic(first), canonical_topic(second)
    return first == second or first.startswith(f"{second}/") or second.startswith(f"{first}/")
