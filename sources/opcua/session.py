"""One attempt at one session with a server: a new client each time, never used again once it has ended.

    open: socket ─► hello ─► channel ─► session ─► user ─► READY ─► read, write, publish ─► goodbye | abort

* The endpoint is exactly the one that is asked for; nothing weaker is taken. The server's certificate is judged before
  anything of ours is sent (`sources.opcua.access`).
* `write` asks `allowed` and hands the bytes to the socket in the same call: nothing is awaited in between. It sends
  nothing while earlier bytes still wait in the socket.
* `abort` drops the socket with all that has not left (RST). No task outlives it.
* The channel's keys are renewed after three quarters of their life.

Nothing of the library restores a session here: a restored client was seen to hang, and its subscriptions to stay dead.
Errors: `sources.opcua.errors`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeVar

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient
from asyncua.client.ua_session import UaSession
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from config.profile import RegisterType
from sources.opcua.access import Access
from sources.opcua.errors import BadReply, LinkDown, NoReply, OpcuaFault, Rejected, TooLate, Untrusted
from sources.opcua.guard import Guard
from sources.pause import pause

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # every failure is reported by the connection, once

T = TypeVar("T")
STEP_S = 2.0  # of opening: a small server takes a second for its signature
SESSION_MS = 15_000  # a session that nobody ends is kept so long by the server, and servers have few
CHANNEL_MS = 600_000
ALIVE_S = 1.0  # a server that has nothing to tell says so as often
IDLE_S = 0.25
MOST_NODES = 100  # in one request: servers have limits of their own
VARIANT: dict[RegisterType, ua.VariantType] = {
    "uint16": ua.VariantType.UInt16, "int16": ua.VariantType.Int16, "uint32": ua.VariantType.UInt32,
    "int32": ua.VariantType.Int32, "uint64": ua.VariantType.UInt64, "int64": ua.VariantType.Int64,
    "float32": ua.VariantType.Float, "float64": ua.VariantType.Double, "bool": ua.VariantType.Boolean,
}  # fmt: skip
_POLICIES: dict[str, Any] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
#: The server has ended the session or the channel: there is nothing left to ask.
_ENDED = {
    ua.StatusCodes.BadSessionIdInvalid, ua.StatusCodes.BadSessionClosed, ua.StatusCodes.BadSessionNotActivated,
    ua.StatusCodes.BadSecureChannelIdInvalid, ua.StatusCodes.BadSecureChannelClosed, ua.StatusCodes.BadServerHalted,
    ua.StatusCodes.BadShutdown, ua.StatusCodes.BadConnectionClosed, ua.StatusCodes.BadSecurityChecksFailed,
}  # fmt: skip

NodeId = ua.NodeId
Heard = Callable[[list[tuple[int, ua.DataValue]]], None]
_SPACES = ua.NodeId(ua.Int32(ua.ObjectIds.Server_NamespaceArray))


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription: its number at the server, and the longest that it may be silent (s)."""

    number: int
    silent_s: float


class _Session(UaSession):
    """Its publish requests are ours: the library's own loop outlives the connection."""

    def ensure_publish_loop(self) -> None: ...


