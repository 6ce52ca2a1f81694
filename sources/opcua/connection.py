"""One connection to an OPC UA server, shared by the sources and writers of all devices behind it.

    idle ──keep()──► opening ──► session ──write unanswered, two reads unanswered, lost──► dropped ──back-off──► opening

* No retries: a set-point is computed anew by the next tick, never sent again. Replies carry the request's number, so a
  late one answers nothing else; all the same a write without an answer drops the socket with what still waits in it.
* Every attempt is a new client and a new session (`sources.opcua.session`).
* Opening is tried for ever: 0.1 s, doubled up to 2 s, with jitter from outside; 10 s after a refusal of our user or
  of the server's certificate, which more attempts would only turn into a locked account. The delay starts over only
  after a good reply, so that a server that accepts and stays silent is not hammered.

Errors: `sources.opcua.errors`. Three losses caused by the other side within 60 s are reported as a second master.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, TypeVar

from loguru import logger

from config.profile import RegisterType
from sources.opcua.access import Access
from sources.opcua.errors import BadReply, LinkDown, NoReply, OpcuaFault, Rejected, TooLate, Untrusted, Withheld
from sources.opcua.session import NodeId, Session
from sources.opcua.values import Said
from sources.pause import pause

T = TypeVar("T")
MAX_TIMEOUT = 0.4
MAX_BACK_OFF = 2.0
REFUSED_BACK_OFF = 10.0
OPEN_S = 5.0
GOODBYE_S = 0.5
_FIRST_BACK_OFF = 0.1
_MOST_SAID = 8
_MOST_UNANSWERED = 2


class Connection:
    """`clock` is the loop's time (s); `jitter` returns a number in [0, 1). `opens` makes sessions, of whatever kind."""

    opens: ClassVar[Callable[..., Session]] = Session

    def __init__(
        self,
        access: Access,
        *,
        clock: Callable[[], float],
        timeout: float = MAX_TIMEOUT,
        jitter: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self.place = access.place
        self.timeout = min(timeout, MAX_TIMEOUT)
        self.connects = 0
        self.renewed: list[Callable[[], None]] = []  # told before a session is used: no proof counts on
        self._access, self._clock, self._jitter = access, clock, jitter
        self._session: Session | None = None
        self._connecting = asyncio.Lock()
        self._lost = asyncio.Event()
        self._unanswered = 0
        self._said: set[str] | None = None  # troubles said since the last good reply; None: none has come yet
        self._back_off = _FIRST_BACK_OFF
        self._losses: deque[float] = deque(maxlen=3)
        self._closing = self._only_reads = False

    @property
    def session(self) -> Session | None:
        """The session that is open; another object after every reconnection."""
        return self._session if self._session is not None and not self._session.ended else None

    @property
    def connected(self) -> bool:
        return self.session is not None

    def second_master(self) -> bool:
        """Whether the other side closed the connection three times within 60 s, not longer ago than that."""
        lately = len(self._losses) == 3 and self._clock() - self._losses[2] <= 60.0
        return lately and self._losses[2] - self._losses[0] <= 60.0

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection is lost. Runs until cancelled or `close`."""
        while not self._closing:
            if await self.connect():
                await self._lost.wait()
            if not self._closing:
                await pause(self._next_delay())

    async def connect(self) -> bool:
        """One attempt, at most `OPEN_S` long; true when connected, also when it was before."""
        async with self._connecting:
            if self.connected:
                return True
            self._lost.clear()
            session: Session = self.opens(self._access, timeout=self.timeout, lost=lambda: self._gone(session))
            try:
                async with asyncio.timeout(OPEN_S):
                    await session.open()
            except TimeoutError:
                self._trouble(f"{self.place}: cannot connect: no session within {OPEN_S:g} s")
            except (Untrusted, Rejected) as fault:
                self._back_off = REFUSED_BACK_OFF
                self._trouble(f"{fault}; trying again every {REFUSED_BACK_OFF:g} s")
            except OpcuaFault as fault:
                self._trouble(f"{self.place}: cannot connect, trying again every 2 s at most ({fault})")
            else:
                self._begin(session)
                return True
            finally:
                if session is not self._session:
                    session.abort()
            return False

    async def read(self, nodes: Sequence[NodeId]) -> Sequence[Said]:
        """The values of `nodes` with their status and source time stamps. Raises `OpcuaFault`."""
        return await self._ask(self._ready().read(nodes), _MOST_UNANSWERED)

    async def write(self, node: NodeId, kind: RegisterType, raw: float, *, allowed: Callable[[], bool]) -> None:
        """Write one value. `allowed` is asked in the last instruction before the bytes leave.

        Raises `OpcuaFault`; `TooLate` when `allowed` says no: nothing was sent.
        """
        if self._only_reads:
            raise Withheld(self.place, "this connection only reads")
        await self._ask(self._ready().write(node, kind, raw, allowed=allowed), 1)

    def only_read(self) -> None:
        """From now on nothing is written here."""
        self._only_reads = True

    async def watch(self, request: Awaitable[T]) -> T:
        """A request about a subscription, counted as a read. Raises `OpcuaFault`."""
        return await self._ask(request, _MOST_UNANSWERED)

    def node(self, text: str) -> NodeId:
        """The node id of a text in this session. Raises `OpcuaFault`."""
        return self._ready().node(text)

    def drop(self, why: str) -> None:
        """Close the connection because it is not what it should be; `keep` opens it again."""
        self._trouble(f"{self.place}: {why}; connection closed")
        self._end()

    async def close(self) -> None:
        """End the session and stay closed."""
        self._closing = True
        session, self._session = self._session, None
        if session is not None:
            await session.goodbye(GOODBYE_S)
        self._lost.set()

    async def _ask(self, request: Awaitable[T], most: int) -> T:
        try:
            answer = await request
        except asyncio.CancelledError:
            raise
        except (TooLate, Rejected) as fault:
            if isinstance(fault, Rejected):
                self._well()
            raise
        except NoReply as fault:
            self._unanswered += 1
            if self._unanswered >= most:
                self.drop(str(fault))
            raise
        except (BadReply, LinkDown) as fault:
            self.drop(str(fault))
            raise
        self._well()
        return answer

    def _ready(self) -> Session:
        session = self.session
        if session is None:
            raise LinkDown(self.place, "not connected")
        return session

    def _begin(self, session: Session) -> None:
        self.connects += 1
        for renewed in self.renewed:
            renewed()
        self._session, self._unanswered = session, 0

    def _gone(self, session: Session) -> None:
        """The other side closed the connection."""
        if session is self._session:
            self._losses.append(self._clock())
            self._trouble(f"{self.place}: connection lost")
            if self.second_master():
                self._trouble(f"{self.place}: connection lost three times in 60 s: a second master?")
            self._end()

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.abort()
        self._lost.set()

    def _well(self) -> None:
        """A good reply: the connection is what it should be, whatever was said before."""
        self._back_off, self._unanswered = _FIRST_BACK_OFF, 0
        if self._said is None or self._said:
            self._said = set()
            logger.info("opcua {}: connected", self.place)

    def _trouble(self, text: str) -> None:
        """Say each trouble once until a good reply comes: a server that talks nonsense must not fill the log."""
        said = self._said or set()
        if text not in said and len(said) < _MOST_SAID:
            self._said = said | {text}
            logger.warning("opcua {}", text)

    def _next_delay(self) -> float:
        delay, self._back_off = self._back_off, min(2 * self._back_off, max(MAX_BACK_OFF, self._back_off))
        return delay * (0.5 + 0.5 * self._jitter())
