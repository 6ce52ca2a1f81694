"""A real OPC UA server for tests, in a thread of its own: building its address space takes seconds, so it is shared.

    served = Served(); served.put("x", data_value)        variables below ns=2;s=T, writable unless said otherwise
    served.written                                        (monotonic s, node, variant) of all that clients wrote

Certificates are made here as well: `issue` gives PEM of a certificate with its key.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection, Coroutine
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, TypeVar

from asyncua import Server, ua
from asyncua.common.callback import CallbackType
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.user_managers import UserManager
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

T = TypeVar("T")
SERVER_URI, CLIENT_URI = "urn:test:server", "urn:test:client"
VARIANT = {
    "uint16": ua.VariantType.UInt16, "int16": ua.VariantType.Int16, "uint32": ua.VariantType.UInt32,
    "int32": ua.VariantType.Int32, "uint64": ua.VariantType.UInt64, "int64": ua.VariantType.Int64,
    "float32": ua.VariantType.Float, "float64": ua.VariantType.Double, "bool": ua.VariantType.Boolean,
}  # fmt: skip


class Served:
    """`certificate` and `key` (DER, PEM) switch every security policy on; `users` are name → password.

    `known` are the certificates (DER) of those who sign in by one.
    """

    def __init__(
        self, secured: tuple[bytes, bytes] | None = None, users: dict[str, str] | None = None,
        known: Collection[bytes] = (),
    ) -> None:  # fmt: skip
        self.written: list[tuple[float, str, ua.Variant]] = []
        self.port = 0
        self._secured, self._users, self._known = secured, users, known
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="opcua server", daemon=True)
        self._thread.start()
        self._nodes: dict[str, Any] = {}
        self.server = self.call(self._start())

    def call(self, job: Coroutine[Any, Any, T]) -> T:
        """Run in the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(60.0)

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    def variable(self, name: str, kind: ua.VariantType, value: Any, *, writable: bool = True) -> str:
        """A variable of this type; its node id."""

        async def add() -> None:
            if name not in self._nodes:
                node = ua.NodeId.from_string(f"ns=2;s=T.{name}")
                made = self._nodes[name] = await self._parent.add_variable(node, f"2:{name}", ua.Variant(value, kind))
                if writable:
                    await made.set_writable()

        self.call(add())
        return f"ns=2;s=T.{name}"

    def put(self, name: str, said: ua.DataValue, *, quietly: bool = False) -> None:
        """What the variable says from now on, without any check; `quietly`: no subscriber is told."""

        async def set_it() -> None:
            node = self.server.iserver.aspace._nodes[self._nodes[name].nodeid]
            node.attributes[ua.AttributeIds.Value].value = said
            for handle, told in node.attributes[ua.AttributeIds.Value].datachange_callbacks.items():
                if not quietly:
                    await told(handle, said)

        self.call(set_it())

    def refuse(self, name: str, code: int | None) -> None:
        """Refuse what is written to this variable with a status code; None: take it again."""

        def setter(_node: Any, _attribute: Any, _value: Any) -> None:
            raise ua.uaerrors.UaStatusCodeError(code)  # type: ignore[no-untyped-call]

        node = self.server.iserver.aspace._nodes[self._nodes[name].nodeid]
        node.attributes[ua.AttributeIds.Value].value_setter = None if code is None else setter

    def held(self, name: str) -> ua.Variant:
        """What the variable holds."""
        said = self.server.iserver.aspace.read_attribute_value(self._nodes[name].nodeid, ua.AttributeIds.Value)
        assert said.Value is not None
        return said.Value

    def silence_subscriptions(self) -> None:
        """Forget every subscription without telling anybody, as servers were seen to do."""

        async def forget() -> None:
            for subscription in list(self.server.iserver.subscription_service.subscriptions.values()):
                await subscription.stop()
            self.server.iserver.subscription_service.subscriptions.clear()

        self.call(forget())

    def cut(self) -> None:
        """Close every connection and listen no more; `listen` does it again on the same port."""

        async def end() -> None:
            assert self.server.bserver is not None
            await self.server.bserver.stop()

        self.call(end())

    def listen(self) -> None:
        async def again() -> None:
            listener = BinaryServer(self.server.iserver, "127.0.0.1", self.port, self.server.limits)
            listener.set_policies(self.server._policies)
            await listener.start()
            self.server.bserver = listener

        self.call(again())

    def stop(self) -> None:
        async def end() -> None:
            with contextlib.suppress(Exception):
                await self.server.stop()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)
        self._loop.close()

    async def _start(self) -> Server:
        server = Server(user_manager=_Users(self._users, self._known) if self._users else None)
        await server.init()
        server.set_endpoint("opc.tcp://127.0.0.1:0/")
        await server.set_application_uri(SERVER_URI)
        if self._secured is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        else:
            await server.load_certificate(self._secured[0], "der")
            await server.load_private_key(self._secured[1], format="pem")
        if self._users:
            server.set_identity_tokens([ua.UserNameIdentityToken, *([ua.X509IdentityToken] if self._known else [])])
        await server.register_namespace("urn:test")
        self._parent = await server.nodes.objects.add_object(ua.NodeId.from_string("ns=2;s=T"), "2:T")
        server.subscribe_server_callback(CallbackType.PreWrite, self._note)
        await server.start()
        assert server.bserver is not None
        self.port = server.bserver.port
        return server

    async def _note(self, event: Any, _dispatcher: Any = None) -> None:
        if event.is_external:
            for one in event.request_params.NodesToWrite:
                self.written.append((time.monotonic(), one.NodeId.to_string(), one.Value.Value))


class _Users(UserManager):
    def __init__(self, users: dict[str, str], known: Collection[bytes]) -> None:
        self._users, self._known = users, known

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> Any:
        from asyncua.crypto.permission_rules import User, UserRole

        known = certificate in self._known if username is None else self._users.get(username) == password
        return User(role=UserRole.User, name=username) if known else None


def issue(
    uri: str, *, by: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None, authority: bool = False,
    begins: timedelta = timedelta(days=-1), ends: timedelta = timedelta(days=30), host: str = "127.0.0.1",
) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:  # fmt: skip
    """A certificate made out to `uri` and an address or a name in `.lan`, by an authority or by itself."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, uri)])
    now = datetime.now(UTC)
    place = x509.DNSName(host) if host.endswith(".lan") else x509.IPAddress(ip_address(host))
    said = [x509.UniformResourceIdentifier(uri), place]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by[0].subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName(said), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(True, True, True, True, False, authority, False, False, False), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )  # fmt: skip
    return builder.sign(by[1] if by else key, hashes.SHA256()), key


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: rsa.RSAPrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


Clock = Callable[[], float]