class Session:
    """`lost` is called once when the other side, or the line, ends what was open."""

    def __init__(self, access: Access, *, timeout: float, lost: Callable[[], None]) -> None:
        self._access, self.place, self._timeout, self._lost = access, access.place, timeout, lost
        self._client = Client(access.url, timeout=STEP_S)
        self._ua: UaClient = self._client.uaclient
        self._session = self._ua.session = _Session(self._ua)
        self._guard: Guard | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard: dict[int, Heard] = {}
        self._spaces: list[str] = []
        self._ended = False

    # --- opening and ending -----------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, secure, sign in. Raises `OpcuaFault`; what was opened until then is dropped by `abort`."""
        client = self._client
        client.name = client.description = "bess-pipeline"
        client.application_uri, client.session_timeout = self._access.application_uri(), SESSION_MS
        client.secure_channel_timeout = CHANNEL_MS
        try:
            if self._access.secured:
                await self._secure()
            await self._connect(self._gone)
            await client.send_hello()
            await client.open_secure_channel()
            await client.create_session()
            await self._sign_in()
            spaces = await self._session.read_attributes([_SPACES], ua.AttributeIds.Value)
        except UaStatusCodeError as error:
            raise Rejected(self.place, error.code, _name(error.code)) from error
        except (TimeoutError, OSError) as error:
            raise LinkDown(self.place, self._foul() or str(error) or "no answer") from error
        except OpcuaFault:
            raise
        except Exception as error:  # what came was no answer: the library raises what it likes about it
            raise BadReply(self.place, self._foul() or repr(error)) from error
        if self._ended:
            raise LinkDown(self.place, self._foul() or "connection lost")
        found = spaces[0].Value.Value if spaces and spaces[0].Value is not None else None
        self._spaces = [str(uri) for uri in found] if isinstance(found, list) else []
        self._start(self._renew())
        self._start(self._publish())

    async def goodbye(self, within_s: float) -> None:
        """End the session at the server as well, so that it does not keep it; then drop the socket."""
        with suppress(Exception):  # whatever it answers, we are gone
            async with asyncio.timeout(within_s):
                await self._session.close_session(delete_subscriptions=True)
        self.abort()

    def abort(self) -> None:
        """Drop the socket and everything that waits for it. Safe to call at any time."""
        self._ended = True
        for task in self._tasks:
            task.cancel()
        self._heard.clear()
        if self._guard is not None:
            self._guard.abort()
        else:
            self._client.disconnect_socket()

    @property
    def ended(self) -> bool:
        return self._ended

    # --- asking -----------------------------------------------------------------------------------------------------

    def node(self, text: str) -> NodeId:
        """The node id of a text; `nsu=` is looked up in this server's own list. Raises `Rejected` without it."""
        if not text.startswith("nsu="):
            return ua.NodeId.from_string(text)
        uri, _, rest = text[4:].partition(";")
        if uri not in self._spaces:
            raise Rejected(self.place, ua.StatusCodes.BadNodeIdUnknown, f"BadNodeIdUnknown: no namespace `{uri}`")
        return ua.NodeId.from_string(f"ns={self._spaces.index(uri)};{rest}")

    async def read(self, nodes: Sequence[NodeId]) -> list[ua.DataValue]:
        """The values of `nodes` with their status and source time stamps. Raises `OpcuaFault`."""
        found: list[ua.DataValue] = []
        for start in range(0, len(nodes), MOST_NODES):
            asked = list(nodes[start : start + MOST_NODES])
            values = [ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value) for node in asked]
            parameters = ua.ReadParameters(0, ua.TimestampsToReturn.Source, values)
            answer = await self._answer(self._session.read(parameters))
            if len(answer) != len(asked):
                raise BadReply(self.place, f"{len(answer)} values instead of {len(asked)}")
            found += answer
        return found

    async def write(self, node: NodeId, kind: RegisterType, raw: float, *, allowed: Callable[[], bool]) -> None:
        """Write one value. `allowed` is asked in the last instruction before the bytes leave.

        Raises `OpcuaFault`; `TooLate` when `allowed` says no: nothing was sent.
        """
        bare = ua.DataValue(ua.Variant(raw, VARIANT[kind]), None)  # many servers take no status and no time stamps
        wanted = ua.WriteValue(NodeId=node, AttributeId=ua.AttributeIds.Value, Value=bare)
        parameters = ua.WriteParameters(NodesToWrite=[wanted])
        if self._guard is None or self._guard.unsent:
            raise NoReply(self.place, "the line takes no more bytes, nothing was sent")
        if not allowed():
            raise TooLate(self.place, "the command's time has passed, nothing was sent")
        # No await between the question above and the socket: the library sends before it first waits.
        answer = await self._answer(self._session.write(parameters))
        if len(answer) != 1:
            raise BadReply(self.place, f"{len(answer)} results instead of 1")
        if not answer[0].is_good():
            raise Rejected(self.place, answer[0].value, _name(answer[0].value))

    # --- being told -------------------------------------------------------------------------------------------------

    async def subscribe(self, nodes: Sequence[NodeId], every_s: float, heard: Heard) -> Subscribed:
        """Have `heard` called with (position in `nodes`, data value) of what changed; with nothing as a sign of life.

        Raises `OpcuaFault`. `Subscribed.silent_s` is the longest the server may say nothing at all.
        """
        wish = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=1000.0 * every_s, RequestedMaxKeepAliveCount=max(1, round(ALIVE_S / every_s)),
            RequestedLifetimeCount=max(10, round(SESSION_MS / 1000.0 / every_s)), PublishingEnabled=True,
        )  # fmt: skip
        made = await self._answer(self._session.create_subscription(wish, _nowhere))
        number = made.SubscriptionId
        self._heard[number] = heard
        for start in range(0, len(nodes), MOST_NODES):
            items = [_item(start + i, node, every_s) for i, node in enumerate(nodes[start : start + MOST_NODES])]
            order = ua.CreateMonitoredItemsParameters(number, ua.TimestampsToReturn.Source, items)
            await self._answer(self._session.create_monitored_items(order))
        alive_s = made.RevisedPublishingInterval / 1000.0 * max(1, made.RevisedMaxKeepAliveCount)
        alive_s = min(max(ALIVE_S, alive_s), SESSION_MS / 1000.0) if isfinite(alive_s) else ALIVE_S
        return Subscribed(number, 1.5 * alive_s + self._timeout)

    async def unsubscribe(self, number: int) -> None:
        """End a subscription. Raises `OpcuaFault`."""
        self._heard.pop(number, None)
        await self._answer(self._session.delete_subscriptions([number]))

    async def _publish(self) -> None:
        """One publish request is always with the server, which answers it when there is something to tell."""
        done: list[ua.SubscriptionAcknowledgement] = []
        while True:
            if not self._heard:
                await pause(IDLE_S)
                continue
            try:
                told = (await self._session.publish(done)).Parameters
                done = []
            except UaError:  # too many requests, or no subscription: the watchdog of the source sees to it
                done = []
                await pause(IDLE_S)
                continue
            message = told.NotificationMessage
            if message.NotificationData:
                done = [ua.SubscriptionAcknowledgement(told.SubscriptionId, message.SequenceNumber)]
            heard = self._heard.get(told.SubscriptionId)
            if heard is not None:
                heard(_changes(message.NotificationData or []))

    # --- below ------------------------------------------------------------------------------------------------------

    async def _answer(self, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await request
        except TimeoutError:
            raise NoReply(self.place, f"no reply within {self._timeout:g} s") from None
        except UaStatusCodeError as error:
            if error.code in _ENDED:
                raise LinkDown(self.place, f"the server ended the session: {_name(error.code)}") from error
            raise Rejected(self.place, error.code, _name(error.code)) from error
        except OSError as error:
            raise LinkDown(self.place, self._foul() or "connection lost while waiting for the reply") from error
        except Exception as error:  # the library raises what it likes about bytes that it cannot read
            raise BadReply(self.place, self._foul() or repr(error)) from error

    async def _secure(self) -> None:
        """Take exactly the endpoint that is asked for, and its certificate if it is to be trusted."""
        policy, _, mode = str(self._access.security).partition("/")
        if self._access.certificate is None:
            raise Untrusted(self.place, "a secured connection needs `certificate:` and its key")
        offered = await self._offered()
        wanted = ua.MessageSecurityMode[mode]
        endpoint = next(
            (e for e in offered if e.SecurityMode == wanted and e.SecurityPolicyUri == _POLICIES[policy].URI), None
        )
        if endpoint is None:
            raise Untrusted(self.place, f"the server does not offer {self._access.security}; nothing weaker is taken")
        der = bytes(endpoint.ServerCertificate or b"")
        self._access.trust(der)
        own = self._access.certificate.encode()
        key = (self._access.key or self._access.certificate).encode()
        await self._client.set_security(
            _POLICIES[policy], CertProperties(own, "pem"), CertProperties(key, "pem"), None,
            CertProperties(der, "der"), wanted,
        )  # fmt: skip

    async def _offered(self) -> list[ua.EndpointDescription]:
        """Its endpoints, asked for over a connection of their own: who answers is not known yet."""
        client = self._client
        await self._connect(_nobody)
        try:
            await client.send_hello()
            await client.open_secure_channel()
            offered = await client.get_endpoints()
            await client.close_secure_channel()
        finally:
            client.disconnect_socket()
        return offered

    async def _sign_in(self) -> None:
        """As the user that we are. Raises `Untrusted` when the server asks for less than that should prove."""
        identity = self._access.user_identity()
        if identity is not None:
            if self._unproved(ua.UserTokenType.Certificate):
                raise Untrusted(self.place, "the server wants no proof of the user's key; set `security`")
            certificate, self._client.user_private_key = identity
            await self._client.activate_session(certificate=certificate)
            return
        self._plain_password()
        await self._client.activate_session(self._access.user, self._access.password)

    def _plain_password(self) -> None:
        """Raises `Untrusted` when a password would leave in plain text and nobody has written `security: None`."""
        secret = str(self._access.security).endswith("/SignAndEncrypt")  # what is only signed can be read
        allowed = secret or self._access.security == "None"
        if self._access.user and not allowed and self._unproved(ua.UserTokenType.UserName):
            raise Untrusted(self.place, "the server wants the password in plain text; set `security`")

    def _unproved(self, token: ua.UserTokenType) -> bool:
        """Whether the server's policy for such a token neither encrypts nor signs."""
        asked = self._client.server_policy(token).SecurityPolicyUri
        return asked in (None, "", security_policies.SecurityPolicyNone.URI)

    async def _connect(self, lost: Callable[[], None]) -> None:
        """A socket whose first byte goes through the guard already."""

        def guarded() -> asyncio.Protocol:
            protocol = UaClient._make_protocol(self._ua)
            made = protocol.connection_made

            def begin(transport: asyncio.Transport) -> None:
                made(transport)
                self._guard = Guard(transport, protocol, lost)

            protocol.connection_made = begin  # type: ignore[method-assign]
            return protocol

        self._ua._make_protocol = guarded  # type: ignore[method-assign, assignment]
        await self._client.connect_socket()
        if self._ended and self._guard is not None:
            self._guard.abort()

    def _gone(self) -> None:
        if not self._ended:
            self._ended = True  # also while it is being opened, when nobody else knows of it yet
            self._lost()

    def _foul(self) -> str:
        return "" if self._guard is None else self._guard.foul

    async def _renew(self) -> None:
        """New keys before the old ones end. Without them the server drops the channel, and `lost` says so."""
        while True:
            await pause(0.75 * self._client.secure_channel_timeout / 1000.0)
            await self._client.open_secure_channel(renew=True)
            self._ua.revolve_security_token()

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job, name=f"opcua {self.place}")
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._gone()


def _item(handle: int, node: NodeId, every_s: float) -> ua.MonitoredItemCreateRequest:
    wanted = ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value)
    how = ua.MonitoringParameters(
        ClientHandle=handle, SamplingInterval=1000.0 * every_s, QueueSize=1, DiscardOldest=True
    )
    return ua.MonitoredItemCreateRequest(wanted, ua.MonitoringMode.Reporting, how)


def _changes(notes: Sequence[object]) -> list[tuple[int, ua.DataValue]]:
    """(handle, data value) of all that changed; what a notification says besides is the server's affair."""
    return [
        (item.ClientHandle, item.Value)
        for note in notes
        if isinstance(note, ua.DataChangeNotification)
        for item in note.MonitoredItems or []
        if item.Value is not None
    ]


def _nowhere(_told: object) -> None:
    """The library's own dispatch, which is not used."""


def _nobody() -> None:
    """Who has to know that a connection is gone which was to end anyway."""


def _name(code: int) -> str:
    return str(ua.StatusCode(ua.UInt32(code)).name)
