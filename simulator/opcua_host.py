"""An OPC UA server in memory: sessions, subscriptions, values with status codes and source time stamps; no stack.

    read, write, subscribe ─► OpcuaHost ─► OpcuaStation ─► Plant        what changed ─► every interval ─► told

What goes over the wire is a number of eight bytes per message; the message itself lies in `post`, for whoever got the
number. So a line may lose, delay and cut what it carries, and nothing has to be encoded. A session that asked nothing
for `SESSION_S` is over. Times are s of the loop.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from simulator.opcua_station import CODES, OpcuaStation, Told

SESSION_S = 15.0
ALIVE_S = 1.0
TOKEN = struct.Struct(">Q")


class Wire(Protocol):
    """The way to a client."""

    def send(self, octets: bytes, arrived: Callable[[], None] | None = None) -> None: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    number: int
    what: str  # open, read, write, subscribe, unsubscribe, close
    of: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """To the request of this number; 0: a subscription tells something. `noted` is called by whoever used it."""

    number: int
    found: Any = None
    code: int = 0
    noted: Callable[[], None] | None = None


@dataclass(eq=False)
class Subscription:
    number: int
    nodes: tuple[str, ...]
    every_s: float
    told: dict[str, Told] = field(default_factory=dict)
    quiet_s: float = 0.0


@dataclass(eq=False)
class Client:
    """One connection. `known` until the server forgets its session."""

    wire: Wire
    gathered: bytes = b""
    known: bool = False
    asked_s: float = 0.0
    subscriptions: dict[int, Subscription] = field(default_factory=dict)


class OpcuaHost:
    """`stations` by the beginning of their node ids. `quiet`: no notification any more; `deaf`: signs of life alone."""

    def __init__(self, now: Callable[[], float], later: Callable[..., object]) -> None:
        self.stations: dict[str, OpcuaStation] = {}
        self.clients: list[Client] = []
        self.quiet = self.deaf = False
        self._now, self._later = now, later
        self._post: dict[int, Any] = {}
        self._number = 0

    # --- the wire -----------------------------------------------------------------------------------------------------

    def posted(self, message: Any) -> bytes:
        """What stands for the message on the wire."""
        self._number += 1
        self._post[self._number] = message
        return TOKEN.pack(self._number)

    def opened(self, gathered: bytes) -> tuple[list[Any], bytes]:
        """The messages in these bytes, and what is left of them."""
        whole = len(gathered) // TOKEN.size * TOKEN.size
        numbers = (TOKEN.unpack_from(gathered, at)[0] for at in range(0, whole, TOKEN.size))
        return [self._post.pop(number) for number in numbers if number in self._post], gathered[whole:]

    def connected(self, wire: Wire) -> Client:
        self.clients.append(Client(wire))
        return self.clients[-1]

    def ended(self, client: Client) -> None:
        client.known = False
        client.subscriptions.clear()
        if client in self.clients:
            self.clients.remove(client)

    def received(self, client: Client, octets: bytes, sent_s: float) -> None:
        messages, client.gathered = self.opened(client.gathered + octets)
        for request in messages:
            client.asked_s = self._now()
            client.wire.send(self.posted(self._serve(client, request, sent_s)))

    # --- faults -------------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Every connection ends."""
        for client in list(self.clients):
            client.wire.reset()
            self.ended(client)

    def forget(self) -> None:
        """Connections stand, and their sessions are not known any more."""
        for client in self.clients:
            client.known = False
            client.subscriptions.clear()

    # --- services -----------------------------------------------------------------------------------------------------

    def _serve(self, client: Client, request: Request, sent_s: float) -> Reply:
        if request.what == "open":
            client.known = True
        if not client.known:
            return Reply(request.number, code=CODES["BadSessionIdInvalid"])
        if request.what == "read":
            return self._read(request)
        if request.what == "write":
            node, kind, raw = request.of
            return Reply(request.number, code=self._station(node).write(node, kind, raw, sent_s))
        if request.what == "subscribe":
            return Reply(request.number, self._subscribe(client, *request.of))
        if request.what == "unsubscribe":
            client.subscriptions.pop(request.of[0], None)
        return Reply(request.number)

    def _station(self, node: str) -> OpcuaStation:
        return self.stations[node.partition(".")[0]]

    def _read(self, request: Request) -> Reply:
        station = self._station(request.of[0])
        if station.lies.busy or station.lies.exception() is not None:
            return Reply(request.number, code=CODES["BadTooManyOperations"])
        found = {node: station.sample(node) for node in request.of}
        noted = (lambda: station.note(found)) if len(found) > 1 else None  # one point alone is a read-back
        return Reply(request.number, list(found.values()), noted=noted)

    def _subscribe(self, client: Client, nodes: tuple[str, ...], every_s: float) -> int:
        self._number += 1
        client.subscriptions[self._number] = Subscription(self._number, nodes, every_s)
        self._later(every_s, self._publish, client, self._number)
        return self._number

    def _publish(self, client: Client, number: int) -> None:
        """One publishing interval of a subscription, while its session lives."""
        made = client.subscriptions.get(number)
        if made is None or self._now() - client.asked_s > SESSION_S:
            return
        station = self._station(made.nodes[0])
        found = {node: station.sample(node) for node in made.nodes}
        changed = {} if self.deaf else {n: v for n, v in found.items() if n not in made.told or v.differs(made.told[n])}
        made.told |= changed
        made.quiet_s = 0.0 if changed else made.quiet_s + made.every_s
        if not self.quiet and (changed or made.quiet_s >= ALIVE_S):
            made.quiet_s = 0.0
            news = [(place, found[node]) for place, node in enumerate(made.nodes) if node in changed]
            noted = (lambda: station.note(changed)) if changed else None
            client.wire.send(self.posted(Reply(0, (number, news), noted=noted)))
        self._later(made.every_s, self._publish, client, number)
