"""Who is asking: tokens per role, sessions for browsers, and a limit on failed attempts.

    Authorization: Bearer <token>  ──► Keyring ──► Principal(via="token")
    Cookie: bess_session=<id>      ──► Sessions ─► Principal(via="cookie")
    nothing, on a loopback listener that says so ─► Principal(via="anonymous", role=viewer)

Guarantees: there is no default token, and one shorter than 16 characters is refused at start. Only SHA-256 digests of
tokens and session ids are kept; every comparison looks at all digests and takes the same time for each. A digest of a
random token of that length needs no slow hash, so a request costs microseconds and nothing has to leave the loop.
A valid token is never refused because of other people's failures: a stop cannot be locked out.
Time (s) and randomness come in as arguments.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sinks.web.ports import Principal, Role

MIN_TOKEN = 16
MAX_TOKEN = 512
COOKIE = "bess_session"


class WeakTokenError(ValueError):
    """A token that could be guessed, or two roles with the same token. The message never shows it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token from a secret file and what it stands for. `repr` does not show the token."""

    name: str
    role: Role
    token: str = field(repr=False)


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def weak(token: str) -> bool:
    """Whether a token could be guessed, or is of no reasonable length."""
    return not MIN_TOKEN <= len(token.strip()) <= MAX_TOKEN or len(set(token)) < 4


class Keyring:
    """Digests of the tokens. `find` is None for every token that is not one of them."""

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._keys: list[tuple[bytes, Principal]] = []
        for credential in credentials:
            token = credential.token.strip()
            if weak(token):
                raise WeakTokenError(f"the token {credential.name!r} must have {MIN_TOKEN} to {MAX_TOKEN} characters, "
                                     "not all alike: `openssl rand -hex 32` writes a good one")
            key = digest(token)
            if any(hmac.compare_digest(key, known) for known, _ in self._keys):
                raise WeakTokenError(f"the token {credential.name!r} is the same as another one")
            self._keys.append((key, Principal(credential.name, credential.role, "token")))

    def __bool__(self) -> bool:
        return bool(self._keys)

    def find(self, token: str) -> Principal | None:
        if len(token) > MAX_TOKEN:
            return None
        key = digest(token)
        found = None
        for known, principal in self._keys:
            if hmac.compare_digest(key, known):
                found = principal
        return found


@dataclass(frozen=True, slots=True)
class Session:
    principal: Principal
    expires_s: float


class Sessions:
    """Browser sessions in memory: they end after `life_s`, with a logout, and with the process.

    At most `size` of them; the oldest one goes first. The caller sees ids only once, at `open`.
    """

    def __init__(self, clock: Callable[[], float], secret: Callable[[], str], *, life_s: float = 43200.0,
                 size: int = 1000) -> None:
        self._clock = clock
        self._secret = secret
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self.life_s = life_s
        self._size = size

    def open(self, principal: Principal) -> str:
        """Begin a session for somebody who proved a token; returns its id."""
        name = self._secret()
        owner = Principal(principal.name, principal.role, "cookie")
        self._sessions[digest(name)] = Session(owner, self._clock() + self.life_s)
        while len(self._sessions) > self._size:
            self._sessions.popitem(last=False)
        return name

    def find(self, name: str) -> Principal | None:
        if not name or len(name) > MAX_TOKEN:
            return None
        key = digest(name)
        session = self._sessions.get(key)
        if session is None:
            return None
        if self._clock() >= session.expires_s:
            del self._sessions[key]
            return None
        return session.principal

    def close(self, name: str) -> None:
        self._sessions.pop(digest(name), None)


@dataclass(slots=True)
class _Failures:
    count: int
    since_s: float


class Attempts:
    """Counts failed tokens per address: more than `limit` within `window_s` are answered with 429.

    Only failures are counted and only failures are slowed down. At most `size` addresses are remembered.
    """

    def __init__(self, clock: Callable[[], float], *, limit: int = 10, window_s: float = 60.0,
                 size: int = 1000) -> None:
        self._clock = clock
        self._limit = limit
        self._window_s = window_s
        self._size = size
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def fail(self, address: str) -> float:
        """Count a failure. 0 = say that the token is wrong; else the seconds to wait before the next try."""
        now = self._clock()
        entry = self._failures.get(address)
        if entry is None or now - entry.since_s >= self._window_s:
            entry = self._failures[address] = _Failures(0, now)
            self._failures.move_to_end(address)
        entry.count += 1
        while len(self._failures) > self._size:
            self._failures.popitem(last=False)
        if entry.count <= self._limit:
            return 0.0
        return max(1.0, self._window_s - (now - entry.since_s))


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header; None without a header, "" for one that is not `Bearer <token>`."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
