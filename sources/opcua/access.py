"""How a server is reached: where it is, how the channel is secured, who we are, and whom we trust to be the server.

    security absent or `None`   plain; a password then leaves in plain text only where `None` is written out
    Policy/Mode                 that endpoint and no other, with our certificate; nothing weaker is ever taken instead
    ca                          the server's certificate is in that file, or signed by one that is, for that host
    without ca                  the first certificate seen is kept in `pin`; any other is refused while it is there
    user and password           or a user's own certificate, whose key signs what the server says in that session

A certificate is good on whole days: `utc_day` numbers today, since no clock is read here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from loguru import logger

from config.address import parse_url
from sources.opcua.errors import Untrusted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
APPLICATION = "urn:bess-pipeline:client"


@dataclass(frozen=True, slots=True)
class Access:
    """Certificates and keys are PEM; a key may stand in its certificate's file. `security` is "Policy/Mode"."""

    url: str
    security: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    ca: str | None = None
    pin: Path | None = None
    utc_day: Callable[[], int] | None = None
    user_certificate: str | None = field(default=None, repr=False)
    user_key: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        address = parse_url(self.url)
        host = f"[{address.host}]" if ":" in address.host else address.host
        return f"{host}:{address.port}"

    @property
    def secured(self) -> bool:
        return self.security not in (None, "None")

    def trust(self, der: bytes) -> None:
        """Raises `Untrusted` unless this is the certificate of the server that we mean."""
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError as error:
            raise Untrusted(self.place, f"its certificate cannot be read: {error}") from error
        self._check_dates(certificate)
        if self.ca is not None:
            self._check_issued(certificate)
        elif self.pin is not None:
            self._check_pinned(der)

    def user_identity(self) -> tuple[x509.Certificate, RSAPrivateKey] | None:
        """The certificate of the user that we are, with its key. Raises `Untrusted` when they are none."""
        if self.user_certificate is None:
            return None
        try:
            certificate = x509.load_pem_x509_certificate(self.user_certificate.encode())
            key = load_pem_private_key((self.user_key or self.user_certificate).encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Untrusted(self.place, f"`user_certificate` and its key cannot be read: {error}") from error
        if not isinstance(key, RSAPrivateKey) or key.public_key() != certificate.public_key():
            raise Untrusted(self.place, "`user_key` is no RSA key of `user_certificate`")
        return certificate, key

    def application_uri(self) -> str:
        """The URI that our certificate is made out to: servers compare it with what we say."""
        if self.certificate is None:
            return APPLICATION
        try:
            names = x509.load_pem_x509_certificate(self.certificate.encode()).extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
            uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
        except (ValueError, x509.ExtensionNotFound):
            return APPLICATION
        return uris[0] if uris else APPLICATION

    def _check_dates(self, certificate: x509.Certificate) -> None:
        if self.utc_day is None:
            return
        today = _EPOCH + timedelta(days=self.utc_day())
        if certificate.not_valid_after_utc < today:
            raise Untrusted(self.place, f"its certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d}")
        if certificate.not_valid_before_utc >= today + timedelta(days=1):
            raise Untrusted(self.place, f"its certificate begins on {certificate.not_valid_before_utc:%Y-%m-%d}")

    def _check_issued(self, certificate: x509.Certificate) -> None:
        try:
            known = x509.load_pem_x509_certificates(Path(str(self.ca)).read_bytes())
        except (OSError, ValueError) as error:
            raise Untrusted(self.place, f"the certificates in `{self.ca}` cannot be read: {error}") from error
        if certificate in known:
            return
        if not any(_issued(certificate, one) for one in known):
            raise Untrusted(self.place, f"its certificate is not in `{self.ca}`, nor signed by one that is")
        host, hosts = parse_url(self.url).host.lower(), _hosts(certificate)
        if host not in hosts:  # one authority signs for many devices: that of another one is no proof of this one
            named = ", ".join(hosts) or "no host"
            raise Untrusted(self.place, f"its certificate is made out to {named}, not to {host}")

    def _check_pinned(self, der: bytes) -> None:
        pin = Path(str(self.pin))
        try:
            if not pin.exists():
                pin.write_bytes(der)
                logger.warning("opcua {}: nothing vouches for its certificate; kept in {} and trusted", self.place, pin)
            if pin.read_bytes() == der:
                return
        except OSError as error:
            raise Untrusted(self.place, f"its certificate cannot be kept in {pin}: {error.strerror}") from error
        raise Untrusted(self.place, f"another certificate than the first one seen; remove {pin} if that is meant")


def _hosts(certificate: x509.Certificate) -> list[str]:
    """The names and addresses that a certificate is made out to (OPC 10000-4, 6.1.3: the host's name is compared)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*map(str.lower, names.get_values_for_type(x509.DNSName)), *map(str, addresses)]


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        authority = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return authority
