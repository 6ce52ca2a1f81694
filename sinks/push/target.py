"""Where an output of type http pushes to: one POST at a time, in the thread of whoever calls, and always an answer.

    post(body, key) ──► new connection, TLS verified ──► Answer(status, why, retry_after_s)      never raises

* Only what is written in the definition is reached: no redirect is followed, no proxy of the environment is asked.
* A name that leads to one of `never`, the devices' addresses, is left before a byte is sent: `check` knows no names.
* TLS 1.2 or newer, certificate and host name verified: against `ca` (a PEM file) or, without it, the system's.
* Nothing that it says names the token, the path, or anything that the server answered but its status.
* Every read and write has a time-out; `abort`, from any thread, ends a server that drips.

`Idempotency-Key` names a document for ever: what is pushed twice can be stored once. Times in s.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPMessage
from urllib.parse import urlsplit

from config.address import canonical_host, parse_push

TIMEOUT_S = 10.0
LONGEST_WAIT_S = 3600.0  # a server that asks for more is asked again then


@dataclass(frozen=True, slots=True)
class Answer:
    """How a push went: `status` is 0 without an answer, `why` says what was wrong, `retry_after_s` what it asked."""

    status: int
    why: str = ""
    retry_after_s: float | None = None


class Target:
    """The server at `url`. `token` is shown as bearer, over the connection alone. `never` are canonical hosts.

    ValueError for a token that no header can carry; it is not repeated.
    """

    def __init__(
        self, url: str, token: str | None = None, ca: str | None = None, timeout_s: float = TIMEOUT_S,
        never: Collection[str] = (),
    ) -> None:  # fmt: skip
        address, parts = parse_push(url), urlsplit(url)
        if token is not None and not (token.isascii() and token.isprintable()):
            raise ValueError("the token has characters that a header cannot carry")
        self.place = f"{address.scheme}://{parts.netloc}"
        self._path = parts.path or "/"
        self._headers = {"Host": parts.netloc, "Content-Type": "application/json", "Connection": "close"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._address, self._tls, self._ca, self._timeout_s = address, address.scheme == "https", ca, timeout_s
        self._never = frozenset(never)
        self._context: ssl.SSLContext | None = None
        self._line: _Line | None = None

    def post(self, body: bytes, key: str) -> Answer:
        """Push one document. Blocks at most for a few time-outs, or until `abort`."""
        try:
            tls = self._verified()
        except (OSError, ssl.SSLError):
            return Answer(0, "the certificates of `ca` cannot be read")
        line = self._line = _Line(self._address.host, self._address.port, self._timeout_s, tls, self._never)
        try:
            line.request("POST", self._path, body, {**self._headers, "Idempotency-Key": f'"{key}"'})
            response = line.getresponse()
            status = response.status
            why = "" if 200 <= status < 300 else f"it answers {status}"
            return Answer(status, why, retry_after(response.headers))
        except (OSError, HTTPException, ValueError, _DeviceError) as error:
            return Answer(0, said(error))
        finally:
            self._line = None
            line.close()

    def abort(self) -> None:
        """End the push under way, if any: it answers soon. From any thread."""
        line = self._line
        if line is not None:
            line.abort()

    def _verified(self) -> ssl.SSLContext | None:
        if self._tls and self._context is None:
            context = ssl.create_default_context(cafile=self._ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._context = context
        return self._context


class _DeviceError(Exception):
    """The name leads to a device."""


class _Line(HTTPConnection):
    """A connection whose socket is known before the handshake, so that it can be ended in it."""

    def __init__(
        self, host: str, port: int, timeout_s: float, tls: ssl.SSLContext | None, never: Collection[str]
    ) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._within_s, self._context, self._never, self._aborted = timeout_s, tls, never, False

    def connect(self) -> None:
        self.sock = socket.create_connection((self.host, self.port), self._within_s)
        if canonical_host(str(self.sock.getpeername()[0])) in self._never:
            raise _DeviceError
        if self._aborted:
            raise TimeoutError
        if self._context is not None:
            tls = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = tls
            tls.do_handshake()
        if self._aborted:
            raise TimeoutError

    def abort(self) -> None:
        self._aborted = True
        if isinstance(self.sock, socket.socket):
            try:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # TLS's own would touch what another thread reads
            except OSError:
                return  # it is closed already


def said(error: Exception) -> str:
    """What went wrong, in words that repeat nothing of what was sent or received."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, _DeviceError):
        return "its name leads to a device: nothing is sent"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be reached: {error.strerror}"
    return f"the connection failed: {type(error).__name__}"


def retry_after(headers: HTTPMessage) -> float | None:
    """The wait that the server asks for (s), at most an hour. A date counts from the server's own, not from ours."""
    told = (headers.get("Retry-After") or "").strip()
    if told.isascii() and told.isdigit():
        return min(float(told[:9]), LONGEST_WAIT_S)
    try:
        wait_s = (parsedate_to_datetime(told) - parsedate_to_datetime(headers.get("Date") or "")).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)
